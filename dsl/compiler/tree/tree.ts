/**
 * The typed tree: a program after TypeScript and our own checker are done with it. Every expression has its
 * width, every reference its layout, every name its declaration; no ts-morph object lies below this point.
 * The reference interpreter runs it and the lowering turns it into IR.
 */
import type { MapImage, ProgramKind, SectionImage } from '../../object/image.ts';
import type { IntLayout, Layout } from '../../object/layout.ts';

/** A stretch of source; lines and columns from 1, the end exclusive. */
export interface Span {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export interface IntType {
  readonly kind: 'int';
  readonly bits: 8 | 16 | 32 | 64;
  readonly signed: boolean;
}

/**
 * Where a reference points; the verifier treats each in its own way. `ring`: a record of a ring buffer that is reserved.
 * `innerMap`: a map that another map holds.
 */
export type Space = 'packet' | 'map' | 'global' | 'settings' | 'stack' | 'ring' | 'innerMap';

export interface RefType {
  readonly kind: 'ref';
  readonly layout: Layout;
  readonly space: Space;
}

/** `T | undefined`. */
export interface OptionalType {
  readonly kind: 'optional';
  readonly of: RefType;
}

/** An object literal or tuple: a value, never memory. Tuple fields are named '0', '1', ... */
export interface RecordType {
  readonly kind: 'record';
  readonly fields: readonly { readonly name: string; readonly type: Type }[];
}

export type Type =
  | IntType
  | { readonly kind: 'bool' }
  | { readonly kind: 'void' }
  | { readonly kind: 'context' }
  | RefType
  | OptionalType
  | RecordType;

export interface Variable {
  /** Unique within the module: one per declaration. */
  readonly id: number;
  readonly name: string;
  readonly type: Type;
}

/** Operators on two integers of the same type. `>>` is `shr`: arithmetic when signed, logical when not. */
export type ArithmeticOperator = 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor' | 'shl' | 'shr';
export type CompareOperator = 'eq' | 'ne' | 'lt' | 'le' | 'gt' | 'ge';
export type AtomicOperator = 'add' | 'and' | 'or' | 'xor' | 'exchange' | 'compareExchange';

interface Node {
  readonly span: Span;
}

/**
 * Expressions. Integer expressions of 8 and 16 bits occur only as the results of loads, conversions, variables
 * and calls: arithmetic is at 32 or 64 bits (the checker inserts `convert`).
 */
export type Expression =
  | (Node & { readonly kind: 'int'; readonly type: IntType; readonly value: bigint })
  | (Node & { readonly kind: 'bool'; readonly type: Type; readonly value: boolean })
  | (Node & { readonly kind: 'undefined'; readonly type: OptionalType })
  | (Node & { readonly kind: 'variable'; readonly type: Type; readonly variable: Variable })
  | (Node & { readonly kind: 'negate'; readonly type: IntType; readonly operand: Expression })
  | (Node & { readonly kind: 'complement'; readonly type: IntType; readonly operand: Expression })
  | (Node & { readonly kind: 'not'; readonly type: Type; readonly operand: Expression })
  /** Both operands have `type`; a shift count too, taken modulo the width. Division by 0 is 0, modulo by 0 the dividend. */
  | (Node & {
      readonly kind: 'arithmetic';
      readonly type: IntType;
      readonly operator: ArithmeticOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  /** Operands have the same integer type, or both are bool (eq, ne). */
  | (Node & {
      readonly kind: 'compare';
      readonly type: Type;
      readonly operator: CompareOperator;
      readonly left: Expression;
      readonly right: Expression;
    })
  /** `&&` and `||` on booleans, short-circuit. */
  | (Node & {
      readonly kind: 'logical';
      readonly type: Type;
      readonly operator: 'and' | 'or';
      readonly left: Expression;
      readonly right: Expression;
    })
  | (Node & {
      readonly kind: 'conditional';
      readonly type: Type;
      readonly condition: Expression;
      readonly whenTrue: Expression;
      readonly whenFalse: Expression;
    })
  /** min, max, smin, smax: signedness is the type's. Both operands are evaluated once, left first. */
  | (Node & {
      readonly kind: 'extremum';
      readonly type: IntType;
      readonly which: 'min' | 'max';
      readonly left: Expression;
      readonly right: Expression;
    })
  /** Integer (or bool) to integer: truncate, or extend by the operand's signedness. */
  | (Node & { readonly kind: 'convert'; readonly type: IntType; readonly operand: Expression })
  /** likely and unlikely. */
  | (Node & {
      readonly kind: 'hint';
      readonly type: Type;
      readonly likely: boolean;
      readonly operand: Expression;
    })
  /** `operand` (of ref or record type that may be undefined) is present: narrowing has shown it. */
  | (Node & { readonly kind: 'present'; readonly type: RefType; readonly operand: Expression })
  /** A reference as an optional one. */
  | (Node & { readonly kind: 'optional'; readonly type: OptionalType; readonly operand: Expression })
  /** `operand !== undefined`, as a bool. */
  | (Node & { readonly kind: 'isPresent'; readonly type: Type; readonly operand: Expression })
  | (Node & {
      readonly kind: 'record';
      readonly type: RecordType;
      /** In the order of the type's fields. */
      readonly values: readonly Expression[];
      /** Places in `values` in the order of evaluation, where the source has another than the type. */
      readonly order?: readonly number[];
    })
  | (Node & {
      readonly kind: 'field';
      readonly type: Type;
      readonly record: Expression;
      readonly name: string;
    })
  /** The address of a global or of the settings. */
  | (Node & {
      readonly kind: 'global';
      readonly type: RefType;
      readonly section: SectionImage['name'];
      readonly name: string;
      readonly offset: number;
    })
  /**
   * A zeroed stack instance; each evaluation zeroes it. `slot` is unique within the module. `uninitialised`: whatever
   * comes next fills all of it, so that zeros need not be stored.
   */
  | (Node & {
      readonly kind: 'stack';
      readonly type: RefType;
      readonly slot: number;
      readonly uninitialised?: true;
    })
  /** A reference to a member of the struct that `base` refers to. */
  | (Node & {
      readonly kind: 'member';
      readonly type: RefType;
      readonly base: Expression;
      readonly offset: number;
    })
  /** A reference to element `index` (u32 or u64, proven < length) of the array that `base` refers to. */
  | (Node & {
      readonly kind: 'element';
      readonly type: RefType;
      readonly base: Expression;
      readonly index: Expression;
      readonly stride: number;
      readonly length: number;
    })
  /** The integer at `from` (a ref to an IntLayout). */
  | (Node & {
      readonly kind: 'load';
      readonly type: IntType;
      readonly from: Expression;
      readonly layout: IntLayout;
    })
  /** `skb.at(layout, offset)`; `offset` is a u32. */
  | (Node & {
      readonly kind: 'packetAt';
      readonly type: OptionalType;
      readonly offset: Expression;
      readonly layout: Layout;
    })
  /** `skb.linearLength`: data_end - data, u32. */
  | (Node & { readonly kind: 'linearLength'; readonly type: IntType })
  /** A context field by its name in the context table. */
  | (Node & { readonly kind: 'contextField'; readonly type: IntType; readonly name: string })
  | (Node & { readonly kind: 'context'; readonly type: Type })
  /**
   * `key` is an int (array index) or a record/ref laid out as `layout`. `on`, here and below: a reference to an inner
   * map, which `map` describes, in place of the map of that name.
   */
  | (Node & {
      readonly kind: 'mapLookup';
      readonly type: OptionalType;
      readonly map: string;
      readonly on?: Expression;
      readonly key: Expression;
    })
  | (Node & {
      readonly kind: 'mapUpdate';
      readonly type: IntType;
      readonly map: string;
      readonly on?: Expression;
      readonly key: Expression;
      readonly value: Expression;
      readonly flags: Expression;
    })
  | (Node & {
      readonly kind: 'mapDelete';
      readonly type: IntType;
      readonly map: string;
      readonly on?: Expression;
      readonly key: Expression;
    })
  /** A zeroed record of a ring buffer, or `undefined` where it is full. */
  | (Node & { readonly kind: 'reserve'; readonly type: OptionalType; readonly map: string })
  /** Hands a reserved record to user space, or gives its room back. */
  | (Node & {
      readonly kind: 'settle';
      readonly type: Type;
      readonly record: Expression;
      readonly submit: boolean;
      readonly flags: Expression;
    })
  /** Copies `value` into a ring buffer. */
  | (Node & {
      readonly kind: 'output';
      readonly type: IntType;
      readonly map: string;
      readonly layout: Layout;
      readonly value: Expression;
      readonly flags: Expression;
    })
  /** Goes on in the program that a program array holds at `index` (u32), or goes on here where it holds none. */
  | (Node & {
      readonly kind: 'tailCall';
      readonly type: Type;
      readonly map: string;
      readonly index: Expression;
    })
  /** `body`, a function without parameters, while the spin lock that `lock` refers to is held. */
  | (Node & {
      readonly kind: 'locked';
      readonly type: Type;
      readonly lock: Expression;
      readonly body: FunctionTree;
    })
  /** `fetch` false only for add/and/or/xor whose result is unused (then type is void). */
  | (Node & {
      readonly kind: 'atomic';
      readonly type: Type;
      readonly operator: AtomicOperator;
      readonly fetch: boolean;
      readonly on: Expression;
      readonly layout: IntLayout;
      readonly value: Expression;
      readonly expected?: Expression;
    })
  | (Node & { readonly kind: 'clock'; readonly type: IntType; readonly which: 'now' | 'coarse' | 'ticks' })
  | (Node & { readonly kind: 'random'; readonly type: IntType })
  /** `size` arguments of the helper table have no expression here. */
  | (Node & {
      readonly kind: 'helper';
      readonly type: Type;
      readonly name: string;
      readonly arguments: readonly Expression[];
    })
  | (Node & {
      readonly kind: 'call';
      readonly type: Type;
      readonly function: FunctionTree;
      readonly arguments: readonly Expression[];
    });

export type Statement =
  | (Node & { readonly kind: 'declare'; readonly variable: Variable; readonly value: Expression })
  /** Destructuring has been taken apart; compound assignment has become arithmetic. */
  | (Node & { readonly kind: 'assign'; readonly variable: Variable; readonly value: Expression })
  | (Node & {
      readonly kind: 'assignField';
      readonly variable: Variable;
      readonly path: readonly string[];
      readonly value: Expression;
    })
  /** Stores the integer `value` at `to` (a ref to an IntLayout); 8- and 16-bit layouts take a value of their width. */
  | (Node & {
      readonly kind: 'store';
      readonly to: Expression;
      readonly layout: IntLayout;
      readonly value: Expression;
    })
  | (Node & { readonly kind: 'storeContext'; readonly name: string; readonly value: Expression })
  | (Node & { readonly kind: 'expression'; readonly expression: Expression })
  | (Node & { readonly kind: 'block'; readonly body: readonly Statement[] })
  | (Node & {
      readonly kind: 'if';
      readonly condition: Expression;
      readonly whenTrue: Statement;
      readonly whenFalse?: Statement;
    })
  /**
   * Every loop. `condition` absent means true; `update` runs after the body and on `continue`.
   * `postTest` (do..while) runs the body once before the condition.
   * `trips`: the number of rounds where the checker knows it; then `counter` takes 0, step, 2 step, ...
   * `label`, here and below: what a `break` or `continue` names that means this and nothing inside it.
   */
  | (Node & {
      readonly kind: 'loop';
      readonly label?: string;
      readonly initial: readonly Statement[];
      readonly condition?: Expression;
      readonly update: readonly Statement[];
      readonly body: Statement;
      readonly postTest: boolean;
      readonly trips?: { readonly counter: Variable; readonly count: number };
    })
  /**
   * `body` for every `counter` from 0 to `count` (u32) - 1: too many rounds for the verifier to walk, or too many to
   * know, so that bpf_loop runs them. `constant`: the count, where the checker knows it.
   */
  | (Node & {
      readonly kind: 'repeat';
      readonly label?: string;
      readonly counter: Variable;
      readonly count: Expression;
      readonly constant?: number;
      readonly body: Statement;
    })
  /**
   * Cases without fall-through into code: each lists its constants; `otherwise` is where none matches. A `break` in one
   * leaves the switch.
   */
  | (Node & {
      readonly kind: 'switch';
      readonly label?: string;
      readonly on: Expression;
      readonly cases: readonly { readonly values: readonly bigint[]; readonly body: Statement }[];
      readonly otherwise?: Statement;
    })
  /** Out of the innermost loop or switch, or of the one with the label. */
  | (Node & { readonly kind: 'break'; readonly label?: string })
  /** On to the next round of the innermost loop, or of the one with the label. */
  | (Node & { readonly kind: 'continue'; readonly label?: string })
  | (Node & { readonly kind: 'return'; readonly value?: Expression });

export interface FunctionTree extends Node {
  readonly name: string;
  readonly parameters: readonly Variable[];
  readonly returnType: Type;
  /** Filled in after creation, since functions may be declared in any order; never recursive. */
  readonly body: readonly Statement[];
  readonly noinline: boolean;
}

export interface ProgramTree extends Node {
  readonly name: string;
  readonly kind: ProgramKind;
  /** Its single parameter, if declared, has the type `context`. */
  readonly entry: FunctionTree;
}

export interface ModuleTree {
  readonly programs: readonly ProgramTree[];
  readonly maps: readonly MapImage[];
  readonly sections: readonly SectionImage[];
  /** Text of every source file, by the name that spans use: for line info and diagnostics. */
  readonly sources: ReadonlyMap<string, string>;
}
