/** What the lowering of one function carries along. */
import type { ContextTable } from '../../machine/contexts.ts';
import type { MapImage } from '../../object/image.ts';
import type { Layout } from '../../object/layout.ts';
import type { Operand } from '../ir/ir.ts';
import type { Expression, FunctionTree, ModuleTree, Span, Type } from '../tree/tree.ts';
import type { FunctionBuilder, OpenBlock } from './builder.ts';
import type { Place, Value } from './values.ts';

/** Where clocks and randomness come from: helpers, or the `__seams` variable that a test sets. */
export type Seams = 'kernel' | 'memory';

/**
 * What the kernel has at least, by the version that brought it: atomics that fetch (5.12) and the coarse clock (5.11),
 * or neither of them. A kernel may have them earlier; what is there is found by trying.
 */
export type Baseline = '5.12' | '5.10';

/** Where `break` and `continue` go; a switch has no `continue` of its own. */
export interface Jumps {
  readonly breakTo: OpenBlock;
  readonly continueTo?: OpenBlock;
}

/** Where `return` goes: out of the IR function, or to the block behind an inlined call. */
export type ReturnTarget =
  | { readonly kind: 'function' }
  | { readonly kind: 'inline'; readonly block: OpenBlock; readonly result: Place };

export interface Scope {
  readonly module: ModuleTree;
  readonly context: ContextTable;
  readonly seams: Seams;
  readonly baseline: Baseline;
  readonly builder: FunctionBuilder;
  /** The program's context; absent in a subprogram that doesn't take it. */
  contextPointer: Operand | undefined;
  /** Variables that are assigned after their declaration: their leaves are SSA variables. */
  readonly assigned: ReadonlySet<number>;
  /** Variables by id: bound for good, or a place that control flow merges. */
  readonly variables: Map<number, Value | Place>;
  readonly jumps: Jumps[];
  returnTo: ReturnTarget;
  /** Stack slots by what they hold; values that never live at the same time share one. */
  readonly slots: Map<string, number>;
  /** The function being inlined, or the IR function's own. */
  current: FunctionTree;
  /** Lowers a `noinline` function once, gives its name in the program. */
  readonly subprogram: (tree: FunctionTree) => string;
}

/** Thrown for a tree that no front end should make. */
export class LoweringError extends Error {
  readonly span: Span;

  constructor(span: Span, problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.span = span;
  }
}

export const isPlace = (bound: Value | Place): bound is Place => 'leaves' in bound;

/** The map that the tree names. */
export function mapNamed(scope: Scope, name: string, span: Span): MapImage {
  const map = scope.module.maps.find((candidate) => candidate.name === name);
  if (map === undefined) {
    throw new LoweringError(span, `the module has no map ${name}`);
  }
  return map;
}

/** The layout that an expression refers to. */
export function layoutReferredTo(expression: Expression): Layout {
  const { type } = expression;
  if (type.kind !== 'ref') {
    throw new LoweringError(expression.span, `a ${type.kind} where a reference is needed`);
  }
  return type.layout;
}

/** Whether a value of `type` may refer to the stack. */
export function mayReferToStack(type: Type): boolean {
  switch (type.kind) {
    case 'ref':
      return type.space === 'stack';
    case 'optional':
      return type.of.space === 'stack';
    case 'record':
      return type.fields.some((field) => mayReferToStack(field.type));
    default:
      return false;
  }
}
