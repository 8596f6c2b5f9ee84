/** The instruction loop: one pass of the loop is one instruction of RFC 9669. */
import type { Machine } from '../machine/call.ts';
import { ERRNO } from '../machine/errno.ts';
import { MAP_HELPERS } from '../machine/helpers.ts';
import { ProgramArray } from '../machine/reference-maps.ts';
import { ALU, CALL, CLASS, JMP, MODE, OPCODE_LDDW, SOURCE } from '../object/instruction.ts';
import { alu32, alu64, convertByteOrder } from './alu.ts';
import type { HelperCalls } from './calls.ts';
import type { Context } from './context.ts';
import type { DecodedCode } from './decode.ts';
import { holds32, holds64 } from './jump.ts';
import { load, loadPacket, readModifyWrite, store } from './load-store.ts';
import { AccessError, type AddressSpace } from './memory.ts';
import { type Registers, word, writeRegister } from './registers.ts';
import type { CallStack } from './stack.ts';

/** MAX_TAIL_CALL_CNT, include/linux/bpf.h. */
const MOST_TAIL_CALLS = 33;
/** BPF_MAX_LOOPS, kernel/bpf/bpf_iter.c. */
const MOST_LOOPS = 1 << 23;

export interface Parts {
  readonly registers: Registers;
  readonly memory: AddressSpace;
  readonly context: Context;
  readonly stack: CallStack;
  readonly helpers: HelperCalls;
  /** Tag of function addresses: an LDDW of a subprogram gives this tag and its slot. */
  readonly codeTag: number;
  /** The program of a tail call, by its name. */
  readonly program: (name: string) => DecodedCode;
}

export class Interpreter {
  /** Instructions run since the last reset. */
  steps = 0;
  /** Where the last run failed, if it did. */
  failedAt: { readonly code: DecodedCode; readonly slot: number } | undefined;
  readonly #parts: Parts;
  readonly #stepLimit: number;
  #machine: Machine | undefined;
  #tailCalls = 0;

  constructor(parts: Parts, stepLimit: number) {
    this.#parts = parts;
    this.#stepLimit = stepLimit;
  }

  /** Runs a program to its end; r1 and r2 are set by the caller, r0 is left in the registers. */
  run(machine: Machine, code: DecodedCode): void {
    this.steps = 0;
    this.#tailCalls = 0;
    this.failedAt = undefined;
    this.#machine = machine;
    const { registers, stack } = this.#parts;
    try {
      stack.enter(registers, code, 0);
      this.#execute(code, 0);
    } finally {
      stack.unwind();
    }
  }

