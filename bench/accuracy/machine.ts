/**
 * A limiter's bytecode with a clock that the caller sets: on this kernel by BPF_PROG_TEST_RUN where that is possible,
 * else in the BPF VM. Either way the program's global variables are in view.
 */
import koffi from 'koffi';
import { compile } from '../../dsl/compiler/index.ts';
import { SEAMS_LAYOUT, SEAMS_SECTION, SEAMS_VARIABLE } from '../../dsl/compiler/lower/seams.ts';
import { Skb } from '../../dsl/machine/index.ts';
import type { ObjectImage, SectionImage } from '../../dsl/object/image.ts';
import { sizeOf } from '../../dsl/object/layout.ts';
import { createVm } from '../../dsl/vm/index.ts';
import { createMap, MAP_FLAG, type MapHandle } from '../../loader/bpf/map.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { loadProgram } from '../../loader/object/load.ts';
import { type Settings, sectionContents } from '../../loader/object/sections.ts';

export type Place = 'kernel' | 'vm';

const TC_ACT_SHOT = 2;

export interface Machine {
  /** Memory of the program's global variables, live. */
  readonly globals: DataView;
  /** Offset and length in it of a field of a variable. */
  place(variable: string, field: string): { readonly offset: number; readonly length: number };
  /** Runs the program on a frame at `now` (ns); false where it drops it. */
  passes(frame: Uint8Array, now: number): boolean;
  close(): void;
}

/** The program of a file with clock and randomness in memory. */
function compiled(file: string): ObjectImage {
  const { object, diagnostics } = compile(file, { seams: 'memory' });
  if (object === undefined) throw new Error(`compile ${file}: ${diagnostics[0]?.message}`);
  return object;
}

function sectionOf(object: ObjectImage, name: SectionImage['name']): SectionImage {
  const section = object.sections.find((candidate) => candidate.name === name);
  if (section === undefined) throw new Error(`the object has no ${name}`);
  return section;
}

function placeOf(section: SectionImage, variable: string, field: string): { offset: number; length: number } {
  const found = section.variables.find(({ name }) => name === variable);
  const member = found?.layout.fields.find(({ name }) => name === field);
  if (found === undefined || member === undefined) throw new Error(`the program has no ${variable}.${field}`);
  return { offset: found.offset + member.offset, length: sizeOf(member.layout) };
}

interface Runner {
  readonly memory: ArrayBuffer;
  readonly offset: number;
  run(frame: Uint8Array): number;
  close(): void;
}

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** Maps an array map's one value into this process: an update by system call for each packet would cost more than its run. */
function mapped(map: MapHandle): { readonly memory: ArrayBuffer; unmap(): void } {
  const libc = koffi.load(null);
  const mmap = libc.func('void *mmap(void *, size_t, int, int, int, long)');
  const munmap = libc.func('int munmap(void *, size_t)');
  const address: unknown = mmap(null, map.valueSize, PROT_READ_WRITE, MAP_SHARED, map.fd, 0);
  if (address === null || koffi.address(address) === 2n ** 64n - 1n)
    throw new Error(`map ${map.name} into memory: errno ${koffi.errno()}`);
  return { memory: koffi.view(address, map.valueSize), unmap: () => munmap(address, map.valueSize) };
}

function inKernel(object: ObjectImage, program: string, settings: Settings): Runner {
  const section = sectionOf(object, SEAMS_SECTION);
  const globals = createMap({
    name: `accuracy${SEAMS_SECTION}`,
    kind: 'array',
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: MAP_FLAG.mmapable,
  });
  const { memory, unmap } = mapped(globals);
  const loaded = loadProgram(object, program, { settings, reuse: new Map([[SEAMS_SECTION, globals]]) });
  return {
    memory,
    offset: 0,
    run: (data) => testRun(loaded.fd, { data }).result,
    close() {
      loaded.close();
      unmap();
      globals.close();
    },
  };
}

function inVm(object: ObjectImage, program: string, settings: Settings): Runner {
  const vm = createVm(object);
  vm.sections.get('.rodata')?.set(sectionContents(sectionOf(object, '.rodata'), settings));
  const globals = vm.sections.get(SEAMS_SECTION);
  if (globals === undefined) throw new Error(`${program} has no ${SEAMS_SECTION}`);
  return {
    memory: globals.buffer as ArrayBuffer,
    offset: globals.byteOffset,
    run: (data) => Number(BigInt.asUintN(32, vm.run(program, new Skb(data.slice())).r0)),
    close() {},
  };
}

/** CONFIG_HZ=250, ns. */
const TICK = 4_000_000;

export function machineOf(file: string, settings: Settings, place: Place): Machine {
  const object = compiled(file);
  const program = object.programs[0]?.name;
  if (program === undefined) throw new Error(`${file} has no program`);
  const section = sectionOf(object, SEAMS_SECTION);
  const runner = (place === 'kernel' ? inKernel : inVm)(object, program, settings);
  const globals = new DataView(runner.memory, runner.offset, section.size);
  const seams = section.variables.find(({ name }) => name === SEAMS_VARIABLE)?.offset;
  if (seams === undefined) throw new Error(`${file} was compiled without ${SEAMS_VARIABLE}`);
  const clocks = Object.fromEntries(SEAMS_LAYOUT.fields.map(({ name, offset }) => [name, seams + offset]));
  const set = (clock: string, ns: number): void =>
    globals.setBigUint64(clocks[clock] ?? seams, BigInt(Math.floor(ns)), true);
  return {
    globals,
    place: (variable, field) => placeOf(section, variable, field),
    passes(frame, now) {
      set('now', now);
      set('coarse', Math.floor(now / TICK) * TICK);
      set('ticks', now / TICK);
      return runner.run(frame) !== TC_ACT_SHOT;
    },
    close: () => runner.close(),
  };
}
