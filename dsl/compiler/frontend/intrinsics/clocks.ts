/** clock.now, clock.coarse, clock.ticks, random.u32: seams that a test build can set. */
import type { ts } from 'ts-morph';
import type { Expression } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { U32, U64 } from '../types/types.ts';

export const clock =
  (which: 'now' | 'coarse' | 'ticks') =>
  (scope: Scope, node: ts.CallExpression): Expression => ({
    kind: 'clock',
    type: U64,
    which,
    span: scope.span(node),
  });

export const random = (scope: Scope, node: ts.CallExpression): Expression => ({
  kind: 'random',
  type: U32,
  span: scope.span(node),
});
