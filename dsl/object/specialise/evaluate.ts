/** What an instruction computes from constants: RFC 9669 sections 4.1 to 4.3 on unsigned 64-bit values. */
import { ALU, CLASS, type Instruction, JMP, SOURCE } from '../instruction.ts';

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);

/** The `offset` of a signed division or modulo. */
const SIGNED = 1;

/**
 * The value of `dst` after an ALU instruction on `left` (its value before) and `right` (its operand); undefined for
 * an instruction that isn't known here. Both are unsigned 64-bit, and so is the answer.
 */
export function evaluateAlu(instruction: Instruction, left: bigint, right: bigint): bigint | undefined {
  const { opcode, offset } = instruction;
  const operation = opcode & 0xf0;
  const bits = (opcode & 7) === CLASS.alu64 ? 64 : 32;
  if (operation === ALU.end) return convert(instruction, left);
  const a = BigInt.asUintN(bits, left);
  const b = BigInt.asUintN(bits, right);
  const value = compute(operation, bits, a, b, offset);
  return value === undefined ? undefined : BigInt.asUintN(bits, value);
}

function compute(operation: number, bits: number, a: bigint, b: bigint, offset: number): bigint | undefined {
  const count = b & BigInt(bits - 1);
  switch (operation) {
    case ALU.add:
      return a + b;
    case ALU.sub:
      return a - b;
    case ALU.mul:
      return a * b;
    case ALU.div:
      return divide(bits, a, b, offset);
    case ALU.mod:
      return b === 0n ? a : a - b * (divide(bits, a, b, offset) ?? 0n);
    case ALU.or:
      return a | b;
    case ALU.and:
      return a & b;
    case ALU.xor:
      return a ^ b;
    case ALU.lsh:
      return a << count;
    case ALU.rsh:
      return a >> count;
    case ALU.arsh:
      return BigInt.asIntN(bits, a) >> count;
    case ALU.neg:
      return -a;
    case ALU.mov:
      return offset === 0 ? b : BigInt.asIntN(offset, b);
    default:
      return undefined;
  }
}

function divide(bits: number, a: bigint, b: bigint, offset: number): bigint {
  if (b === 0n) return 0n;
  return offset === SIGNED ? BigInt.asIntN(bits, a) / BigInt.asIntN(bits, b) : a / b;
}

/** Section 4.2, on a little-endian host: `imm` bits are kept, in reverse for `be` and `bswap`. */
function convert({ opcode, imm }: Instruction, value: bigint): bigint {
  const kept = BigInt.asUintN(imm, value);
  const swaps = (opcode & 7) === CLASS.alu64 || (opcode & SOURCE.register) !== 0;
  if (!swaps) return kept;
  let swapped = 0n;
  for (let shift = 0; shift < imm; shift += 8) swapped = (swapped << 8n) | ((kept >> BigInt(shift)) & 0xffn);
  return swapped;
}

/** Whether a conditional jump on two constants is taken; undefined for an opcode that isn't known here. */
export function evaluateJump(opcode: number, left: bigint, right: bigint): boolean | undefined {
  const bits = (opcode & 7) === CLASS.jmp ? 64 : 32;
  const a = BigInt.asUintN(bits, left);
  const b = BigInt.asUintN(bits, right);
  const x = BigInt.asIntN(bits, left);
  const y = BigInt.asIntN(bits, right);
  switch (opcode & 0xf0) {
    case JMP.eq:
      return a === b;
    case JMP.ne:
      return a !== b;
    case JMP.gt:
      return a > b;
    case JMP.ge:
      return a >= b;
    case JMP.lt:
      return a < b;
    case JMP.le:
      return a <= b;
    case JMP.sgt:
      return x > y;
    case JMP.sge:
      return x >= y;
    case JMP.slt:
      return x < y;
    case JMP.sle:
      return x <= y;
    case JMP.set:
      return (a & b) !== 0n;
    default:
      return undefined;
  }
}

/** An immediate as the operand it stands for: sign-extended to 64 bits (section 4.1), unsigned. */
export const immediate = (imm: number): bigint => u64(BigInt(imm));
