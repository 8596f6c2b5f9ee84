/**
 * Packets recorded with what the VM made of them, for a kernel elsewhere to repeat: no compiler, generator or model
 * is needed there.
 */
import fc from 'fast-check';
import type { Direction } from '../../cni/config/bandwidth.ts';
import type { Baseline } from '../../cni/objects.ts';
import { dataplaneSettings, type Limit } from '../../cni/settings.ts';
import { compile } from '../../dsl/compiler/index.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';
import type { ObjectImage, SectionImage } from '../../dsl/object/image.ts';
import { encodeStruct } from '../../loader/object/values.ts';
import { virtual } from '../differential/models.ts';
import { arbitraryContents, arbitraryTrains } from '../differential/steps.ts';
import type { Contents, Outcome, State, Step } from '../differential/world.ts';

export interface RecordedCase {
  readonly contents: Contents;
  readonly steps: readonly Step[];
  readonly outcomes: readonly Outcome[];
  readonly state: State;
}

export interface Recording {
  /** The ELF object of the dataplane by what it asks of the kernel, clocks and randomness in memory. */
  readonly objects: { readonly [B in Baseline]: Uint8Array };
  readonly cases: readonly RecordedCase[];
}

/** Each is one load of a program, and loading is what takes time. */
const CASES: readonly (readonly [Direction, Omit<Limit, 'rateBitsPerSecond'>])[] = [
  ['ingress', { pacing: 'edt' }],
  ['egress', { pacing: 'queue', vlanTags: 'off' }],
  ['ingress', { pacing: 'police', ipFamilies: 'ipv4' }],
  ['egress', { pacing: 'edt', vlanTags: 'off', ipFamilies: 'ipv4' }],
];
/** Of arbitraryTrains, one after another. */
const TRAINS = 12;
const SEED = 20_250_601;

/** The same packets at every call; a new dataplane changes only what becomes of them. */
export function recordReplay(): Recording {
  const image = compiled('5.12');
  const cases = CASES.map(([direction, kind]) => {
    const contents = fc.tuple(
      arbitraryContents(image.sections),
      arbitrarySettings(image.sections, direction, kind),
    );
    const [[initial, rodata] = [new Map(), undefined]] = fc.sample(contents, { numRuns: 1, seed: SEED });
    const steps = fc.sample(arbitraryTrains('limit'), { numRuns: TRAINS, seed: SEED }).flat();
    return record(image, new Map([...initial, ['.rodata', rodata]]), steps);
  });
  return { objects: { '5.12': writeElf(image), '5.10': writeElf(compiled('5.10')) }, cases };
}

function compiled(baseline: Baseline): ObjectImage {
  const { object } = compile('programs/limit.ts', { seams: 'memory', baseline });
  if (object === undefined) throw new Error('compile programs/limit.ts: it has errors; npm run build tells');
  return object;
}

function record(object: ObjectImage, contents: Contents, steps: readonly Step[]): RecordedCase {
  const vm = virtual(object, contents);
  const outcomes = steps.map((step) => vm.run(step));
  return { contents, steps, outcomes, state: vm.state() };
}

function arbitrarySettings(
  sections: readonly SectionImage[],
  direction: Direction,
  kind: (typeof CASES)[number][1],
): fc.Arbitrary<Uint8Array> {
  const layout = sections.find(({ name }) => name === '.rodata')?.variables[0]?.layout;
  if (layout === undefined) throw new Error('record packets: the program has no settings');
  return fc.tuple(fc.integer({ min: 1, max: 1000 }), fc.nat()).map(([megabits, seed]) =>
    encodeStruct(layout, {
      ...dataplaneSettings({ ...kind, rateBitsPerSecond: megabits * 1e6 }, direction),
      seed: BigInt(seed),
    }),
  );
}
