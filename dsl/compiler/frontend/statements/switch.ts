/** `switch` over constants. */
import { ts } from 'ts-morph';
import type { Expression, Statement } from '../../tree/tree.ts';
import { convert, integerType } from '../expressions/integers.ts';
import type { Scope } from '../scope.ts';
import { convertTo, settle } from '../types/coerce.ts';
import { isFree } from '../types/literals.ts';
import { promoted } from '../types/types.ts';

const K = ts.SyntaxKind;

/** Whether control can run past the end of these statements, `break` included as an end. */
function fallsOut(nodes: readonly ts.Statement[]): boolean {
  const last = nodes.at(-1);
  if (last === undefined) return true;
  if (ts.isBlock(last)) return fallsOut(last.statements);
  if (ts.isIfStatement(last))
    return (
      last.elseStatement === undefined || fallsOut([last.thenStatement]) || fallsOut([last.elseStatement])
    );
  return ![K.BreakStatement, K.ContinueStatement, K.ReturnStatement].includes(last.kind);
}

/** The `break`s that end a case: each is the last thing on its path. */
function endings(nodes: readonly ts.Statement[], found: Set<ts.Node>): Set<ts.Node> {
  const last = nodes.at(-1);
  if (last === undefined) return found;
  if (ts.isBreakStatement(last)) found.add(last);
  else if (ts.isBlock(last)) endings(last.statements, found);
  else if (ts.isIfStatement(last)) {
    endings([last.thenStatement], found);
    if (last.elseStatement) endings([last.elseStatement], found);
  }
  return found;
}

/** Refuses a `break` of the switch that is not at an end of its case. */
function checkBreaks(scope: Scope, node: ts.Node, allowed: ReadonlySet<ts.Node>): void {
  if (ts.isBreakStatement(node) && !allowed.has(node)) scope.refuse('N4003', node);
  if (ts.isIterationStatement(node, false) || ts.isSwitchStatement(node)) return;
  ts.forEachChild(node, (child) => checkBreaks(scope, child, allowed));
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
    if (!last && fallsOut(clause.statements)) scope.refuse('N4001', clause);
    const ends = endings(clause.statements, new Set());
    for (const statement of clause.statements) checkBreaks(scope, statement, ends);
    const body = scope.block(
      scope.endingCase(ends, () => scope.statements(clause.statements)),
      clause,
    );
    if (isDefault) otherwise = body;
    else cases.push({ values, body });
    values = [];
    isDefault = false;
  });
  const rest = otherwise === undefined ? {} : { otherwise };
  return [{ kind: 'switch', on, cases, ...rest, span: scope.span(node) }];
}
