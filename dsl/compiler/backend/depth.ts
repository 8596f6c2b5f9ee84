/** How deep the stack gets along a program's calls. */
import type { MachineFunction } from './machine.ts';
import { BackendError } from './target.ts';

/** MAX_BPF_STACK, include/linux/filter.h: of all frames of a chain of calls together. */
const STACK_BYTES = 512;
/** MAX_CALL_FRAMES, include/linux/bpf_verifier.h. */
const FRAMES = 8;
/** What each frame is rounded up to (check_max_stack_depth, kernel/bpf/verifier.c). */
const GRAIN = 32;

interface Frame {
  readonly bytes: number;
  readonly callees: ReadonlySet<string>;
}

/** Collects the frames of a program's functions, the entry's first. */
export class CallDepths {
  private readonly frames = new Map<string, Frame>();

  constructor(private readonly program: string) {}

  add(fn: MachineFunction, frame: readonly number[]): void {
    const depth = Math.max(1, ...frame.map((offset) => -offset));
    const callees = fn.blocks.flatMap((block) =>
      block.instructions.flatMap((instruction) =>
        instruction.op === 'call' && 'function' in instruction.target
          ? [instruction.target.function]
          : instruction.op === 'relocated' && instruction.target.kind === 'function'
            ? [instruction.target.name]
            : [],
      ),
    );
    this.frames.set(fn.name, { bytes: Math.ceil(depth / GRAIN) * GRAIN, callees: new Set(callees) });
  }

  /** Throws when a chain of calls takes more stack or more frames than the kernel gives. */
  check(): void {
    const [entry] = this.frames.keys();
    if (entry !== undefined) this.follow([entry], 0);
  }

  private follow(chain: readonly string[], above: number): void {
    const frame = this.frames.get(chain.at(-1) ?? '');
    if (frame === undefined) return;
    const bytes = above + frame.bytes;
    const problem =
      chain.length > FRAMES
        ? `is ${chain.length} deep, the kernel allows ${FRAMES}`
        : bytes > STACK_BYTES
          ? `needs ${bytes} bytes of stack, the kernel allows ${STACK_BYTES}`
          : undefined;
    if (problem !== undefined)
      throw new BackendError(
        `program ${this.program}: the chain of calls ${chain.join(' -> ')} ${problem}: ` +
          'keep large values in a map, or let a function be inlined',
      );
    for (const callee of frame.callees) this.follow([...chain, callee], bytes);
  }
}
