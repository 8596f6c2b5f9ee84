/**
 * One meaning, three executions: the reference interpreter, the VM and the kernel, each with the same maps,
 * sections and programs, run step by step on the same packets and compared.
 */
import { execFileSync } from 'node:child_process';
import { SEAMS_LAYOUT, SEAMS_SECTION, SEAMS_VARIABLE } from '../../dsl/compiler/lower/index.ts';
import type { ModuleTree } from '../../dsl/compiler/tree/tree.ts';
import { createInterpreter, type Hooks } from '../../dsl/interpreter/index.ts';
import {
  contextField,
  createMap,
  isValueMap,
  type ModelMap,
  type Packet,
  packetFor,
  Skb,
  type SkbOptions,
  testRunBytes,
  testRunContext,
  type ValueMap,
} from '../../dsl/machine/index.ts';
import { MapOfMaps, ProgramArray } from '../../dsl/machine/reference-maps.ts';
import { RingBuffer } from '../../dsl/machine/ring-buffer.ts';
import type { MapKind, ObjectImage, ProgramKind, SectionImage } from '../../dsl/object/image.ts';
import { createVm } from '../../dsl/vm/index.ts';
import { possibleCpus } from '../../loader/bpf/cpus.ts';
import { createMap as createKernelMap, type MapHandle } from '../../loader/bpf/map.ts';
import { RingReader } from '../../loader/bpf/ring.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';
import { collecting } from '../coverage/collect.ts';

