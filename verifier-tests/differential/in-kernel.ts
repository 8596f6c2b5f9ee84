/** The kernel as an execution. */
import { SEAMS_SECTION } from '../../dsl/compiler/lower/index.ts';
import { contextField, testRunContext } from '../../dsl/machine/index.ts';
import type { MapKind, ObjectImage } from '../../dsl/object/image.ts';
import { createMap as createKernelMap, type MapHandle } from '../../loader/bpf/map.ts';
import { RingReader } from '../../loader/bpf/ring.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';
import {
  type Contents,
  type Execution,
  entriesOf,
  hex,
  kindIn,
  NO_FIELDS,
  type Outcome,
  type Put,
  packetOf,
  referred,
  seamsOffset,
  withContents,
  writeSeams,
} from './world.ts';

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
