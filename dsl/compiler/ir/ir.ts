/**
 * The SSA intermediate representation. A function is a list of basic blocks; a block has parameters in place of
 * phi nodes, straight-line instructions, and one terminator whose edges pass arguments.
 *
 * An operand is a value's id (a JS `number`) or a constant (a JS `bigint`, at the width of its use; canonical form
 * is unsigned). Scalars are 32 or 64 bits wide; a 32-bit value's register always has its upper half zero, so
 * `zext` is free. Pointers are 64 bits. There is no undefined behaviour: shifts mask their count, division by
 * zero gives 0, modulo by zero the dividend (RFC 9669 section 4.1).
 */
import type { AtomicOperator, Span } from '../tree/tree.ts';

export type ValueId = number;
export type Operand = ValueId | bigint;
export type Width = 32 | 64;
export type Bytes = 1 | 2 | 4 | 8;

export type BinaryOperator =
  | 'add'
  | 'sub'
  | 'mul'
  | 'udiv'
  | 'sdiv'
  | 'umod'
  | 'smod'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'lshr'
  | 'ashr';
export type Condition = 'eq' | 'ne' | 'ult' | 'ule' | 'ugt' | 'uge' | 'slt' | 'sle' | 'sgt' | 'sge' | 'test';

/** The condition with its operands exchanged. */
export const MIRRORED: Readonly<Record<Condition, Condition>> = {
  eq: 'eq',
  ne: 'ne',
  ult: 'ugt',
  ule: 'uge',
  ugt: 'ult',
  uge: 'ule',
  slt: 'sgt',
  sle: 'sge',
  sgt: 'slt',
  sge: 'sle',
  test: 'test',
};

/** What memory an access touches: the alias classes. Two different regions never overlap. */
export type Region = 'context' | 'packet' | 'map' | 'global' | 'settings' | 'stack';

interface Base {
  readonly span?: Span;
}

export type Instruction =
  | (Base & {
      readonly op: 'binary';
      readonly operator: BinaryOperator;
      readonly width: Width;
      readonly result: ValueId;
      readonly left: Operand;
      readonly right: Operand;
    })
  /** 32 to 64 bits, zeros above. */
  | (Base & { readonly op: 'zext'; readonly result: ValueId; readonly value: Operand })
  /** The low 32 bits. */
  | (Base & { readonly op: 'trunc'; readonly result: ValueId; readonly value: Operand })
  /** The low `from` bits, sign-extended to `width`. */
  | (Base & {
      readonly op: 'sext';
      readonly from: 8 | 16 | 32;
      readonly width: Width;
      readonly result: ValueId;
      readonly value: Operand;
    })
  /** Byte swap of the low `bits`, zero above; result width 64 for 64 bits, else 32. */
  | (Base & {
      readonly op: 'swap';
      readonly bits: 16 | 32 | 64;
      readonly result: ValueId;
      readonly value: Operand;
    })
  /** Zero-extending; result width is 64 for 8 bytes, else 32. `pointer`: a context field that the verifier turns into a 64-bit pointer. */
  | (Base & {
      readonly op: 'load';
      readonly bytes: Bytes;
      readonly region: Region;
      readonly base: Operand;
      readonly offset: number;
      readonly result: ValueId;
      readonly pointer?: boolean;
    })
  | (Base & {
      readonly op: 'store';
      readonly bytes: Bytes;
      readonly region: Region;
      readonly base: Operand;
      readonly offset: number;
      readonly value: Operand;
    })
  | (Base & {
      readonly op: 'atomic';
      readonly operator: AtomicOperator;
      readonly width: Width;
      readonly region: Region;
      readonly base: Operand;
      readonly offset: number;
      readonly value: Operand;
      readonly expected?: Operand;
      readonly result?: ValueId;
    })
  /** The address of a stack slot of the function. */
  | (Base & { readonly op: 'stackAddress'; readonly slot: number; readonly result: ValueId })
  /** The address of a data section's byte: LDDW with BPF_PSEUDO_MAP_VALUE. */
  | (Base & {
      readonly op: 'sectionAddress';
      readonly section: '.rodata' | '.data' | '.bss';
      readonly offset: number;
      readonly result: ValueId;
    })
  /** A map: LDDW with BPF_PSEUDO_MAP_FD. */
  | (Base & { readonly op: 'mapAddress'; readonly map: string; readonly result: ValueId })
  /** A BPF subprogram as a callback: LDDW with BPF_PSEUDO_FUNC. */
  | (Base & { readonly op: 'functionAddress'; readonly function: string; readonly result: ValueId })
  /** A helper by id. Result is 64 bits. `packet`: it invalidates packet pointers. `pure`: no effect but its result. */
  | (Base & {
      readonly op: 'helper';
      readonly id: number;
      readonly name: string;
      readonly arguments: readonly Operand[];
      readonly result?: ValueId;
      readonly invalidatesPacket: boolean;
      readonly pure: boolean;
    })
  /** A BPF subprogram. Result is 64 bits. */
  | (Base & {
      readonly op: 'call';
      readonly function: string;
      readonly arguments: readonly Operand[];
      readonly result?: ValueId;
    });

export interface Edge {
  readonly block: number;
  readonly arguments: readonly Operand[];
}

export type Terminator =
  | (Base & { readonly op: 'jump'; readonly to: Edge })
  /** `test` is `(left & right) != 0`. `likely` says which way it usually goes, where the source says. */
  | (Base & {
      readonly op: 'branch';
      readonly condition: Condition;
      readonly width: Width;
      readonly left: Operand;
      readonly right: Operand;
      readonly then: Edge;
      readonly otherwise: Edge;
      readonly likely?: boolean;
    })
  | (Base & { readonly op: 'return'; readonly value: Operand });

export interface Block {
  readonly id: number;
  readonly parameters: readonly ValueId[];
  readonly instructions: readonly Instruction[];
  readonly terminator: Terminator;
}

export interface StackSlot {
  readonly id: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes: 1, 2, 4 or 8. */
  readonly alignment: number;
}

export interface IrFunction {
  readonly name: string;
  /** Values of the arguments, in r1 to r5; for an entry function the context. */
  readonly parameters: readonly ValueId[];
  /** The first block is the entry; it has no parameters and no predecessors. */
  readonly blocks: readonly Block[];
  readonly slots: readonly StackSlot[];
  /** Width of every value, indexed by id. */
  readonly widths: readonly Width[];
}

/** One program: its entry function first, then its subprograms. */
export interface IrProgram {
  readonly name: string;
  readonly functions: readonly IrFunction[];
}
