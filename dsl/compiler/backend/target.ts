/** What a program is emitted for, and the error of one that can't be. */
import type { Span } from '../tree/tree.ts';

/** Which instruction set to emit (the `-mcpu` levels that clang and the kernel's documentation use). */
export type Cpu = 'v1' | 'v2' | 'v3' | 'v4';

export interface Target {
  /** Jumps on less and less or equal (v2, kernel 4.14). */
  readonly less: boolean;
  /** Arithmetic and jumps on the low 32 bits (v3; the jumps need kernel 5.1). */
  readonly narrow: boolean;
  /** sdiv, smod, movsx, bswap and gotol (kernel 6.6). */
  readonly v4: boolean;
}

/** Thrown when a program can't be emitted; the message names the program or the function and what to do. */
export class BackendError extends Error {
  /** Where the program stands in the source, where that is known. */
  readonly span: Span | undefined;

  constructor(message: string, span?: Span) {
    super(message);
    this.span = span;
  }
}

export const targetOf = (cpu: Cpu): Target => ({
  less: cpu !== 'v1',
  narrow: cpu === 'v3' || cpu === 'v4',
  v4: cpu === 'v4',
});

/** Whether a constant, canonical at `width`, fits an instruction's sign-extended 32-bit immediate. */
export function fitsImmediate(value: bigint, width: 32 | 64): boolean {
  return width === 32 || BigInt.asUintN(64, BigInt.asIntN(32, value)) === value;
}

/** The low 32 bits as the signed number of an instruction's immediate. */
export const immediateOf = (value: bigint): number => Number(BigInt.asIntN(32, value));

/** The largest offset, in bytes or slots, that an instruction holds. */
export const FURTHEST = 32_767;

/** Whether an offset, in bytes or slots, fits an instruction. */
export const fitsOffset = (offset: number): boolean => offset >= -FURTHEST - 1 && offset <= FURTHEST;
