/** Says with immediates what constants in registers say: the same effect, fewer registers needed. */
import { ALU, CLASS, type Instruction, JMP, MODE, OPCODE_LDDW, SOURCE } from '../instruction.ts';
import type { Blocks } from './blocks.ts';
import { type Code, FLOW, type Operation } from './code.ts';
import {
  apply,
  decided,
  propagate,
  type Registers,
  type Rodata,
  resultOf,
  settingAt,
  type Value,
} from './constants.ts';
import { immediate } from './evaluate.ts';

const operation = (fields: Partial<Operation> & Pick<Instruction, 'opcode'>): Operation => ({
  dst: 0,
  src: 0,
  offset: 0,
  imm: 0,
  flow: FLOW.next,
  target: -1,
  high: 0,
  ...fields,
});

const goto = (target: number): Operation =>
  operation({ opcode: CLASS.jmp | JMP.ja, flow: FLOW.goto, target });

/** The immediate that stands for `value`, sign-extended to 64 bits; undefined where none does. */
function immediateFor(value: Value): number | undefined {
  if (typeof value !== 'bigint') return undefined;
  const imm = Number(BigInt.asIntN(32, value));
  return immediate(imm) === value ? imm : undefined;
}

/** The same for an instruction that looks at the low half only. */
const immediate32For = (value: Value): number | undefined =>
  typeof value === 'bigint' ? Number(BigInt.asIntN(32, value)) : undefined;

/** The shortest instruction that loads a constant. */
function constant(dst: number, value: bigint): Operation {
  const imm = Number(BigInt.asIntN(32, value));
  if (immediate(imm) === value) return operation({ opcode: CLASS.alu64 | ALU.mov, dst, imm });
  if (value >> 32n === 0n) return operation({ opcode: CLASS.alu | ALU.mov, dst, imm });
  return operation({ opcode: OPCODE_LDDW, dst, imm, high: Number(BigInt.asIntN(32, value >> 32n)) });
}

const SHIFTS: ReadonlySet<number> = new Set([ALU.lsh, ALU.rsh, ALU.arsh]);
/** Operations that change nothing when their 64-bit operand is 0, or 1. */
const NEUTRAL_ZERO: ReadonlySet<number> = new Set([ALU.add, ALU.sub, ALU.or, ALU.xor, ...SHIFTS]);
const NEUTRAL_ONE: ReadonlySet<number> = new Set([ALU.mul, ALU.div]);

function withImmediate(original: Operation, registers: Registers): Operation | undefined {
  const { opcode, src, offset } = original;
  const kind = opcode & 0xf0;
  if ((opcode & SOURCE.register) === 0 || kind === ALU.end) return original;
  // A sign-extending move has no immediate form; a known operand made it a constant already.
  if (kind === ALU.mov && offset !== 0) return original;
  const wide = (opcode & 7) === CLASS.alu64;
  let imm = wide ? immediateFor(registers[src]) : immediate32For(registers[src]);
  if (imm === undefined) return original;
  // The verifier refuses immediate shifts by the width or more; the machine takes them modulo the width.
  if (SHIFTS.has(kind)) imm &= wide ? 63 : 31;
  // It refuses immediate division by 0 as well. Only a known 0 gets here, so it stays in its register.
  if ((kind === ALU.div || kind === ALU.mod) && imm === 0) return original;
  if (wide && ((imm === 0 && NEUTRAL_ZERO.has(kind)) || (imm === 1 && NEUTRAL_ONE.has(kind))))
    return undefined;
  return byPowerOfTwo({ ...original, opcode: opcode & ~SOURCE.register, src: 0, imm });
}

/** Multiplication and unsigned division by a power of two as what a machine does in one cycle. */
function byPowerOfTwo(original: Operation): Operation {
  const { opcode, offset, imm } = original;
  if (imm < 2 || (imm & (imm - 1)) !== 0 || offset !== 0) return original;
  const as = (kind: number, operand: number): Operation => ({
    ...original,
    opcode: (opcode & ~0xf0) | kind,
    imm: operand,
  });
  const shift = 31 - Math.clz32(imm);
  switch (opcode & 0xf0) {
    case ALU.mul:
      return as(ALU.lsh, shift);
    case ALU.div:
      return as(ALU.rsh, shift);
    case ALU.mod:
      return as(ALU.and, imm - 1);
    default:
      return original;
  }
}