  /** Runs from `start` until the frame that is the innermost now has returned. */
  #execute(start: DecodedCode, startSlot: number): void {
    const { registers: r, stack, helpers } = this.#parts;
    const outermost = stack.depth;
    let code = start;
    let pc = startSlot;
    let slot = startSlot;
    const leave = (): void => {
      const { code: caller, returnTo } = stack.leave(r);
      helpers.scratch();
      code = caller ?? code;
      pc = returnTo;
    };
    try {
      for (;;) {
        slot = pc;
        const opcode = code.opcodes[slot];
        if (opcode === undefined) throw new AccessError('run past the end of the program');
        if (++this.steps > this.#stepLimit)
          throw new AccessError(`run more than ${this.#stepLimit} instructions`);
        const d = code.dst[slot] as number;
        const s = code.src[slot] as number;
        const offset = code.offsets[slot] as number;
        const imm = code.imms[slot] as number;
        const operation = opcode & 0xf0;
        const register = (opcode & SOURCE.register) !== 0;
        pc++;
        switch (opcode & 7) {
          case CLASS.alu64: {
            let known: boolean;
            if (operation === ALU.end) known = !register && convertByteOrder(r, d, imm, true);
            else if (register) known = alu64(r, operation, d, word(r, s), word(r, s + 1), offset);
            else known = alu64(r, operation, d, imm, imm >> 31, offset);
            if (!known) throw unknown(opcode);
            break;
          }
          case CLASS.alu: {
            let known: boolean;
            if (operation === ALU.end) known = convertByteOrder(r, d, imm, register);
            else known = alu32(r, operation, d, register ? word(r, s) : imm, offset);
            if (!known) throw unknown(opcode);
            break;
          }
          case CLASS.jmp: {
            if (operation === JMP.ja) {
              pc += offset;
            } else if (operation === JMP.exit) {
              leave();
              if (stack.depth < outermost) return;
            } else if (operation !== JMP.call) {
              const low = register ? word(r, s) : imm;
              const high = register ? word(r, s + 1) : imm >> 31;
              const taken = holds64(operation, word(r, d), word(r, d + 1), low, high);
              if (taken === undefined) throw unknown(opcode);
              if (taken) pc += offset;
            } else if (s === 2 * CALL.local && !register) {
              stack.enter(r, code, pc);
              pc += imm;
            } else {
              const next = this.#call(code, register, d, s, imm);
              if (next !== undefined) {
                code = next;
                pc = 0;
              }
            }
            break;
          }
          case CLASS.jmp32: {
            if (operation === JMP.ja) {
              pc += imm;
              break;
            }
            const taken = holds32(operation, word(r, d), register ? word(r, s) : imm);
            if (taken === undefined) throw unknown(opcode);
            if (taken) pc += offset;
            break;
          }
          case CLASS.ldx:
            if (!load(this.#parts, opcode, d, s, offset)) throw unknown(opcode);
            break;
          case CLASS.st:
            if ((opcode & 0xe0) !== MODE.mem) throw unknown(opcode);
            store(this.#parts, opcode, d, offset, imm, imm >> 31);
            break;
          case CLASS.stx:
            if ((opcode & 0xe0) === MODE.mem)
              store(this.#parts, opcode, d, offset, word(r, s), word(r, s + 1));
            else if (!readModifyWrite(this.#parts, opcode, d, s, offset, imm)) throw unknown(opcode);
            break;
          default:
            if (opcode === OPCODE_LDDW) {
              r[d] = imm;
              r[d + 1] = code.highs[slot] as number;
              pc++;
            } else {
              const outcome = loadPacket(this.#parts, opcode, s, imm);
              if (outcome === 'unknown') throw unknown(opcode);
              if (outcome === 'loaded') {
                helpers.scratch();
              } else {
                leave();
                if (stack.depth < outermost) return;
              }
            }
        }
      }
    } catch (error) {
      // A nested run (bpf_loop) has already said where it was.
      this.failedAt ??= { code, slot };
      throw error;
    }
  }

  /** Calls a helper; gives the code to go on with after a tail call. */
  #call(code: DecodedCode, register: boolean, d: number, s: number, imm: number): DecodedCode | undefined {
    const { registers: r, helpers, memory } = this.#parts;
    if (!register && s !== 2 * CALL.helper)
      throw new AccessError(`call ${imm}: the model has no kernel functions`);
    const id = register ? word(r, d) : imm;
    if (this.#machine === undefined) throw new AccessError('call: no program is running');
    switch (id) {
      case MAP_HELPERS.tailCall: {
        const map = memory.map(word(r, 4), word(r, 5));
        if (!(map instanceof ProgramArray))
          throw new AccessError(`tail call: ${map.image.name} is no program array`);
        const program = map.at(word(r, 6) >>> 0);
        if (program === undefined || this.#tailCalls >= MOST_TAIL_CALLS) {
          helpers.scratch();
          return undefined;
        }
        this.#tailCalls++;
        return this.#parts.program(program);
      }
      case MAP_HELPERS.loop:
        this.#loop(code);
        return undefined;
      default:
        helpers.call(this.#machine, id);
        return undefined;
    }
  }

  /** bpf_loop: r1 rounds of the function r2 with (index, r3) until it gives other than 0; r0 counts the rounds. */
  #loop(code: DecodedCode): void {
    const { registers: r, stack, helpers, codeTag } = this.#parts;
    const [rounds, callback, contextLow, contextHigh] = [word(r, 2), word(r, 4), word(r, 6), word(r, 7)];
    if (word(r, 5) !== codeTag) throw new AccessError('call bpf_loop: r2 is not a function');
    if (word(r, 8) !== 0 || word(r, 9) !== 0) {
      writeRegister(r, 0, BigInt(-ERRNO.EINVAL));
    } else if (rounds >>> 0 > MOST_LOOPS) {
      writeRegister(r, 0, BigInt(-ERRNO.E2BIG));
    } else {
      let done = 0;
      for (let stop = false; done < rounds && !stop; done++) {
        stack.enter(r, code, 0);
        r.set([done, 0, contextLow, contextHigh], 2);
        this.#execute(code, callback);
        stop = word(r, 0) !== 0 || word(r, 1) !== 0;
      }
      writeRegister(r, 0, BigInt(done));
    }
    helpers.scratch();
  }
}

function unknown(opcode: number): AccessError {
  return new AccessError(
    `run opcode 0x${opcode.toString(16).padStart(2, '0')}: the instruction set has none`,
  );
}
