/**
 * What is known of the settings beforehand: their loads become constants, so that the passes behind it and the allocation
 * of registers see a program for these settings alone. What isn't known is loaded as before. Not one of the passes of
 * every program: it runs once, ahead of them, where settings are given.
 */
import { type Rodata, settingValue } from '../../object/specialise/constants.ts';
import type { IrFunction, IrProgram } from '../ir/ir.ts';
import { producersOf, Replacements } from './rewrite.ts';

function withKnown(fn: IrFunction, rodata: Rodata): IrFunction {
  const producer = producersOf(fn);
  const replaced = new Replacements();
  for (const { instructions } of fn.blocks)
    for (const load of instructions) {
      if (load.op !== 'load' || load.region !== 'settings') continue;
      const base = producer(load.base);
      if (base?.op !== 'sectionAddress') continue;
      const { bytes, result } = load;
      const value = settingValue({ offset: base.offset + load.offset, bytes, signed: false }, rodata);
      if (value !== undefined) replaced.set(result, value);
    }
  return replaced.in(fn);
}

/** The program where the settings hold what is known of them. */
export const fillSettings = (program: IrProgram, rodata: Rodata): IrProgram => ({
  ...program,
  functions: program.functions.map((fn) => withKnown(fn, rodata)),
});
