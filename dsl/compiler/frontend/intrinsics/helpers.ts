/** BPF helpers, as dsl/machine/helpers.ts describes them. */
import type { ts } from 'ts-morph';
import { type HelperArgument, type HelperRow, isAvailable } from '../../../machine/helpers.ts';
import type { Expression } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { CONTEXT, countLocks, describe, I32, I64, U32, U64, VOID } from '../types/types.ts';
import { argument, typed } from './arguments.ts';

const RESULTS = { u32: U32, u64: U64, i64: I64, void: VOID } as const;

/**
 * Memory that a helper reads or fills. None of the table takes a pointer into the packet (`pkt_access` of struct
 * bpf_func_proto), and a program's settings are read-only.
 */
function memory(scope: Scope, node: ts.CallExpression, index: number, row: HelperRow): Expression {
  const given = argument(scope, node, index);
  const value = scope.value(given);
  if (value.type.kind !== 'ref')
    return scope.refuse('N2006', given, { expected: 'a reference to memory', found: describe(value.type) });
  const { space } = value.type;
  const unreachable =
    space === 'packet' || space === 'innerMap' || (space === 'settings' && row.writesMemory);
  if (countLocks(value.type.layout) > 0) scope.refuse('N3017', given, { where: 'memory that a helper uses' });
  if (unreachable && !scope.session.unproven)
    return scope.refuse('N3013', given, { helper: row.name, space });
  return value;
}

function translate(
  scope: Scope,
  node: ts.CallExpression,
  index: number,
  kind: HelperArgument,
  row: HelperRow,
): Expression {
  switch (kind) {
    case 'u32':
      return typed(scope, node, index, U32);
    case 'i32':
      return typed(scope, node, index, I32);
    case 'u64':
      return typed(scope, node, index, U64);
    case 'ctx':
      return typed(scope, node, index, CONTEXT);
    default:
      return memory(scope, node, index, row);
  }
}

/** Refuses a helper that programs of this kind can't call. */
function checkAvailable(scope: Scope, row: HelperRow, node: ts.Node): void {
  const { kind } = scope.session;
  if (kind !== undefined && !isAvailable(row, kind))
    scope.refuse('N5008', node, { helper: row.name, kind, kinds: (row.kinds ?? []).join(', ') });
}

export const helper =
  (row: HelperRow) =>
  (scope: Scope, node: ts.CallExpression): Expression => {
    checkAvailable(scope, row, node);
    return {
      kind: 'helper',
      type: RESULTS[row.returns],
      name: row.name,
      arguments: row.arguments
        .filter((kind) => kind !== 'size')
        .map((kind, index) => translate(scope, node, index, kind, row)),
      span: scope.span(node),
    };
  };
