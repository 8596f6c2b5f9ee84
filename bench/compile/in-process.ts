/** Run by at-load.ts in a process of its own: reads what the build made, makes the program, and writes how long it took. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { dataplaneSettings } from '../../cni/settings.ts';
import type { ProgramImage } from '../../dsl/object/image.ts';
import { SLOT_BYTES } from '../../dsl/object/instruction.ts';
import { readPrepared } from '../../dsl/object/prepared.ts';
import { specialise } from '../../dsl/object/specialise/index.ts';
import { fillTemplate, fits } from '../../dsl/object/specialise/template.ts';
import { sectionContents } from '../../loader/object/sections.ts';

interface Times {
  /** Milliseconds of the first time, reading what the build made not included, */
  readonly cold: number;
  /** and the median of those from the 50th on. */
  readonly warm: number;
}

export interface AtLoad {
  readonly template: Times;
  readonly whole: Times;
  readonly slots: number;
  readonly specialisedSlots: number;
}

const TIMES = 101;
const WARM = 50;

function timed(make: () => unknown): Times {
  const took = Array.from({ length: TIMES }, () => {
    const start = performance.now();
    make();
    return performance.now() - start;
  });
  const warm = took.slice(WARM).sort((a, b) => a - b);
  return { cold: took[0] ?? Number.NaN, warm: warm[warm.length >> 1] ?? Number.NaN };
}

function defined<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new Error(`bench compile: ${what} is missing`);
  return value;
}

function main(folder: string): void {
  const { image, templates } = readPrepared(readFileSync(path.join(folder, 'limit.prepared')));
  const program = defined(image.programs[0], 'the program');
  const section = defined(
    image.sections.find(({ name }) => name === '.rodata'),
    'the section of the settings',
  );
  const config = { ...dataplaneSettings({ rateBitsPerSecond: 10e6, pacing: 'edt' }, 'egress'), seed: 7n };
  const settings = sectionContents(section, { config });
  const template = defined(
    templates.find((each) => fits(each, settings)),
    'a template for a Pod with a rate alone',
  );
  const slotsOf = ({ code }: ProgramImage): number => code.length / SLOT_BYTES;
  const figures: AtLoad = {
    template: timed(() => fillTemplate(template, settings)),
    whole: timed(() => specialise(program, settings)),
    slots: slotsOf(program),
    specialisedSlots: slotsOf(specialise(program, settings)),
  };
  process.stdout.write(JSON.stringify(figures));
}

main(defined(process.argv[2], 'the folder of the build'));
