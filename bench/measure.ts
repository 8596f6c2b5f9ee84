/** What every measurement of run time here needs. */
import { compile } from '../dsl/compiler/compile.ts';
import type { ObjectImage } from '../dsl/object/image.ts';
import { ALU, CLASS, encode, OPCODE_EXIT } from '../dsl/object/instruction.ts';
import type { Rodata } from '../dsl/object/specialise/constants.ts';
import { testRun } from '../loader/bpf/testrun.ts';

/** A classifier that does nothing: what a run of any costs. */
export function emptyObject(): ObjectImage {
  const code = encode([
    { opcode: CLASS.alu64 | ALU.mov, dst: 0, src: 0, offset: 0, imm: -1 },
    { opcode: OPCODE_EXIT, dst: 0, src: 0, offset: 0, imm: 0 },
  ]);
  const program = {
    name: 'empty',
    kind: 'classifier',
    code,
    relocations: [],
    functions: [],
    lines: [],
  } as const;
  return { license: 'GPL', maps: [], sections: [], programs: [program] };
}

/** A program of the language, made for settings where some are given. */
export function compiledObject(file: string, settings?: Rodata): ObjectImage {
  const { object, diagnostics } = compile(file, settings && { settings });
  if (object === undefined) throw new Error(`compile ${file}: ${diagnostics[0]?.message}`);
  return object;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};

/** Mean of the middle half: as robust as a median, and finer than the whole numbers that it is given. */
export function midmean(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const quarter = sorted.length >> 2;
  const middle = sorted.slice(quarter, sorted.length - quarter);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/**
 * This process's time on the processor for one of `repeat` runs, in nanoseconds: finer than the kernel's whole
 * nanoseconds, and blind to what else runs.
 */
export function processorTime(fd: number, data: Uint8Array, repeat: number): number {
  const before = process.cpuUsage();
  testRun(fd, { data, repeat });
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / repeat;
}
