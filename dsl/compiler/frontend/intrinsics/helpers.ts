/** BPF helpers, as dsl/machine/helpers.ts describes them. */
import type { ts } from 'ts-morph';
import type { HelperArgument, HelperRow } from '../../../machine/helpers.ts';
import type { Expression } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { CONTEXT, describe, I64, U32, U64, VOID } from '../types/types.ts';
import { argument, typed } from './arguments.ts';

const RESULTS = { u32: U32, u64: U64, i64: I64, void: VOID } as const;

function translate(scope: Scope, node: ts.CallExpression, index: number, kind: HelperArgument): Expression {
  if (kind === 'u32') return typed(scope, node, index, U32);
  if (kind === 'u64') return typed(scope, node, index, U64);
  if (kind === 'ctx') return typed(scope, node, index, CONTEXT);
  const given = argument(scope, node, index);
  const value = scope.value(given);
  if (value.type.kind === 'ref') return value;
  return scope.refuse('N2006', given, { expected: 'a reference to memory', found: describe(value.type) });
}

export const helper =
  (row: HelperRow) =>
  (scope: Scope, node: ts.CallExpression): Expression => ({
    kind: 'helper',
    type: RESULTS[row.returns],
    name: row.name,
    arguments: row.arguments
      .filter((kind) => kind !== 'size')
      .map((kind, index) => translate(scope, node, index, kind)),
    span: scope.span(node),
  });
