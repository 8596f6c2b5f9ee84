/**
 * Makes a finished program for given settings: what it loads from `.rodata` becomes immediates, constants are
 * folded, branches that they decide vanish, and with them the code behind. No compiler takes part.
 *
 * Conservative throughout: what isn't understood stays as it is, so the program means what it meant.
 */
import type { ProgramImage } from '../image.ts';
import { blocksOf } from './blocks.ts';
import { decodeProgram } from './code.ts';
import { type Rodata, rodataOf } from './constants.ts';
import { removeDeadCode } from './dead-code.ts';
import { type Encoded, encodeProgram } from './encode.ts';
import { foldConstants } from './rewrite.ts';

/**
 * `rodata`: the section's contents that the program would find, as they will stay. Gives the program itself where
 * the result can't be encoded.
 */
export function specialise(program: ProgramImage, rodata: Uint8Array): ProgramImage {
  return specialised(program, rodataOf(rodata))?.program ?? program;
}

/** The same with settings of which some may not be known yet; undefined where the result can't be encoded. */
export function specialised(program: ProgramImage, rodata: Rodata): Encoded | undefined {
  const original = decodeProgram(program);
  const blocks = blocksOf(original);
  const code = foldConstants(original, blocks, rodata);
  removeDeadCode(code, blocks);
  return encodeProgram(program, code);
}
