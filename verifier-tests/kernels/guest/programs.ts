/** Loads the dataplane as it is for each kind of Pod, and asks the verifier what it cost. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { DIRECTIONS, type Direction } from '../../../cni/config/bandwidth.ts';
import { loadDataplane } from '../../../cni/dataplane/load.ts';
import type { Baseline } from '../../../cni/objects.ts';
import { dataplaneSettings, type Pacing } from '../../../cni/settings.ts';
import { programInfo } from '../../../loader/bpf/info.ts';
import type { LoadedProgram, VerifierStatistics } from '../../../loader/index.ts';
import { OBJECT_FILES, PACINGS } from '../report.ts';
import type { Checks } from './checks.ts';

const SEED = 0x1234_5678_9abc_def0n;

/** The program of a direction for a cap of 10 Mbit/s; the caller closes it. */
export function loadFor(
  share: string,
  direction: Direction,
  pacing: Pacing,
  onStatistics?: (statistics: VerifierStatistics) => void,
): LoadedProgram {
  const config = { ...dataplaneSettings({ rateBitsPerSecond: 10e6, pacing }), seed: SEED };
  const objectFile = (_: Direction, baseline: Baseline = '5.12'): Uint8Array =>
    readFileSync(path.join(share, OBJECT_FILES[baseline][direction]));
  const options = { settings: { config }, ...(onStatistics && { onStatistics }) };
  return loadDataplane(direction, options, { objectFile, log: () => {} });
}

export async function checkPrograms(share: string, checks: Checks): Promise<void> {
  for (const program of DIRECTIONS)
    for (const pacing of PACINGS)
      await checks.run(`load ${program} with ${pacing}`, () => {
        let statistics: VerifierStatistics | undefined;
        const loaded = loadFor(share, program, pacing, (told) => {
          statistics = told;
        });
        try {
          if (loaded.btfRefusal !== undefined) throw new Error(loaded.btfRefusal);
          if (statistics === undefined) throw new Error('the verifier told no statistics');
          const { translatedBytes, jitedBytes } = programInfo(loaded.fd);
          checks.programs.push({ program, pacing, ...statistics, translatedBytes, jitedBytes });
          return `${statistics.processedInstructions} instructions processed`;
        } finally {
          loaded.close();
        }
      });
}
