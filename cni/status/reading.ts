/** What one direction's program has counted and remembers, read from its pinned maps. */
import { readElf } from '../../dsl/object/elf/read.ts';
import {
  type MapHandle,
  type OpenedPins,
  openPins,
  type PinPlace,
  readVariable,
  type Value,
} from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import type { Node } from '../node.ts';
import { type Count, VERDICTS, type VerdictName } from '../verdicts.ts';
import { type SketchLoad, sketchLoad } from './sketch.ts';

export type Verdicts = { readonly [V in VerdictName]: Count };

export interface Reading {
  /** Of the monotonic clock, ns. */
  readonly at: bigint;
  readonly verdicts: Verdicts;
  /** Undefined where the program in force is of a release with another state. */
  readonly sketch: SketchLoad | undefined;
}

/** `map-counters` of programs/count.ts: two u64, packets and bytes. */
const COUNTERS = 'counters';
const STATE_SECTION = '.bss';

/** Undefined where no counters are pinned at the place. */
export function read(place: PinPlace, direction: Direction, node: Node): Reading | undefined {
  const pins = openPins(place);
  if (pins === undefined) return undefined;
  try {
    const counters = pins.maps[COUNTERS];
    if (counters === undefined) return undefined;
    const at = process.hrtime.bigint();
    return { at, verdicts: verdictsOf(counters), sketch: sketchOf(pins, direction, node) };
  } finally {
    pins.close();
  }
}

function verdictsOf(counters: MapHandle): Verdicts {
  const counts = VERDICTS.map(({ name }, number) => {
    const key = new Uint8Array(Uint32Array.of(number).buffer);
    const sum = (counters.lookupPerCpu(key) ?? []).reduce(
      ({ packets, bytes }, cpu) => {
        const view = new DataView(cpu.buffer, cpu.byteOffset, cpu.byteLength);
        return { packets: packets + view.getBigUint64(0, true), bytes: bytes + view.getBigUint64(8, true) };
      },
      { packets: 0n, bytes: 0n },
    );
    return [name, sum] as const;
  });
  return Object.fromEntries(counts) as Record<VerdictName, Count>;
}

function sketchOf(pins: OpenedPins, direction: Direction, node: Node): SketchLoad | undefined {
  const map = pins.sections[STATE_SECTION];
  const section = readElf(node.objectFile(direction)).sections.find(({ name }) => name === STATE_SECTION);
  if (map === undefined || section === undefined || map.valueSize !== section.size) return undefined;
  const contents = map.lookup(new Uint8Array(map.keySize));
  if (contents === undefined) return undefined;
  // The cells hold the kernel's CLOCK_MONOTONIC, which is Node's high-resolution clock too.
  const now = process.hrtime.bigint();
  const { cells } = readVariable(section, 'state', contents);
  return isNumbers(cells) ? sketchLoad(cells, now) : undefined;
}

function isNumbers(value: Value | undefined): value is readonly bigint[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'bigint');
}

/** Wire bits a second that passed between two readings. */
export function rateBetween(first: Reading, second: Reading): number {
  const nanoseconds = Number(second.at - first.at);
  const bytes = Number(passedBytes(second.verdicts) - passedBytes(first.verdicts));
  return nanoseconds > 0 ? (bytes * 8 * 1e9) / nanoseconds : 0;
}

function passedBytes(verdicts: Verdicts): bigint {
  return VERDICTS.filter(({ name }) => !name.startsWith('dropped')).reduce(
    (sum, { name }) => sum + verdicts[name].bytes,
    0n,
  );
}
