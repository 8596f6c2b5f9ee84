/** Every kind of statement with its translator. */
import { ts } from 'ts-morph';
import type { Statement } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { effect } from './assign.ts';
import { branch, giveBack, jump } from './branches.ts';
import { declarations } from './declare.ts';
import { forLoop, forOf, whileLoop } from './loops.ts';
import { choose } from './switch.ts';

export function statement(scope: Scope, node: ts.Statement): Statement[] {
  if (ts.isVariableStatement(node)) return declarations(scope, node.declarationList);
  if (ts.isExpressionStatement(node)) return effect(scope, node.expression);
  if (ts.isIfStatement(node)) return branch(scope, node);
  if (ts.isReturnStatement(node)) return giveBack(scope, node);
  if (ts.isBlock(node))
    return [{ kind: 'block', body: scope.statements(node.statements), span: scope.span(node) }];
  if (ts.isForStatement(node)) return forLoop(scope, node);
  if (ts.isForOfStatement(node)) return forOf(scope, node);
  if (ts.isWhileStatement(node) || ts.isDoStatement(node)) return whileLoop(scope, node);
  if (ts.isSwitchStatement(node)) return choose(scope, node);
  if (ts.isLabeledStatement(node)) return scope.statement(node.statement);
  if (ts.isBreakOrContinueStatement(node)) return jump(scope, node);
  if (ts.isEmptyStatement(node)) return [];
  if (ts.isFunctionDeclaration(node)) return scope.refuse('N1014', node);
  if (ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node)) return [];
  if (ts.isEnumDeclaration(node))
    return scope.refuse('N1001', node, { syntax: 'an enum in a function; it may stand at module level' });
  return scope.refuse('N1001', node, { syntax: ts.SyntaxKind[node.kind] });
}
