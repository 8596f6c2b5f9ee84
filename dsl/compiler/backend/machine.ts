/**
 * Machine code before registers are assigned: BPF instructions in two-address form over virtual registers.
 * No longer SSA: a block parameter is a register that every incoming edge sets.
 */
import type { Relocation } from '../../object/image.ts';
import type { ALU } from '../../object/instruction.ts';
import type { Bytes, Condition, Width } from '../ir/ir.ts';
import type { Span } from '../tree/tree.ts';

/** r0 to r10 are the machine's; from FIRST_VIRTUAL on, virtual ones. */
export type Register = number;
export const RESULT: Register = 0;
export const FRAME_POINTER: Register = 10;
export const FIRST_VIRTUAL: Register = 11;
/** r0 to r9: what register allocation hands out. */
export const ALLOCATABLE = 10;
/** r0 to r5 don't survive a call (RFC 9669 section 2). */
export const CALL_CLOBBERED: readonly Register[] = [0, 1, 2, 3, 4, 5];

export const isVirtual = (register: Register): boolean => register >= FIRST_VIRTUAL;

/** An immediate is already in its signed 32-bit form. */
export type Source = { readonly register: Register } | { readonly imm: number };

/** Memory: a register, or a frame slot whose place the frame layout decides, plus `offset` bytes. */
export type Address =
  | { readonly register: Register; readonly offset: number }
  | { readonly slot: number; readonly offset: number };

interface Base {
  readonly span?: Span;
}

export type AluOperator = Exclude<keyof typeof ALU, 'mov' | 'end'>;

/** What an LDDW loads the address of. */
export type AddressTarget = Relocation['target'] | { readonly kind: 'function'; readonly name: string };

export type MachineInstruction =
  /** A 64-bit copy; the allocator removes it where it can. */
  | (Base & { readonly op: 'move'; readonly to: Register; readonly from: Register })
  /** The low 32 bits, zeros above. */
  | (Base & { readonly op: 'move32'; readonly to: Register; readonly from: Register })
  | (Base & {
      readonly op: 'moveSigned';
      readonly bits: 8 | 16 | 32;
      readonly width: Width;
      readonly to: Register;
      readonly from: Register;
    })
  | (Base & { readonly op: 'constant'; readonly to: Register; readonly value: bigint })
  | (Base & { readonly op: 'relocated'; readonly to: Register; readonly target: AddressTarget })
  /** What lies at a place of `.rodata`: its address, and a load from there, in one register. */
  | (Base & {
      readonly op: 'setting';
      readonly bytes: Bytes;
      readonly to: Register;
      readonly target: Relocation['target'];
      readonly offset: number;
    })
  | (Base & {
      readonly op: 'frameAddress';
      readonly to: Register;
      readonly slot: number;
      readonly offset: number;
    })
  /** `to = to operator source`; `neg` ignores its source. `signed`: sdiv and smod. */
  | (Base & {
      readonly op: 'alu';
      readonly operator: AluOperator;
      readonly width: Width;
      readonly to: Register;
      readonly source: Source;
      readonly signed?: boolean;
    })
  | (Base & { readonly op: 'swap'; readonly bits: 16 | 32 | 64; readonly to: Register })
  | (Base & { readonly op: 'load'; readonly bytes: Bytes; readonly to: Register; readonly from: Address })
  | (Base & { readonly op: 'store'; readonly bytes: Bytes; readonly to: Address; readonly source: Source })
  /** `code` is the immediate (RFC 9669 section 5.3). With fetch, `value` takes the old contents; compare-exchange uses r0. */
  | (Base & {
      readonly op: 'atomic';
      readonly code: number;
      readonly width: Width;
      readonly at: Address;
      readonly value: Register;
      readonly writes: 'nothing' | 'value' | 'r0';
    })
  | (Base & {
      readonly op: 'call';
      readonly target: { readonly helper: number } | { readonly function: string };
      /** How many of r1 to r5 it takes. */
      readonly arguments: number;
    });

