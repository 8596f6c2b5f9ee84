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

/**
 * The same instruction with each register replaced, and with the one that it sets as a result replaced by `renameResult`,
 * which is asked last.
 */
export function renameRegisters(
  instruction: MachineInstruction,
  rename: (register: Register) => Register,
  renameResult = rename,
): MachineInstruction {
  const source = (from: Source): Source => ('register' in from ? { register: rename(from.register) } : from);
  const address = (at: Address): Address =>
    'register' in at ? { register: rename(at.register), offset: at.offset } : at;
  switch (instruction.op) {
    case 'move':
    case 'move32':
    case 'moveSigned': {
      const from = rename(instruction.from);
      return { ...instruction, to: renameResult(instruction.to), from };
    }
    case 'constant':
    case 'relocated':
    case 'setting':
    case 'frameAddress':
    case 'swap':
      return { ...instruction, to: renameResult(instruction.to) };
    case 'alu':
      return { ...instruction, to: renameResult(instruction.to), source: source(instruction.source) };
    case 'load': {
      const from = address(instruction.from);
      return { ...instruction, to: renameResult(instruction.to), from };
    }
    case 'store':
      return { ...instruction, to: address(instruction.to), source: source(instruction.source) };
    case 'atomic':
      return { ...instruction, at: address(instruction.at), value: rename(instruction.value) };
    case 'call':
      return instruction;
  }
}

/** The same terminator with each register replaced. */
export function renameTerminator(
  terminator: MachineTerminator,
  rename: (register: Register) => Register,
): MachineTerminator {
  if (terminator.op !== 'branch') return terminator;
  const { right } = terminator;
  return {
    ...terminator,
    left: rename(terminator.left),
    right: 'register' in right ? { register: rename(right.register) } : right,
  };
}

/** Whether an instruction does nothing but set `to`. */
export function hasOnlyResult(instruction: MachineInstruction): boolean {
  return instruction.op !== 'store' && instruction.op !== 'atomic' && instruction.op !== 'call';
}
