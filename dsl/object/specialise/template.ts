/**
 * A program that is specialised as far as settings are known beforehand, with a constant to be filled in wherever it uses
 * one that is not: to fill those in takes next to no time, as against a specialisation from the start.
 */
import type { ProgramImage } from '../image.ts';
import { SLOT_BYTES } from '../instruction.ts';
import { readSetting, rodataOf } from './constants.ts';
import type { Encoded } from './encode.ts';
import { specialised } from './index.ts';

export interface Template extends Encoded {
  /** The settings that it is made for, */
  readonly rodata: Uint8Array;
  /** of which these bytes count: 1 where a byte has to be the same. */
  readonly known: Uint8Array;
}

/** Undefined where the result can't be encoded. */
export function makeTemplate(
  program: ProgramImage,
  rodata: Uint8Array,
  known: Uint8Array,
): Template | undefined {
  const encoded = specialised(program, rodataOf(rodata, known));
  return encoded && { ...encoded, rodata, known };
}

/** Whether the template is for such settings. */
export const fits = ({ rodata, known }: Template, contents: Uint8Array): boolean =>
  contents.length === rodata.length && contents.every((byte, at) => known[at] !== 1 || byte === rodata[at]);

/** The program for settings that fit. */
export function fillTemplate({ program, uses }: Template, contents: Uint8Array): ProgramImage {
  const code = program.code.slice();
  const view = new DataView(code.buffer, code.byteOffset, code.byteLength);
  const settings = rodataOf(contents).view;
  for (const use of uses) {
    const value = readSetting(use, settings);
    const at = use.slot * SLOT_BYTES;
    view.setUint32(at + 4, Number(value & 0xffff_ffffn), true);
    view.setUint32(at + SLOT_BYTES + 4, Number(value >> 32n), true);
  }
  return { ...program, code };
}
