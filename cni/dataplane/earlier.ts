/**
 * What of others packets meet at a hook before natra's program. natra comes first when it attaches; who comes later may take that
 * place, and what he decides for good (TCX_PASS, TC_ACT_OK, a redirection) natra never sees. Only his program knows whether he does.
 */
import { type AtHook, earlierThan } from '../../loader/index.ts';
import type { DirectionRecord } from '../state/records.ts';
import { attachesProgram } from './ledger.ts';

/** Each in words, the first first; none where natra's own is not in its place, which is a fault. */
export function earlierOthers(plan: DirectionRecord): string[] {
  const attachment = plan.made.find(attachesProgram);
  return attachment === undefined ? [] : (earlierThan(attachment) ?? []).map(calledAtHook);
}

/** What people read of a program or filter. */
export const calledAtHook = ({ name, mode }: AtHook): string =>
  `${name || 'a program without a name'} by ${mode}`;