/** One packet through one program, at one time. */
export interface Step {
  readonly program: string;
  readonly packet: Uint8Array;
  readonly fields: Pick<SkbOptions, 'mark' | 'priority' | 'tstamp' | 'wireLen' | 'gsoSegs' | 'gsoSize'>;
  /** ns. */
  readonly now: bigint;
  /** ns. */
  readonly coarse: bigint;
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
const NO_FIELDS = { mark: 0, priority: 0, tstamp: 0n };

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

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

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
function kindIn(image: ObjectImage, step: Step): ProgramKind {
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
function seamsOffset(sections: readonly SectionImage[]): number | undefined {
  return sections
    .find(({ name }) => name === SEAMS_SECTION)
    ?.variables.find(({ name }) => name === SEAMS_VARIABLE)?.offset;
}

function writeSeams(section: Uint8Array, offset: number, step: Step): void {
  const view = new DataView(section.buffer, section.byteOffset + offset, SEAMS_LAYOUT.size);
  for (const { name, offset: at } of SEAMS_LAYOUT.fields) {
    if (name === 'now') view.setBigUint64(at, step.now, true);
    if (name === 'coarse') view.setBigUint64(at, step.coarse, true);
    if (name === 'random') view.setUint32(at, step.random, true);
  }
}

/** What programs refer to: only that exists in the kernel. */
function referred(image: ObjectImage, kind: 'map' | 'section'): ReadonlySet<string> {
  const targets = image.programs.flatMap(({ relocations }) => relocations.map(({ target }) => target));
  return new Set(targets.filter((target) => target.kind === kind).map(({ name }) => name));
}

function outcomeOf(verdict: number, packet: Packet): Outcome {
  const { mark, priority, tstamp } = packet instanceof Skb ? packet : NO_FIELDS;
  return { verdict, packet: hex(testRunBytes(packet)), mark, priority, tstamp };
}

interface Model {
  readonly maps: ReadonlyMap<string, ModelMap>;
  readonly sections: ReadonlyMap<string, Uint8Array>;
}

function modelExecution(
  name: string,
  image: ObjectImage,
  model: Model,
  verdictOf: (program: string, packet: Packet) => number,
): Execution {
  const seams = seamsOffset(image.sections);
  const names = { maps: referred(image, 'map'), sections: referred(image, 'section') };
  return {
    name,
    put({ map: mapName, key, value }) {
      const map = model.maps.get(mapName);
      if (value instanceof Uint8Array && map !== undefined && isValueMap(map)) map.update(key, value, 0n);
      else if (map instanceof ProgramArray && isProgram(value)) map.set(indexOf(key), value.program);
      else if (map instanceof MapOfMaps && map.image.inner && value === 'innerMap')
        map.set(key, createMap(map.image.inner, possibleCpus()) as ValueMap | RingBuffer);
      else throw new Error(`put into map ${mapName}: it holds no such thing`);
    },
    run(step) {
      const section = model.sections.get(SEAMS_SECTION);
      if (seams !== undefined && section !== undefined) writeSeams(section, seams, step);
      const packet = packetOf(step, kindIn(image, step));
      return outcomeOf(verdictOf(step.program, packet), packet);
    },
    state: () => ({
      maps: Object.fromEntries(
        [...model.maps].flatMap(([map, contents]) =>
          names.maps.has(map) && isValueMap(contents)
            ? [[map, entriesOf([...contents.entries()])] as const]
            : [],
        ),
      ),
      sections: Object.fromEntries(
        [...model.sections].flatMap(([section, bytes]) =>
          names.sections.has(section) ? [[section, hex(bytes)] as const] : [],
        ),
      ),
      records: Object.fromEntries(
        [...model.maps].flatMap(([ring, contents]) =>
          names.maps.has(ring) && contents instanceof RingBuffer
            ? [[ring, contents.consume().map(hex)] as const]
            : [],
        ),
      ),
    }),
    restart(globals) {
      model.sections.get(SEAMS_SECTION)?.set(globals);
    },
    close() {},
  };
}

function entriesOf(
  entries: readonly { readonly key: Uint8Array; readonly values: readonly Uint8Array[] }[],
): Record<string, readonly string[]> {
  const sorted = entries.map(({ key, values }) => [hex(key), values.map(hex)] as const);
  return Object.fromEntries(sorted.sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function interpreted(
  module: ModuleTree,
  image: ObjectImage,
  contents: Contents,
  hooks: Hooks = collecting(module),
): Execution {
  const interpreter = createInterpreter(withContents(module, contents), {
    seams: seamsOffset(module.sections) === undefined ? 'kernel' : 'memory',
    cpus: possibleCpus(),
    hooks,
  });
  return modelExecution(
    'interpreter',
    image,
    interpreter,
    (program, packet) => interpreter.run(program, packet).verdict,
  );
}

export function virtual(image: ObjectImage, contents: Contents): Execution {
  const vm = createVm(withContents(image, contents), { cpus: possibleCpus() });
  return modelExecution('vm', image, vm, (program, packet) =>
    Number(BigInt.asUintN(32, vm.run(program, packet).r0)),
  );
}

function fieldsOf(context: Uint8Array | undefined): Pick<Outcome, 'mark' | 'priority' | 'tstamp'> {
  if (context === undefined) return NO_FIELDS;
  return {
    mark: Number(fieldOf(context, 'mark')),
    priority: Number(fieldOf(context, 'priority')),
    tstamp: fieldOf(context, 'tstamp'),
  };
}

/** A field of struct __sk_buff, where every kind of program has it. */
function fieldOf(context: Uint8Array, name: string): bigint {
  const field = contextField('classifier', name);
  if (field === undefined) throw new Error(`read ${name}: no such context field`);
  const view = new DataView(context.buffer, context.byteOffset, context.length);
  return field.size === 8
    ? view.getBigUint64(field.offset, true)
    : BigInt(view.getUint32(field.offset, true));
}

const FIRST = new Uint8Array(4);

/** Kinds of map whose values user space reads as bytes. */
const HAS_VALUES: ReadonlySet<MapKind> = new Set([
  'hash',
  'array',
  'percpuHash',
  'percpuArray',
  'lruHash',
  'lruPercpuHash',
  'lpmTrie',
] as const);

const isProgram = (value: Put['value']): value is { readonly program: string } =>
  typeof value === 'object' && 'program' in value;

const indexOf = (key: Uint8Array): number => new DataView(key.buffer, key.byteOffset).getUint32(0, true);

/** A file descriptor as a map's value. */
function descriptor(fd: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, fd, true);
  return bytes;
}

/** Loads every program, all on the same maps and sections. Throws the verifier's words when it refuses one. */
export function inKernel(image: ObjectImage, contents: Contents): Execution {
  const filled = withContents(image, contents);
  const shared = new Map<string, MapHandle>();
  const programs = new Map<string, LoadedProgram>();
  const inner: MapHandle[] = [];
  const readers = new Map<string, RingReader>();
  const close = (): void => {
    for (const reader of readers.values()) reader.close();
    for (const map of inner) map.close();
    for (const program of [...programs.values()].reverse()) program.close();
  };
  try {
    for (const { name } of image.programs) {
      const program = loadProgram(filled, name, { reuse: shared });
      programs.set(name, program);
      for (const [map, handle] of Object.entries({ ...program.maps, ...program.sections })) {
        shared.set(map, handle);
      }
    }
    for (const [name, map] of shared) if (map.kind === 'ringBuffer') readers.set(name, new RingReader(map));
  } catch (error) {
    close();
    throw error;
  }
  const seams = seamsOffset(image.sections);
  const sectionNames = referred(image, 'section');
  const fdFor = (map: string, value: Exclude<Put['value'], Uint8Array>): number => {
    if (value !== 'innerMap') return programs.get(value.program)?.fd ?? -1;
    const template = image.maps.find(({ name }) => name === map)?.inner;
    if (template === undefined) throw new Error(`put into map ${map}: it holds no maps`);
    const made = createKernelMap(template);
    inner.push(made);
    return made.fd;
  };
  return {
    name: 'kernel',
    put({ map: name, key, value }) {
      const map = shared.get(name);
      if (map === undefined) throw new Error(`put into map ${name}: no program uses it`);
      map.update(key, value instanceof Uint8Array ? value : descriptor(fdFor(name, value)));
    },
    run(step) {
      const program = programs.get(step.program);
      if (program === undefined) throw new Error(`run ${step.program}: it isn't loaded`);
      const bss = shared.get(SEAMS_SECTION);
      const section = bss?.lookup(FIRST);
      if (seams !== undefined && bss !== undefined && section !== undefined) {
        writeSeams(section, seams, step);
        bss.update(FIRST, section);
      }
      const context = testRunContext(packetOf(step, kindIn(image, step)));
      const output = testRun(program.fd, { data: step.packet, ...(context && { context }) });
      return { verdict: output.result, packet: hex(output.data), ...fieldsOf(output.context) };
    },
    state: () => ({
      maps: Object.fromEntries(
        [...shared]
          .filter(([name, map]) => !sectionNames.has(name) && HAS_VALUES.has(map.kind))
          .map(([name, map]) => [name, entriesOf(map.entries())]),
      ),
      sections: Object.fromEntries(
        [...shared]
          .filter(([name]) => sectionNames.has(name))
          .map(([name, map]) => [name, hex(map.lookup(FIRST) ?? new Uint8Array())]),
      ),
      records: Object.fromEntries(
        [...readers].map(([name, reader]) => [name, reader.consume().map(hex)] as const),
      ),
    }),
    restart(globals) {
      shared.get(SEAMS_SECTION)?.update(FIRST, globals);
    },
    close,
  };
}
