/** Loads the dataplane as it is for each class of Pod, and asks the verifier what it cost. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DIRECTIONS, type Direction } from '../../../cni/config/bandwidth.ts';
import { loadDataplane } from '../../../cni/dataplane/load.ts';
import type { Node } from '../../../cni/node.ts';
import type { Baseline } from '../../../cni/objects.ts';
import { dataplaneSettings, type Limit } from '../../../cni/settings.ts';
import { readElf } from '../../../dsl/object/elf/read.ts';
import type { ObjectImage } from '../../../dsl/object/image.ts';
import { readPrepared } from '../../../dsl/object/prepared.ts';
import { specialise } from '../../../dsl/object/specialise/index.ts';
import { programInfo } from '../../../loader/bpf/info.ts';
import type { LoadedProgram, VerifierStatistics } from '../../../loader/index.ts';
import { type Settings, sectionContents } from '../../../loader/object/sections.ts';
import { CLASSES, FEW_CLASSES } from '../classes.ts';
import { type GuestPlan, OBJECT_FILES, PREPARED_FILES } from '../report.ts';
import type { Checks } from './checks.ts';

const SEED = 0x1234_5678_9abc_def0n;

const objectOf = (share: string, baseline: Baseline = '5.12'): Uint8Array =>
  readFileSync(path.join(share, OBJECT_FILES[baseline]));

const settingsOf = (direction: Direction, limit: Limit): Settings => ({
  config: { ...dataplaneSettings(limit, direction), seed: SEED },
});

/** natra's objects as an installed one reads them. */
export const filesIn = (share: string): Pick<Node, 'objectFile' | 'prepared'> => ({
  objectFile: (baseline) => objectOf(share, baseline),
  prepared: (baseline) => readPrepared(readFileSync(path.join(share, PREPARED_FILES[baseline]))),
});

/** The program of a direction for a limit; the caller closes it. */
export function loadFor(
  share: string,
  direction: Direction,
  limit: Limit,
  onStatistics?: (statistics: VerifierStatistics) => void,
): LoadedProgram {
  const options = { settings: settingsOf(direction, limit), ...(onStatistics && { onStatistics }) };
  return loadDataplane(direction, options, { ...filesIn(share), log: () => {} });
}

/** The bytecode that a class of Pods has. */
function codeFor(direction: Direction, image: ObjectImage, limit: Limit): string {
  const [program] = image.programs;
  const rodata = image.sections.find(({ name }) => name === '.rodata');
  if (program === undefined || rodata === undefined)
    throw new Error('the object has no program or no settings');
  const { code, relocations } = specialise(program, sectionContents(rodata, settingsOf(direction, limit)));
  return JSON.stringify([Buffer.from(code).toString('hex'), relocations]);
}

export async function checkPrograms(share: string, checks: Checks, { depth }: GuestPlan): Promise<void> {
  const image = readElf(objectOf(share));
  for (const { name, limit } of depth === 'whole' ? CLASSES : FEW_CLASSES) {
    // The verifier's work on the same bytecode is the same.
    const both = codeFor('ingress', image, limit) === codeFor('egress', image, limit);
    for (const direction of both ? DIRECTIONS.slice(0, 1) : DIRECTIONS) {
      const program = both ? 'both' : direction;
      await checks.run(`load ${program === 'both' ? 'the program' : program} for ${name}`, () => {
        let statistics: VerifierStatistics | undefined;
        const loaded = loadFor(share, direction, limit, (told) => {
          statistics = told;
        });
        try {
          if (loaded.btfRefusal !== undefined) throw new Error(loaded.btfRefusal);
          if (statistics === undefined) throw new Error('the verifier told no statistics');
          const { translatedBytes, jitedBytes } = programInfo(loaded.fd);
          checks.programs.push({ program, class: name, ...statistics, translatedBytes, jitedBytes });
          return `${statistics.processedInstructions} instructions processed`;
        } finally {
          loaded.close();
        }
      });
    }
  }
}
