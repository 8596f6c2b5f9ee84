/** Machine instructions over machine registers, as BPF slots. */
import {
  ALU,
  CALL,
  CLASS,
  type Instruction,
  JMP,
  LDDW,
  MODE,
  OPCODE_CALL,
  OPCODE_EXIT,
  OPCODE_LDDW,
  SIZE,
  SIZE_OF_BYTES,
  SOURCE,
} from '../../object/instruction.ts';
import type { Condition } from '../ir/ir.ts';
import {
  type Address,
  type AddressTarget,
  FRAME_POINTER,
  type MachineInstruction,
  type MachineTerminator,
  type Source,
} from './machine.ts';
import { BackendError, fitsImmediate, fitsOffset, immediateOf, type Target } from './target.ts';

const CONDITION: Readonly<Record<Condition, number>> = {
  eq: JMP.eq,
  ne: JMP.ne,
  ult: JMP.lt,
  ule: JMP.le,
  ugt: JMP.gt,
  uge: JMP.ge,
  slt: JMP.slt,
  sle: JMP.sle,
  sgt: JMP.sgt,
  sge: JMP.sge,
  test: JMP.set,
};

/** The condition that holds when this one doesn't; `test` has none. */
export const INVERSE: Readonly<Partial<Record<Condition, Condition>>> = {
  eq: 'ne',
  ne: 'eq',
  ult: 'uge',
  ule: 'ugt',
  ugt: 'ule',
  uge: 'ult',
  slt: 'sge',
  sle: 'sgt',
  sgt: 'sle',
  sge: 'slt',
};

type Slot = Pick<Instruction, 'opcode'> & Partial<Instruction>;
const slot = (fields: Slot): Instruction => ({ dst: 0, src: 0, offset: 0, imm: 0, ...fields });

const aluClass = (width: 32 | 64): number => (width === 64 ? CLASS.alu64 : CLASS.alu);

/** The opcode bit and fields of a register or immediate source. */
function operand(source: Source): { bit: number; src: number; imm: number } {
  return 'register' in source
    ? { bit: SOURCE.register, src: source.register, imm: 0 }
    : { bit: SOURCE.imm, src: 0, imm: source.imm };
}

/** What encoding needs to know of the function and program around an instruction. */
export interface Encoding {
  readonly name: string;
  readonly target: Target;
  /** Offsets from r10, by slot number. */
  readonly frame: readonly number[];
}

function memory(address: Address, encoding: Encoding): { register: number; offset: number } {
  const resolved =
    'slot' in address
      ? { register: FRAME_POINTER, offset: (encoding.frame[address.slot] ?? 0) + address.offset }
      : address;
  if (!fitsOffset(resolved.offset))
    throw new BackendError(`function ${encoding.name}: memory offset ${resolved.offset} doesn't fit 16 bits`);
  return resolved;
}

const lddw = (dst: number, src: number, low: number, high: number): Instruction[] => [
  slot({ opcode: OPCODE_LDDW, dst, src, imm: low }),
  slot({ opcode: 0, imm: high }),
];

function relocated(dst: number, target: AddressTarget): Instruction[] {
  if (target.kind === 'map') return lddw(dst, LDDW.mapFd, 0, 0);
  if (target.kind === 'function') return lddw(dst, LDDW.code, 0, 0);
  return lddw(dst, LDDW.mapValue, 0, target.offset);
}

function constant(dst: number, value: bigint, { narrow }: Target): Instruction[] {
  const imm = immediateOf(value);
  if (fitsImmediate(value, 64)) return [slot({ opcode: CLASS.alu64 | ALU.mov, dst, imm })];
  if (narrow && value <= 0xffff_ffffn) return [slot({ opcode: CLASS.alu | ALU.mov, dst, imm })];
  return lddw(dst, LDDW.imm, imm, immediateOf(value >> 32n));
}

/** A move of the low half where there are no 32-bit instructions. */
function lowHalf(dst: number, src: number): Instruction[] {
  const shift = (operator: number): Instruction => slot({ opcode: CLASS.alu64 | operator, dst, imm: 32 });
  const copy = slot({ opcode: CLASS.alu64 | ALU.mov | SOURCE.register, dst, src });
  return [...(dst === src ? [] : [copy]), shift(ALU.lsh), shift(ALU.rsh)];
}

/**
 * Encodes one instruction in one to three slots. A call of a subprogram leaves its distance, a relocated load its
 * address, to the caller.
 */
