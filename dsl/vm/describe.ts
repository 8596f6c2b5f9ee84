/** An instruction as text, in the notation of the kernel's verifier log (kernel/bpf/disasm.c), for errors. */
import {
  ALU,
  ATOMIC,
  CALL,
  CLASS,
  type Instruction,
  JMP,
  MODE,
  OPCODE_LDDW,
  SOURCE,
} from '../object/instruction.ts';
import { ALU_SYMBOLS, JUMP_SYMBOLS } from '../object/symbols.ts';

const WIDTHS = ['u32', 'u16', 'u8', 'u64'];
const ATOMICS: Readonly<Record<number, string>> = {
  [ATOMIC.add]: 'add',
  [ATOMIC.or]: 'or',
  [ATOMIC.and]: 'and',
  [ATOMIC.xor]: 'xor',
  [ATOMIC.add | ATOMIC.fetch]: 'fetch_add',
  [ATOMIC.or | ATOMIC.fetch]: 'fetch_or',
  [ATOMIC.and | ATOMIC.fetch]: 'fetch_and',
  [ATOMIC.xor | ATOMIC.fetch]: 'fetch_xor',
  [ATOMIC.exchange]: 'xchg',
  [ATOMIC.compareExchange]: 'cmpxchg',
};

/** One line of text for one slot; an LDDW is named by its first. */
export function describe(instruction: Instruction): string {
  const { opcode, dst, src, offset, imm } = instruction;
  const operation = opcode & 0xf0;
  const register = (opcode & SOURCE.register) !== 0;
  switch (opcode & 7) {
    case CLASS.alu:
    case CLASS.alu64:
      return arithmetic(instruction, (opcode & 7) === CLASS.alu ? 'w' : 'r', operation, register);
    case CLASS.jmp:
    case CLASS.jmp32: {
      const prefix = (opcode & 7) === CLASS.jmp32 ? 'w' : 'r';
      if (operation === JMP.ja) return `goto ${signed(prefix === 'w' ? imm : offset)}`;
      if (operation === JMP.exit) return 'exit';
      if (operation === JMP.call) return call(src, imm);
      const right = register ? `${prefix}${src}` : `${imm}`;
      return `if ${prefix}${dst} ${JUMP_SYMBOLS[operation] ?? '?'} ${right} goto ${signed(offset)}`;
    }
    case CLASS.ldx:
      return `r${dst} = ${place(opcode, src, offset)}`;
    case CLASS.st:
      return `${place(opcode, dst, offset)} = ${imm}`;
    case CLASS.stx:
      if ((opcode & 0xe0) !== MODE.atomic) return `${place(opcode, dst, offset)} = r${src}`;
      return `atomic_${ATOMICS[imm] ?? imm}(${place(opcode, dst, offset)}, r${src})`;
    default:
      return opcode === OPCODE_LDDW ? `r${dst} = ${imm} ll` : `r0 = packet[${imm}]`;
  }
}

function arithmetic(
  { dst, src, imm }: Instruction,
  prefix: string,
  operation: number,
  register: boolean,
): string {
  if (operation === ALU.neg) return `${prefix}${dst} = -${prefix}${dst}`;
  if (operation === ALU.end) {
    const kind = prefix === 'r' ? 'bswap' : register ? 'be' : 'le';
    return `r${dst} = ${kind}${imm} r${dst}`;
  }
  return `${prefix}${dst} ${ALU_SYMBOLS[operation] ?? '?'} ${register ? `${prefix}${src}` : imm}`;
}

function call(src: number, imm: number): string {
  return src === CALL.local ? `call pc${signed(imm)}` : `call helper ${imm}`;
}

function place(opcode: number, base: number, offset: number): string {
  return `*(${WIDTHS[(opcode & 0x18) >> 3]} *)(r${base} ${offset < 0 ? '-' : '+'}${Math.abs(offset)})`;
}

function signed(value: number): string {
  return value < 0 ? `${value}` : `+${value}`;
}
