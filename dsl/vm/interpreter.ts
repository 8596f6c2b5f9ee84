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
import { type Registers, writeRegister } from './registers.ts';
import type { CallStack } from './stack.ts';

// Local constants: every instruction tests them, and some module loaders make each read of an import a call.
const {
  alu64: CLASS_ALU64,
  alu: CLASS_ALU,
  jmp: CLASS_JMP,
  jmp32: CLASS_JMP32,
  ldx: CLASS_LDX,
  st: CLASS_ST,
  stx: CLASS_STX,
} = CLASS;
const { end: ALU_END } = ALU;
const { ja: JMP_JA, exit: JMP_EXIT, call: JMP_CALL } = JMP;
const { mem: MODE_MEM } = MODE;
const { local: CALL_LOCAL, helper: CALL_HELPER } = CALL;
const { register: SOURCE_REGISTER } = SOURCE;

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
        const register = (opcode & SOURCE_REGISTER) !== 0;
        pc++;
        switch (opcode & 7) {
          case CLASS_ALU64: {
            let known: boolean;
            if (operation === ALU_END) known = !register && convertByteOrder(r, d, imm, true);
            else if (register) known = alu64(r, operation, d, r[s] as number, r[s + 1] as number, offset);
            else known = alu64(r, operation, d, imm, imm >> 31, offset);
            if (!known) throw unknown(opcode);
            break;
          }
          case CLASS_ALU: {
            let known: boolean;
            if (operation === ALU_END) known = convertByteOrder(r, d, imm, register);
            else known = alu32(r, operation, d, register ? (r[s] as number) : imm, offset);
            if (!known) throw unknown(opcode);
            break;
          }
          case CLASS_JMP: {
            if (operation === JMP_JA) {
              pc += offset;
            } else if (operation === JMP_EXIT) {
              leave();
              if (stack.depth < outermost) return;
            } else if (operation !== JMP_CALL) {
              const low = register ? (r[s] as number) : imm;
              const high = register ? (r[s + 1] as number) : imm >> 31;
              const taken = holds64(operation, r[d] as number, r[d + 1] as number, low, high);
              if (taken === undefined) throw unknown(opcode);
              if (taken) pc += offset;
            } else if (s === 2 * CALL_LOCAL && !register) {
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
          case CLASS_JMP32: {
            if (operation === JMP_JA) {
              pc += imm;
              break;
            }
            const taken = holds32(operation, r[d] as number, register ? (r[s] as number) : imm);
            if (taken === undefined) throw unknown(opcode);
            if (taken) pc += offset;
            break;
          }
          case CLASS_LDX:
            if (!load(this.#parts, opcode, d, s, offset)) throw unknown(opcode);
            break;
          case CLASS_ST:
            if ((opcode & 0xe0) !== MODE_MEM) throw unknown(opcode);
            store(this.#parts, opcode, d, offset, imm, imm >> 31);
            break;
          case CLASS_STX:
            if ((opcode & 0xe0) === MODE_MEM)
              store(this.#parts, opcode, d, offset, r[s] as number, r[s + 1] as number);
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
    if (!register && s !== 2 * CALL_HELPER)
      throw new AccessError(`call ${imm}: the model has no kernel functions`);
    const id = register ? (r[d] as number) : imm;
    if (this.#machine === undefined) throw new AccessError('call: no program is running');
    switch (id) {
      case MAP_HELPERS.tailCall: {
        const map = memory.map(r[4] as number, r[5] as number);
        if (!(map instanceof ProgramArray))
          throw new AccessError(`tail call: ${map.image.name} is no program array`);
        const program = map.at((r[6] as number) >>> 0);
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
    const [rounds, callback, contextLow, contextHigh] = [
      r[2] as number,
      r[4] as number,
      r[6] as number,
      r[7] as number,
    ];
    if ((r[5] as number) !== codeTag) throw new AccessError('call bpf_loop: r2 is not a function');
    if ((r[8] as number) !== 0 || (r[9] as number) !== 0) {
      writeRegister(r, 0, BigInt(-ERRNO.EINVAL));
    } else if (rounds >>> 0 > MOST_LOOPS) {
      writeRegister(r, 0, BigInt(-ERRNO.E2BIG));
    } else {
      let done = 0;
      for (let stop = false; done < rounds && !stop; done++) {
        stack.enter(r, code, 0);
        r.set([done, 0, contextLow, contextHigh], 2);
        this.#execute(code, callback);
        stop = (r[0] as number) !== 0 || (r[1] as number) !== 0;
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
