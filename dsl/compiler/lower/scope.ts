/** What the lowering of one function carries along. */
import type { ContextTable } from '../../machine/contexts.ts';
import type { MapImage } from '../../object/image.ts';
import type { Layout } from '../../object/layout.ts';
import type { IrFunction, Operand, Region } from '../ir/ir.ts';
import type { Expression, FunctionTree, ModuleTree, Space, Span } from '../tree/tree.ts';
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
  readonly label?: string | undefined;
  readonly breakTo: OpenBlock;
  readonly continueTo?: OpenBlock;
}

/** Where `return` goes: out of the IR function, to the block behind an inlined call, or out of a loop first. */
export type ReturnTarget =
  | { readonly kind: 'function' }
  | { readonly kind: 'inline'; readonly block: OpenBlock; readonly result: Place }
  /** Out of a round of bpf_loop, through `leaves` cells of its frame; see repeat.ts. */
  | {
      readonly kind: 'round';
      readonly block: OpenBlock;
      readonly frame: Operand;
      readonly returned: number;
      readonly result: number;
      readonly leaves: number;
    };

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
  /** What the address of anything with this layout on the stack is a multiple of, bytes. */
  readonly stackAlignment: (layout: Layout) => number;
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
  /** Adds a function that the kernel calls, gives its name in the program. */
  readonly callback: (lower: (name: string) => IrFunction) => string;
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

/** The alias class of what a reference points into. */
export function regionOf(space: Space): Region {
  return space === 'ring' || space === 'innerMap' ? 'map' : space;
}

/** The map that the tree names, or the one that describes what a map of maps holds. */
export function mapNamed(scope: Scope, name: string, span: Span): MapImage {
  const map = scope.module.maps
    .flatMap((outer) => (outer.inner ? [outer, outer.inner] : [outer]))
    .find((candidate) => candidate.name === name);
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
