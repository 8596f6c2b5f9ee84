/** `switch` over constants. */
import { ts } from 'ts-morph';
import type { Expression, Statement } from '../../tree/tree.ts';
import { convert, integerType } from '../expressions/integers.ts';
import type { Scope } from '../scope.ts';
import { convertTo, settle } from '../types/coerce.ts';
import { isFree } from '../types/literals.ts';
import { promoted } from '../types/types.ts';
import { labelOf } from './branches.ts';
import { completes } from './completion.ts';

/** What a case does before the `break`s at its end, which lead where it ends anyway. */
function withoutEnd(statements: readonly Statement[]): Statement[] {
  const [last, others] = [statements.at(-1), statements.slice(0, -1)];
  if (last === undefined) return others;
  if (last.kind === 'break' && last.label === undefined) return others;
  return [...others, endingWithout(last)];
}

function endingWithout(last: Statement): Statement {
  const arm = (part: Statement): Statement =>
    part.kind === 'break'
      ? { kind: 'block', body: withoutEnd([part]), span: part.span }
      : endingWithout(part);
  if (last.kind === 'block') return { ...last, body: withoutEnd(last.body) };
  if (last.kind !== 'if') return last;
  const { whenTrue, whenFalse } = last;
  return { ...last, whenTrue: arm(whenTrue), ...(whenFalse && { whenFalse: arm(whenFalse) }) };
}

function constant(scope: Scope, node: ts.Expression, on: Expression): bigint {
  const given = scope.value(node);
  const value = isFree(given)
    ? convertTo(scope.session, given, on.type, node)
    : on.type.kind === 'int'
      ? convert(settle(scope.session, given, node), on.type)
      : given;
  const literal = value.kind === 'convert' ? value.operand : value;
  return literal.kind === 'int' ? literal.value : scope.refuse('N2011', node, { what: 'a case' });
}

export function choose(scope: Scope, node: ts.SwitchStatement): Statement[] {
  const given = settle(scope.session, scope.value(node.expression), node.expression);
  const on = convert(given, promoted(integerType(scope, given, node.expression)));
  const cases: { values: bigint[]; body: Statement }[] = [];
  let otherwise: Statement | undefined;
  let values: bigint[] = [];
  let isDefault = false;
  const { clauses } = node.caseBlock;
  clauses.forEach((clause, index) => {
    if (ts.isDefaultClause(clause)) isDefault = true;
    else values.push(constant(scope, clause.expression, on));
    const last = index === clauses.length - 1;
    if (clause.statements.length === 0 && !last) return;
    const before = scope.session.refusals;
    const statements = scope.statements(clause.statements);
    // What is refused may have been its end.
    const falls = statements.every(completes) && scope.session.refusals === before;
    if (!last && falls) scope.refuse('N4001', clause);
    const body = scope.block(withoutEnd(statements), clause);
    if (isDefault) otherwise = body;
    else cases.push({ values, body });
    values = [];
    isDefault = false;
  });
  const rest = otherwise === undefined ? {} : { otherwise };
  return [{ kind: 'switch', ...labelOf(node), on, cases, ...rest, span: scope.span(node) }];
}
