/** How a run ends that the verifier would not have let begin. */
import { decode } from '../object/instruction.ts';
import { describe } from './describe.ts';

export class VmError extends Error {
  /** The program's name. */
  readonly program: string;
  /** Of the instruction that failed. */
  readonly slot: number;

  constructor(program: string, code: Uint8Array, slot: number, cause: Error) {
    const text = slot * 8 < code.length ? `: ${describe(decode(code, slot))}` : '';
    super(`run ${program}, slot ${slot}${text}: ${cause.message}`, { cause });
    this.program = program;
    this.slot = slot;
  }
}