export type MachineTerminator =
  | (Base & { readonly op: 'jump'; readonly to: number })
  | (Base & {
      readonly op: 'branch';
      readonly condition: Condition;
      readonly width: Width;
      readonly left: Register;
      readonly right: Source;
      readonly then: number;
      readonly otherwise: number;
      readonly likely?: boolean;
    })
  /** Takes r0. */
  | (Base & { readonly op: 'exit' });

export interface MachineBlock {
  readonly id: number;
  readonly instructions: readonly MachineInstruction[];
  readonly terminator: MachineTerminator;
  /** Expected executions per execution of the function. */
  readonly frequency: number;
}

export interface FrameSlot {
  /** Bytes. */
  readonly size: number;
  /** Bytes: 1, 2, 4 or 8. */
  readonly alignment: number;
}

export interface MachineFunction {
  readonly name: string;
  readonly parameters: number;
  /** The entry first. */
  readonly blocks: readonly MachineBlock[];
  /** By slot number: the program's stack slots, then spills. */
  readonly slots: readonly FrameSlot[];
  /** The first virtual register not in use. */
  readonly nextRegister: Register;
}

function addSource(source: Source, into: Register[]): void {
  if ('register' in source) into.push(source.register);
}

function addAddress(address: Address, into: Register[]): void {
  if ('register' in address) into.push(address.register);
}

/** Adds the registers that an instruction writes to a list. */
export function addDefined(instruction: MachineInstruction, into: Register[]): void {
  switch (instruction.op) {
    case 'store':
      break;
    case 'atomic':
      if (instruction.writes !== 'nothing')
        into.push(instruction.writes === 'r0' ? RESULT : instruction.value);
      break;
    case 'call':
      for (const register of CALL_CLOBBERED) into.push(register);
      break;
    default:
      into.push(instruction.to);
  }
}

/** Adds the registers that an instruction reads to a list. */
export function addUsed(instruction: MachineInstruction, into: Register[]): void {
  switch (instruction.op) {
    case 'move':
    case 'move32':
    case 'moveSigned':
      into.push(instruction.from);
      break;
    case 'constant':
    case 'relocated':
    case 'setting':
    case 'frameAddress':
      break;
    case 'alu':
      into.push(instruction.to);
      addSource(instruction.source, into);
      break;
    case 'swap':
      into.push(instruction.to);
      break;
    case 'load':
      addAddress(instruction.from, into);
      break;
    case 'store':
      addAddress(instruction.to, into);
      addSource(instruction.source, into);
      break;
    case 'atomic':
      addAddress(instruction.at, into);
      into.push(instruction.value);
      if (instruction.writes === 'r0') into.push(RESULT);
      break;
    case 'call':
      for (let number = 1; number <= instruction.arguments; number++) into.push(number);
  }
}

/** Adds the registers that a terminator reads to a list. */
export function addUsedByTerminator(terminator: MachineTerminator, into: Register[]): void {
  if (terminator.op === 'exit') into.push(RESULT);
  if (terminator.op !== 'branch') return;
  into.push(terminator.left);
  addSource(terminator.right, into);
}

/** Registers that an instruction writes. */
export function defined(instruction: MachineInstruction): readonly Register[] {
  const registers: Register[] = [];
  addDefined(instruction, registers);
  return registers;
}

/** Registers that an instruction reads. */
export function used(instruction: MachineInstruction): readonly Register[] {
  const registers: Register[] = [];
  addUsed(instruction, registers);
  return registers;
}

/** Registers that a terminator reads. */
export function usedByTerminator(terminator: MachineTerminator): readonly Register[] {
  const registers: Register[] = [];
  addUsedByTerminator(terminator, registers);
  return registers;
}

/** Blocks that a terminator may go to: of a branch, the taken one first. */
export function successors(terminator: MachineTerminator): readonly number[] {
  switch (terminator.op) {
    case 'jump':
      return [terminator.to];
    case 'branch':
      return [terminator.then, terminator.otherwise];
    case 'exit':
      return [];
  }
}

function renameSource(source: Source, rename: (register: Register) => Register): Source {
  if (!('register' in source)) return source;
  const register = rename(source.register);
  return register === source.register ? source : { register };
}

