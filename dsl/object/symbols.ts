/** Operators as the kernel's verifier log and llvm-objdump write them (kernel/bpf/disasm.c). */
import { ALU, JMP } from './instruction.ts';

/** Of an ALU operation, as an assignment. */
export const ALU_SYMBOLS: Readonly<Record<number, string>> = {
  [ALU.add]: '+=',
  [ALU.sub]: '-=',
  [ALU.mul]: '*=',
  [ALU.div]: '/=',
  [ALU.or]: '|=',
  [ALU.and]: '&=',
  [ALU.lsh]: '<<=',
  [ALU.rsh]: '>>=',
  [ALU.mod]: '%=',
  [ALU.xor]: '^=',
  [ALU.mov]: '=',
  [ALU.arsh]: 's>>=',
};

/** Of a conditional jump. */
export const JUMP_SYMBOLS: Readonly<Record<number, string>> = {
  [JMP.eq]: '==',
  [JMP.gt]: '>',
  [JMP.ge]: '>=',
  [JMP.set]: '&',
  [JMP.ne]: '!=',
  [JMP.sgt]: 's>',
  [JMP.sge]: 's>=',
  [JMP.lt]: '<',
  [JMP.le]: '<=',
  [JMP.slt]: 's<',
  [JMP.sle]: 's<=',
};
