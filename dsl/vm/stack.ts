/** Frames of a running program: 512 bytes of stack each, and what a call must bring back (RFC 9669 section 4.3.2). */
import type { DecodedCode } from './decode.ts';
import { AccessError, type AddressSpace } from './memory.ts';
import type { Registers } from './registers.ts';

export const STACK_BYTES = 512;
/** MAX_CALL_FRAMES, include/linux/bpf_verifier.h. */
const FRAMES = 8;
/** Words of r6 to r9, which a call preserves, and of r10. */
const SAVED_FROM = 12;
const SAVED_WORDS = 10;
const FRAME_POINTER = 20;

interface Frame {
  readonly tag: number;
  readonly bytes: Uint8Array;
  /** Of the caller. */
  readonly saved: Int32Array;
  code: DecodedCode | undefined;
  returnTo: number;
}

export class CallStack {
  readonly #frames: readonly Frame[];
  readonly #memory: AddressSpace;
  /** Index of the running frame; -1 before a program starts. */
  depth = -1;

  constructor(memory: AddressSpace) {
    this.#memory = memory;
    this.#frames = Array.from({ length: FRAMES }, (_, depth) => {
      const bytes = new Uint8Array(STACK_BYTES);
      const tag = memory.add(depth === 0 ? 'the stack' : `the stack of call depth ${depth}`, bytes);
      return { tag, bytes, saved: new Int32Array(SAVED_WORDS), code: undefined, returnTo: 0 };
    });
  }

  /** Enters a function: a zeroed frame, and r10 at its end. `code` and `returnTo` come back from `leave`. */
  enter(registers: Registers, code: DecodedCode, returnTo: number): void {
    const frame = this.#frames[this.depth + 1];
    if (frame === undefined) throw new AccessError(`call: more than ${FRAMES} frames`);
    this.depth++;
    frame.saved.set(registers.subarray(SAVED_FROM, SAVED_FROM + SAVED_WORDS));
    frame.code = code;
    frame.returnTo = returnTo;
    frame.bytes.fill(0);
    this.#memory.revive(frame.tag);
    registers[FRAME_POINTER] = STACK_BYTES;
    registers[FRAME_POINTER + 1] = frame.tag;
  }

  /** Leaves the running function: the caller's r6 to r10 are back, and pointers into the frame are dead. */
  leave(registers: Registers): { readonly code: DecodedCode | undefined; readonly returnTo: number } {
    const frame = this.#frames[this.depth];
    if (frame === undefined) throw new AccessError('exit: no function is running');
    this.#memory.kill(frame.tag, 'whose function has returned');
    registers.set(frame.saved, SAVED_FROM);
    this.depth--;
    return frame;
  }

  /** Leaves every frame, after an error too. */
  unwind(): void {
    for (; this.depth >= 0; this.depth--) {
      const frame = this.#frames[this.depth];
      if (frame !== undefined) this.#memory.kill(frame.tag, 'whose function has returned');
    }
  }
}
