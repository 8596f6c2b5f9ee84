/** What a program is emitted for, and the error of one that can't be. */
import type { Span } from '../tree/tree.ts';

/** Which instruction set to emit (the `-mcpu` levels that clang and the kernel's documentation use). */
export type Cpu = 'v1' | 'v2' | 'v3' | 'v4';

export interface Target {
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

/** Throws for the levels without 32-bit jumps: every kernel that natra supports (5.10 on) has them. */
export function targetOf(cpu: Cpu): Target {
  if (cpu === 'v1' || cpu === 'v2')
    throw new BackendError(
      `cpu ${cpu} has no 32-bit jumps, which the code generator needs: use v3 (kernel 5.1 and later) or v4`,
    );
  return { v4: cpu === 'v4' };
}

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
