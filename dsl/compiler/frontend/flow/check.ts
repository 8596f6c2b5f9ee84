/**
 * Flow analysis of one program, through its calls: every array index and packet offset in range, and no packet
 * reference used after a helper may have moved the packet, and the result one that the kernel takes.
 */

import { CONTEXTS } from '../../../machine/contexts.ts';
import { diagnostic } from '../../diagnostics/diagnostic.ts';
import type { ProgramTree } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import { evaluate } from './expressions.ts';
import { Machine } from './machine.ts';
import { call, run } from './statements.ts';
import { NOTHING } from './values.ts';

export function checkFlow(session: Session, { entry, kind }: ProgramTree): void {
  if (session.unproven) return;
  const machine = new Machine(
    (code, span, details) => session.report(diagnostic(code, span, details)),
    evaluate,
    run,
    call,
  );
  machine.results = { kind, ...CONTEXTS[kind].results };
  call(
    machine,
    entry,
    entry.parameters.map(() => NOTHING),
  );
}