const FRAME_POINTER = 10;

/**
 * A store of a known register as a store of an immediate, where it goes to the stack: the verifier takes no such store
 * into the context before Linux 6.4 ("bpf: allow ctx writes using BPF_ST_MEM instruction"), which another register may
 * hold.
 */
function storeImmediate(original: Operation, registers: Registers): Operation {
  const { opcode, src, dst } = original;
  if ((opcode & 0xe0) !== MODE.mem || dst !== FRAME_POINTER) return original;
  const value = registers[src];
  const imm = (opcode & 0x18) === 0x18 ? immediateFor(value) : immediate32For(value);
  if (imm === undefined) return original;
  return { ...original, opcode: (opcode & ~7) | CLASS.st, src: 0, imm };
}

/** The condition with its operands exchanged. */
const EXCHANGED: Readonly<Record<number, number>> = {
  [JMP.eq]: JMP.eq,
  [JMP.ne]: JMP.ne,
  [JMP.set]: JMP.set,
  [JMP.gt]: JMP.lt,
  [JMP.lt]: JMP.gt,
  [JMP.ge]: JMP.le,
  [JMP.le]: JMP.ge,
  [JMP.sgt]: JMP.slt,
  [JMP.slt]: JMP.sgt,
  [JMP.sge]: JMP.sle,
  [JMP.sle]: JMP.sge,
};

function jump(original: Operation, registers: Registers): Operation | undefined {
  const taken = decided(original, registers);
  if (taken !== undefined) return taken ? goto(original.target) : undefined;
  const { opcode, dst, src } = original;
  if ((opcode & SOURCE.register) === 0) return original;
  const immediateOf = (opcode & 7) === CLASS.jmp ? immediateFor : immediate32For;
  const right = immediateOf(registers[src]);
  if (right !== undefined) return { ...original, opcode: opcode & ~SOURCE.register, src: 0, imm: right };
  const left = immediateOf(registers[dst]);
  const exchanged = EXCHANGED[opcode & 0xf0];
  if (left === undefined || exchanged === undefined) return original;
  return { ...original, opcode: exchanged | (opcode & 7), dst: src, src: 0, imm: left };
}

/** One operation where `registers` hold; undefined when it does nothing then. */
function rewritten(
  original: Operation,
  registers: Registers,
  result: Value,
  rodata: Rodata,
): Operation | undefined {
  if (original.flow === FLOW.conditional) return jump(original, registers);
  const kind = original.opcode & 7;
  if (kind === CLASS.stx) return storeImmediate(original, registers);
  if (kind !== CLASS.alu && kind !== CLASS.alu64 && kind !== CLASS.ldx) return original;
  if (typeof result === 'bigint') return constant(original.dst, result);
  return kind === CLASS.ldx ? load(original, registers, rodata) : withImmediate(original, registers);
}

/** In the place of the load of a setting that is not known yet comes a constant that is filled in later. */
function load(original: Operation, registers: Registers, rodata: Rodata): Operation {
  const setting = rodata.known && settingAt(original, registers, rodata);
  return setting ? operation({ opcode: OPCODE_LDDW, dst: original.dst, setting }) : original;
}

/** The reachable code with constants in place of what loads them and branches on them gone. */
export function foldConstants(code: Code, blocks: Blocks, rodata: Rodata): Code {
  const reached = propagate(code, blocks, rodata);
  const result: Code = new Array(code.length).fill(undefined);
  for (const start of blocks.starts) {
    const registers = reached[start];
    if (registers === undefined) continue;
    const last = blocks.last[start] ?? start;
    for (let slot = start; slot <= last; slot++) {
      const original = code[slot];
      if (original === undefined) continue;
      const value = resultOf(original, registers, rodata);
      result[slot] = rewritten(original, registers, value, rodata);
      if (original.flow === FLOW.next) apply(original, registers, value);
    }
  }
  return result;
}