export function encodeInstruction(instruction: MachineInstruction, encoding: Encoding): Instruction[] {
  const move = ALU.mov | SOURCE.register;
  switch (instruction.op) {
    case 'move':
      return [slot({ opcode: CLASS.alu64 | move, dst: instruction.to, src: instruction.from })];
    case 'move32': {
      if (!encoding.target.narrow) return lowHalf(instruction.to, instruction.from);
      return [slot({ opcode: CLASS.alu | move, dst: instruction.to, src: instruction.from })];
    }
    case 'moveSigned': {
      const { to: dst, from: src, bits: offset, width } = instruction;
      return [slot({ opcode: aluClass(width) | move, dst, src, offset })];
    }
    case 'constant':
      return constant(instruction.to, instruction.value, encoding.target);
    case 'relocated':
      return relocated(instruction.to, instruction.target);
    case 'setting': {
      const { to, target, bytes, offset } = instruction;
      const opcode = CLASS.ldx | MODE.mem | SIZE_OF_BYTES[bytes];
      return [...relocated(to, target), slot({ opcode, dst: to, src: to, offset })];
    }
    case 'frameAddress': {
      const { register: src, offset } = memory(instruction, encoding);
      const copy = slot({ opcode: CLASS.alu64 | move, dst: instruction.to, src });
      const add = slot({ opcode: CLASS.alu64 | ALU.add, dst: instruction.to, imm: offset });
      return offset === 0 ? [copy] : [copy, add];
    }
    case 'alu': {
      const { operator, width, to: dst, signed } = instruction;
      const { bit, src, imm } = operand(instruction.source);
      return [slot({ opcode: aluClass(width) | ALU[operator] | bit, dst, src, imm, offset: signed ? 1 : 0 })];
    }
    case 'swap': {
      // v4's bswap swaps whatever the host's order; before it, `to big-endian` swaps on a little-endian host.
      const opcode = encoding.target.v4 ? CLASS.alu64 | ALU.end : CLASS.alu | ALU.end | SOURCE.register;
      return [slot({ opcode, dst: instruction.to, imm: instruction.bits })];
    }
    case 'load': {
      const { register: src, offset } = memory(instruction.from, encoding);
      const opcode = CLASS.ldx | MODE.mem | SIZE_OF_BYTES[instruction.bytes];
      return [slot({ opcode, dst: instruction.to, src, offset })];
    }
    case 'store': {
      const { register: dst, offset } = memory(instruction.to, encoding);
      const size = MODE.mem | SIZE_OF_BYTES[instruction.bytes];
      const { source } = instruction;
      return 'register' in source
        ? [slot({ opcode: CLASS.stx | size, dst, src: source.register, offset })]
        : [slot({ opcode: CLASS.st | size, dst, offset, imm: source.imm })];
    }
    case 'atomic': {
      const { register: dst, offset } = memory(instruction.at, encoding);
      const size = instruction.width === 64 ? SIZE.double : SIZE.word;
      const opcode = CLASS.stx | MODE.atomic | size;
      return [slot({ opcode, dst, src: instruction.value, offset, imm: instruction.code })];
    }
    case 'call': {
      const { target } = instruction;
      if ('helper' in target) return [slot({ opcode: OPCODE_CALL, src: CALL.helper, imm: target.helper })];
      return [slot({ opcode: OPCODE_CALL, src: CALL.local })];
    }
  }
}

type Branch = Extract<MachineTerminator, { op: 'branch' }>;

/** The conditions that v1 lacks, as those with the operands the other way round. */
const MIRRORED: Readonly<Partial<Record<Condition, Condition>>> = {
  ult: 'ugt',
  ule: 'uge',
  slt: 'sgt',
  sle: 'sge',
};

/** Whether a target can jump on a condition between a register and `right`. */
export const canJumpOn = (condition: Condition, right: Source, { less }: Target): boolean =>
  less || MIRRORED[condition] === undefined || 'register' in right;

/** A conditional jump, its distance left to the caller. */
export function encodeBranch(branch: Branch, condition: Condition, { less }: Target): Instruction {
  const jumpClass = branch.width === 64 ? CLASS.jmp : CLASS.jmp32;
  const mirrored = less ? undefined : MIRRORED[condition];
  if (mirrored !== undefined && 'register' in branch.right) {
    const opcode = jumpClass | CONDITION[mirrored] | SOURCE.register;
    return slot({ opcode, dst: branch.right.register, src: branch.left });
  }
  const { bit, src, imm } = operand(branch.right);
  return slot({ opcode: jumpClass | CONDITION[condition] | bit, dst: branch.left, src, imm });
}

/** An unconditional jump, its distance left to the caller. */
export const encodeJump = (): Instruction => slot({ opcode: CLASS.jmp | JMP.ja });
/** An unconditional jump of any distance, which is in its immediate (v4; RFC 9669 section 4.3). */
export const encodeLongJump = (): Instruction => slot({ opcode: CLASS.jmp32 | JMP.ja });
export const encodeExit = (): Instruction => slot({ opcode: OPCODE_EXIT });
