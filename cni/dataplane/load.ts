/** Loads a direction's program as the kernel can have it. */
import type { KernelBtf } from '../../dsl/object/btf/kernel.ts';
import { readElf } from '../../dsl/object/elf/read.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import type { Template } from '../../dsl/object/specialise/template.ts';
import {
  FEATURES,
  inTurn,
  type LoadedProgram,
  type LoadOptions,
  loadingProgram,
  probe,
  VerifierError,
  type Work,
} from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import type { Node } from '../node.ts';
import type { Baseline } from '../objects.ts';
import { type Layouts, layoutsOf } from './layouts.ts';

/** What the object for Linux 5.10 does without. */
const WITHOUT_ON_5_10 = ['atomics that fetch'];

/** What a program is loaded from. */
export interface Source {
  readonly image: ObjectImage;
  readonly layouts: Layouts;
  readonly templates?: readonly Template[];
  readonly btf?: KernelBtf;
}

export type LoadedDataplane = LoadedProgram & Source;

type Files = Pick<Node, 'objectFile' | 'prepared'>;

function elfSource({ objectFile }: Files, baseline: Baseline): Source {
  const image = readElf(objectFile(baseline));
  return { image, layouts: layoutsOf(image) };
}

/** The object that most kernels have, without its source lines where it is prepared. */
export const sourceOf = (node: Files): Source => node.prepared?.('5.12') ?? elfSource(node, '5.12');

/**
 * Where the kernel refuses the program and lacks what it uses, loads the one that does without. Throws the first
 * refusal where nothing is missing. `options` may depend on the object.
 */
export const loadDataplane = (...request: Parameters<typeof loadingDataplane>): LoadedDataplane =>
  inTurn(loadingDataplane(...request));

/** The same while other work goes on. */
export function* loadingDataplane(
  direction: Direction,
  options: LoadOptions | ((source: Source) => LoadOptions),
  node: Files & Pick<Node, 'log'>,
): Work<LoadedDataplane> {
  function* loadFrom(source: Source): Work<LoadedDataplane> {
    const [only] = source.image.programs;
    if (only === undefined) throw new Error(`load the ${direction} program: its object has none`);
    const program = yield* loadingProgram(source.image, only.name, {
      ...(typeof options === 'function' ? options(source) : options),
      ...(source.templates && { templates: source.templates }),
      ...(source.btf && { btf: source.btf }),
      // CHECK compares the settings in force with those of the record (inspect.ts).
      keepSettings: true,
      // They would be most of the BTF that the kernel keeps for each Pod.
      sourceLines: false,
    });
    return { ...program, ...source };
  }
  function* load(baseline: Baseline): Work<LoadedDataplane> {
    try {
      const prepared = node.prepared?.(baseline);
      if (prepared !== undefined) return yield* loadFrom(prepared);
    } catch (error) {
      // The ELF file has the source lines that explain it.
      if (!(error instanceof VerifierError)) throw error;
    }
    return yield* loadFrom(elfSource(node, baseline));
  }
  try {
    return yield* load('5.12');
  } catch (error) {
    if (!(error instanceof VerifierError)) throw error;
    const missing = FEATURES.filter(
      (feature) => WITHOUT_ON_5_10.includes(feature.name) && !probe(feature).present,
    );
    if (missing.length === 0) throw error;
    const lacking = missing.map(({ name, since }) => `${name} (linux ${since})`).join(' and ');
    node.log(`${direction}: this kernel lacks ${lacking}: the program for linux 5.10 is loaded`);
    return yield* load('5.10');
  }
}
