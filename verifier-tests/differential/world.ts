/**
 * One meaning, three executions: the reference interpreter and the VM (models.ts) and the kernel (in-kernel.ts), each with
 * the same maps, sections and programs, run step by step on the same packets and compared.
 */
import { execFileSync } from 'node:child_process';
import { SEAMS_LAYOUT, SEAMS_SECTION, SEAMS_VARIABLE } from '../../dsl/compiler/lower/index.ts';
import { type Packet, packetFor, Skb, type SkbOptions } from '../../dsl/machine/index.ts';
import type { ObjectImage, ProgramKind, SectionImage } from '../../dsl/object/image.ts';

/** One packet through one program, at one time. */
export interface Step {
  readonly program: string;
  readonly packet: Uint8Array;
  readonly fields: Pick<SkbOptions, 'mark' | 'priority' | 'tstamp' | 'wireLen' | 'gsoSegs' | 'gsoSize'>;
  /** ns. */
  readonly now: bigint;
  /** ns. */
  readonly coarse: bigint;
  /** Of the kernel's timer. */
  readonly ticks: bigint;
  /** The next random number. */
  readonly random: number;
}

/** What a step did; bytes in hexadecimal. */
export interface Outcome {
  readonly verdict: number;
  readonly packet: string;
  readonly mark: number;
  readonly priority: number;
  readonly tstamp: bigint;
}

/** Contents of maps (by key, every CPU's value) and of sections, in hexadecimal. */
export interface State {
  readonly maps: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
  readonly sections: Readonly<Record<string, string>>;
  /** Records of ring buffers since the state was read last, oldest first, in hexadecimal. */
  readonly records: Readonly<Record<string, readonly string[]>>;
}

/** The fields of an outcome that an XDP packet has not. */
export const NO_FIELDS = { mark: 0, priority: 0, tstamp: 0n };

/** What user space puts into a map: bytes, or a kernel object: a program by its name, or a new inner map. */
export interface Put {
  readonly map: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array | { readonly program: string } | 'innerMap';
}

export interface Execution {
  readonly name: string;
  /** Sets an entry of a map that the program refers to. */
  put(entry: Put): void;
  run(step: Step): Outcome;
  state(): State;
  /** Gives `.bss` new contents; maps stay. */
  restart(globals: Uint8Array): void;
  close(): void;
}

/** Initial bytes of sections, in place of those of the module. */
export type Contents = ReadonlyMap<SectionImage['name'], Uint8Array>;

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/**
 * Keeps this process on CPU 0, where the models run too: per-CPU maps and the processor id then agree. Call it before
 * the kernel runs.
 */
export function stayOnFirstCpu(): void {
  execFileSync('taskset', ['-cp', '0', String(process.pid)], { stdio: 'pipe' });
}

export function skbOf(step: Step): Skb {
  return new Skb(step.packet.slice(), step.fields);
}

/** The step's packet as a program of this kind sees it. */
export function packetOf(step: Step, kind: ProgramKind): Packet {
  return packetFor(kind, step.packet.slice(), step.fields);
}

/** The kind of the program that the step runs. */
export function kindIn(image: ObjectImage, step: Step): ProgramKind {
  const program = image.programs.find(({ name }) => name === step.program);
  if (program === undefined) throw new Error(`run ${step.program}: the object has no such program`);
  return program.kind;
}

/** The image with these initial contents. */
export function withContents<T extends Pick<ObjectImage, 'sections'>>(image: T, contents: Contents): T {
  return {
    ...image,
    sections: image.sections.map((section) => {
      const initial = contents.get(section.name);
      return initial === undefined ? section : { ...section, initial };
    }),
  };
}

/** Where a module built with seams in memory has its clocks and randomness. */
export function seamsOffset(sections: readonly SectionImage[]): number | undefined {
  return sections
    .find(({ name }) => name === SEAMS_SECTION)
    ?.variables.find(({ name }) => name === SEAMS_VARIABLE)?.offset;
}

export function writeSeams(section: Uint8Array, offset: number, step: Step): void {
  const view = new DataView(section.buffer, section.byteOffset + offset, SEAMS_LAYOUT.size);
  for (const { name, offset: at } of SEAMS_LAYOUT.fields) {
    if (name === 'now') view.setBigUint64(at, step.now, true);
    if (name === 'coarse') view.setBigUint64(at, step.coarse, true);
    if (name === 'ticks') view.setBigUint64(at, step.ticks, true);
    if (name === 'random') view.setUint32(at, step.random, true);
  }
}

/** What programs refer to: only that exists in the kernel. */
export function referred(image: ObjectImage, kind: 'map' | 'section'): ReadonlySet<string> {
  const targets = image.programs.flatMap(({ relocations }) => relocations.map(({ target }) => target));
  return new Set(targets.filter((target) => target.kind === kind).map(({ name }) => name));
}

export function entriesOf(
  entries: readonly { readonly key: Uint8Array; readonly values: readonly Uint8Array[] }[],
): Record<string, readonly string[]> {
  const sorted = entries.map(({ key, values }) => [hex(key), values.map(hex)] as const);
  return Object.fromEntries(sorted.sort(([a], [b]) => (a < b ? -1 : 1)));
}
