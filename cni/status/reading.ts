/** What one direction's program has counted and remembers, read from its pinned maps. */
import type { SectionImage } from '../../dsl/object/image.ts';
import {
  type MapHandle,
  type OpenedPins,
  openPins,
  type PinPlace,
  readVariable,
  type Value,
} from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { sourceOf } from '../dataplane/load.ts';
import type { PacedLimit } from '../limit.ts';
import type { Node } from '../node.ts';
import { dataplaneSettings } from '../settings.ts';
import { type Count, VERDICTS, type VerdictName } from '../verdicts.ts';
import type { FlowEntry } from './flows.ts';
import { type SketchLoad, sketchLoad } from './sketch.ts';

export type Verdicts = { readonly [V in VerdictName]: Count };

export interface Reading {
  /** Of the monotonic clock, ns. */
  readonly at: bigint;
  readonly verdicts: Verdicts;
  /** Packets that had to wait, by how long: the nth from 2^(n + 10) ns on, the first from 0. */
  readonly delays: readonly bigint[];
  /** Undefined where the program in force is of a release with another state; likewise the flows. */
  readonly sketch: SketchLoad | undefined;
  readonly flows: readonly FlowEntry[];
}

/** `counters` of programs/count.ts: two u64, packets and bytes; `delays`: one u64. */
const COUNTERS = 'counters';
const DELAYS = 'delays';
const DELAY_BUCKETS = 32;
const STATE_SECTION = '.bss';

/** Undefined where no counters are pinned at the place. */
export function read(
  place: PinPlace,
  direction: Direction,
  limit: PacedLimit,
  node: Node,
): Reading | undefined {
  const pins = openPins(place);
  if (pins === undefined) return undefined;
  try {
    const counters = pins.maps[COUNTERS];
    if (counters === undefined) return undefined;
    const at = process.hrtime.bigint();
    return {
      at,
      verdicts: verdictsOf(counters),
      delays: delaysOf(pins.maps[DELAYS]),
      ...remembered(pins, direction, limit, node),
    };
  } finally {
    pins.close();
  }
}

/** The sum over all CPUs of each u64 of an entry; empty where the map has no such entry. */
function summed(map: MapHandle, index: number): bigint[] {
  const sums: bigint[] = [];
  for (const cpu of map.lookupPerCpu(new Uint8Array(Uint32Array.of(index).buffer)) ?? []) {
    const view = new DataView(cpu.buffer, cpu.byteOffset, cpu.byteLength);
    for (let word = 0; word < cpu.byteLength / 8; word++)
      sums[word] = (sums[word] ?? 0n) + view.getBigUint64(word * 8, true);
  }
  return sums;
}

function verdictsOf(counters: MapHandle): Verdicts {
  const counts = VERDICTS.map(({ name }, number) => {
    const [packets = 0n, bytes = 0n] = summed(counters, number);
    return [name, { packets, bytes }] as const;
  });
  return Object.fromEntries(counts) as Record<VerdictName, Count>;
}

/** A policer makes nothing wait, so it has no such map. */
function delaysOf(delays: MapHandle | undefined): bigint[] {
  if (delays === undefined) return [];
  return Array.from({ length: DELAY_BUCKETS }, (_, bucket) => summed(delays, bucket)[0] ?? 0n);
}

function remembered(
  pins: OpenedPins,
  direction: Direction,
  limit: PacedLimit,
  node: Node,
): Pick<Reading, 'sketch' | 'flows'> {
  const nothing = { sketch: undefined, flows: [] };
  const map = pins.sections[STATE_SECTION];
  const section = sourceOf(node).image.sections.find(({ name }) => name === STATE_SECTION);
  if (map === undefined || section === undefined || map.valueSize !== section.size) return nothing;
  const contents = map.lookup(new Uint8Array(map.keySize));
  if (contents === undefined) return nothing;
  // The program's times are the kernel's CLOCK_MONOTONIC, which is Node's high-resolution clock too.
  const now = process.hrtime.bigint();
  const { cells } = readVariable(section, 'state', contents);
  const heavyLevel = BigInt(dataplaneSettings(limit, direction).heavyLevel ?? 0);
  return {
    sketch: isNumbers(cells) ? sketchLoad(cells, now, heavyLevel) : undefined,
    flows: entriesOf(section, contents),
  };
}

function entriesOf(section: SectionImage, contents: Uint8Array): FlowEntry[] {
  const { flows } = readVariable(section, 'top', contents);
  return Array.isArray(flows) ? flows.filter(isEntry) : [];
}

function isNumbers(value: Value | undefined): value is readonly bigint[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'bigint');
}

/** The fields of programs/flows.ts are integers. */
function isEntry(value: Value): value is { readonly [F in keyof FlowEntry]: FlowEntry[F] } {
  return Object.values(value).every((each) => typeof each === 'bigint' || typeof each === 'number');
}

/** Wire bits a second that passed under the limit between two readings. */
export function rateBetween(first: Reading, second: Reading): number {
  const nanoseconds = Number(second.at - first.at);
  const bytes = Number(passedBytes(second.verdicts) - passedBytes(first.verdicts));
  return nanoseconds > 0 ? (bytes * 8 * 1e9) / nanoseconds : 0;
}

function passedBytes(verdicts: Verdicts): bigint {
  return VERDICTS.filter(({ name }) => !name.startsWith('dropped') && name !== 'excluded').reduce(
    (sum, { name }) => sum + verdicts[name].bytes,
    0n,
  );
}
