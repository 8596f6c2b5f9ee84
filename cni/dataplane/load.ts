/** Loads a direction's program as the kernel can have it. */
import { readElf } from '../../dsl/object/elf/read.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
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

export interface LoadedDataplane extends LoadedProgram {
  /** What it was loaded from. */
  readonly image: ObjectImage;
}

/**
 * Where the kernel refuses the program and lacks what it uses, loads the one that does without. Throws the first
 * refusal where nothing is missing. `options` may depend on the object.
 */
export function loadDataplane(
  direction: Direction,
  options: LoadOptions | ((image: ObjectImage) => LoadOptions),
  node: Pick<Node, 'objectFile' | 'log'>,
): LoadedDataplane {
  const load = (baseline: Baseline): LoadedDataplane => {
    const image = readElf(node.objectFile(direction, baseline));
    const program = loadProgram(image, direction, {
      ...(typeof options === 'function' ? options(image) : options),
      // CHECK compares the settings in force with those of the record (inspect.ts).
      keepSettings: true,
      // They would be most of the BTF that the kernel keeps for each Pod.
      sourceLines: false,
    });
    return { ...program, image };
  };
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
