/** Loads a direction's program as the kernel can have it. */
import { readElf } from '../../dsl/object/elf/read.ts';
import {
  FEATURES,
  type LoadedProgram,
  type LoadOptions,
  loadProgram,
  probe,
  VerifierError,
} from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import type { Node } from '../node.ts';
import type { Baseline } from '../objects.ts';

/** What the object for Linux 5.10 does without. */
const WITHOUT_ON_5_10 = ['atomics that fetch', 'bpf_ktime_get_coarse_ns'];

/**
 * Where the kernel refuses the program and lacks what it uses, loads the one that does without. Throws the first
 * refusal where nothing is missing.
 */
export function loadDataplane(
  direction: Direction,
  options: LoadOptions,
  node: Pick<Node, 'objectFile' | 'log'>,
): LoadedProgram {
  const load = (baseline: Baseline): LoadedProgram =>
    loadProgram(readElf(node.objectFile(direction, baseline)), direction, {
      ...options,
      // CHECK compares the settings in force with those of the record (inspect.ts).
      keepSettings: true,
    });
  try {
    return load('5.12');
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    const missing = FEATURES.filter(
      (feature) => WITHOUT_ON_5_10.includes(feature.name) && !probe(feature).present,
    );
    if (missing.length === 0) throw error;
    const lacking = missing.map(({ name, since }) => `${name} (linux ${since})`).join(' and ');
    node.log(`${direction}: this kernel lacks ${lacking}: the program for linux 5.10 is loaded`);
    return load('5.10');
  }
}
