/**
 * Flow analysis of one program, through its calls: every array index and packet offset in range, and no packet
 * reference used after a helper may have moved the packet.
 */
import { diagnostic } from '../../diagnostics/diagnostic.ts';
import type { FunctionTree } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import { evaluate } from './expressions.ts';
import { Machine } from './machine.ts';
import { call, run } from './statements.ts';
import { NOTHING } from './values.ts';

export function checkFlow(session: Session, entry: FunctionTree): void {
  if (session.unproven) return;
  const machine = new Machine(
    (code, span, details) => session.report(diagnostic(code, span, details)),
    evaluate,
    run,
    call,
  );
  call(
    machine,
    entry,
    entry.parameters.map(() => NOTHING),
  );
}
