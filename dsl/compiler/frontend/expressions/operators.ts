/** Operator tokens and what they mean in the tree. */
import { ts } from 'ts-morph';
import type { ArithmeticOperator, CompareOperator } from '../../tree/tree.ts';

const K = ts.SyntaxKind;

/** With the operator's text, for messages. */
export const ARITHMETIC: ReadonlyMap<ts.SyntaxKind, readonly [ArithmeticOperator, string]> = new Map([
  [K.PlusToken, ['add', '+']],
  [K.MinusToken, ['sub', '-']],
  [K.AsteriskToken, ['mul', '*']],
  [K.SlashToken, ['div', '/']],
  [K.PercentToken, ['mod', '%']],
  [K.AmpersandToken, ['and', '&']],
  [K.BarToken, ['or', '|']],
  [K.CaretToken, ['xor', '^']],
  [K.LessThanLessThanToken, ['shl', '<<']],
  [K.GreaterThanGreaterThanToken, ['shr', '>>']],
]);

export const COMPARE: ReadonlyMap<ts.SyntaxKind, readonly [CompareOperator, string]> = new Map([
  [K.EqualsEqualsEqualsToken, ['eq', '===']],
  [K.ExclamationEqualsEqualsToken, ['ne', '!==']],
  [K.LessThanToken, ['lt', '<']],
  [K.LessThanEqualsToken, ['le', '<=']],
  [K.GreaterThanToken, ['gt', '>']],
  [K.GreaterThanEqualsToken, ['ge', '>=']],
]);