function renameAddress(address: Address, rename: (register: Register) => Register): Address {
  if (!('register' in address)) return address;
  const register = rename(address.register);
  return register === address.register ? address : { register, offset: address.offset };
}

/**
 * The same instruction with each register replaced, and with the one that it sets as a result replaced by `renameResult`,
 * which is asked last unless what is set is read as well. Itself where all registers stay.
 */
export function renameRegisters(
  instruction: MachineInstruction,
  rename: (register: Register) => Register,
  renameResult = rename,
): MachineInstruction {
  // Written out field by field: V8 copies objects of many shapes slowly.
  const { span } = instruction;
  switch (instruction.op) {
    case 'move':
    case 'move32': {
      const from = rename(instruction.from);
      const to = renameResult(instruction.to);
      if (from === instruction.from && to === instruction.to) return instruction;
      return { op: instruction.op, to, from, span };
    }
    case 'moveSigned': {
      const from = rename(instruction.from);
      return { ...instruction, to: renameResult(instruction.to), from };
    }
    case 'constant': {
      const to = renameResult(instruction.to);
      return to === instruction.to ? instruction : { op: 'constant', to, value: instruction.value, span };
    }
    case 'relocated':
    case 'setting':
    case 'frameAddress':
    case 'swap': {
      const to = renameResult(instruction.to);
      return to === instruction.to ? instruction : { ...instruction, to };
    }
    case 'alu': {
      const { operator, width, signed } = instruction;
      const to = renameResult(instruction.to);
      const source = renameSource(instruction.source, rename);
      if (to === instruction.to && source === instruction.source) return instruction;
      return { op: 'alu', operator, width, to, source, signed, span };
    }
    case 'load': {
      const from = renameAddress(instruction.from, rename);
      const to = renameResult(instruction.to);
      if (from === instruction.from && to === instruction.to) return instruction;
      return { op: 'load', bytes: instruction.bytes, to, from, span };
    }
    case 'store': {
      const to = renameAddress(instruction.to, rename);
      const source = renameSource(instruction.source, rename);
      if (to === instruction.to && source === instruction.source) return instruction;
      return { op: 'store', bytes: instruction.bytes, to, source, span };
    }
    case 'atomic': {
      const at = renameAddress(instruction.at, rename);
      const value = rename(instruction.value);
      return at === instruction.at && value === instruction.value
        ? instruction
        : { ...instruction, at, value };
    }
    case 'call':
      return instruction;
  }
}

/** The same terminator with each register replaced; itself where all stay. */
export function renameTerminator(
  terminator: MachineTerminator,
  rename: (register: Register) => Register,
): MachineTerminator {
  if (terminator.op !== 'branch') return terminator;
  const left = rename(terminator.left);
  const right = renameSource(terminator.right, rename);
  if (left === terminator.left && right === terminator.right) return terminator;
  const { condition, width, then, otherwise, likely, span } = terminator;
  return { op: 'branch', condition, width, left, right, then, otherwise, likely, span };
}

/** The same block with each register replaced, without the moves that thereby become ones of a register to itself. */
export function renameBlock(block: MachineBlock, rename: (register: Register) => Register): MachineBlock {
  const instructions: MachineInstruction[] = [];
  let same = true;
  for (const instruction of block.instructions) {
    const renamed = renameRegisters(instruction, rename);
    if (renamed !== instruction) same = false;
    if (renamed.op !== 'move' || renamed.to !== renamed.from) instructions.push(renamed);
    else same = false;
  }
  const terminator = renameTerminator(block.terminator, rename);
  if (same && terminator === block.terminator) return block;
  return { ...block, instructions, terminator };
}

/** Whether 32 bits hold a constant, as they do what one slot sets. */
export const isShort = (constant: bigint): boolean => constant <= 0xffff_ffffn;

/** Whether an instruction does nothing but set `to`. */
export function hasOnlyResult(instruction: MachineInstruction): boolean {
  return instruction.op !== 'store' && instruction.op !== 'atomic' && instruction.op !== 'call';
}
