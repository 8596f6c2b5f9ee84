/** Back to what was in force before an ADD: a link update or a filter's replacement goes both ways. */
import { DIRECTIONS } from '../config/bandwidth.ts';
import { describe } from '../errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import type { AttachmentRecord } from '../state/records.ts';
import type { Ledger } from './ledger.ts';
import { withdraw } from './release.ts';
import { isSame } from './renew.ts';
import { swap } from './swap.ts';

/**
 * Leaves in force what `former` has and nothing else, and its record. All of that must still be in its place, be it with
 * other limits. False where there is nothing to go back to or that fails; the ledger's record names what is left then.
 */
export function revert(former: AttachmentRecord, ledger: Ledger, node: Node): boolean {
  const key = attachmentKey(former);
  if (Object.keys(former.directions).length === 0) return false;
  try {
    for (const direction of DIRECTIONS) {
      const [plan, now] = [former.directions[direction], ledger.record.directions[direction]];
      if (plan === undefined && now !== undefined) withdraw(direction, ledger, node);
      if (plan !== undefined && now !== undefined && !isSame(plan, now)) swap(direction, plan, ledger, node);
    }
    ledger.end(former);
    node.log(`${key}: the former limits go on`);
    return true;
  } catch (error) {
    node.log(`${key}: go back to the former limits: ${describe(error)}`);
    return false;
  }
}
