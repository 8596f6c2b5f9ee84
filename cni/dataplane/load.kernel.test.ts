import { afterEach, describe, expect, test, vi } from 'vitest';
import { readElf } from '../../dsl/object/elf/read.ts';
import { fits } from '../../dsl/object/specialise/template.ts';
import { COMMAND } from '../../loader/bpf/call.ts';
import { sectionContents, setSyscallHook, VerifierError } from '../../loader/index.ts';
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import { type Baseline, objectFile, preparedObject } from '../objects.ts';
import { dataplaneSettings } from '../settings.ts';
import { passingObject, refusedObject } from '../testing/objects.ts';
import { loadDataplane } from './load.ts';

afterEach(() => {
  setSyscallHook(undefined);
});

const EINVAL = -22;

/** The map's own header (struct bpf_array, include/linux/bpf.h) shares the allocation. */
const ARRAY_HEADER_BYTES = 512;

test('what the program remembers fits in 16 KiB of the kernel', () => {
  const remembered = readElf(objectFile()).sections.find(({ name }) => name === '.bss');
  expect(remembered?.size).toBeLessThanOrEqual(16_384 - ARRAY_HEADER_BYTES);
});

/** An object that no kernel takes, and behind it one that every kernel does; counts the loads of the first. */
function refusedFirst(onFallback: () => void) {
  const log: string[] = [];
  return {
    log: (message: string) => log.push(message),
    lines: log,
    objectFile: (baseline: Baseline) => {
      if (baseline === '5.10') onFallback();
      return baseline === '5.12' ? refusedObject() : passingObject();
    },
  };
}

test('a refusal by a kernel that lacks nothing is reported as it is', () => {
  const node = refusedFirst(() => expect.fail('there is nothing to fall back for'));
  expect(() => loadDataplane('egress', {}, node)).toThrow(VerifierError);
  expect(node.lines).toEqual([]);
});

test('a kernel without fetching atomics gets the object that needs none', () => {
  let loads = 0;
  const count = (): void => {
    loads += 1;
  };
  setSyscallHook(
    (name, args) => (name === 'bpf' && args[0] === COMMAND.programLoad ? count() : undefined) as undefined,
  );
  expect(() =>
    loadDataplane(
      'egress',
      {},
      refusedFirst(() => {}),
    ),
  ).toThrow(VerifierError);
  // The last was a probe; from that on this kernel plays an old one.
  const refused = loads - 1;
  loads = 0;
  let isOld = true;
  setSyscallHook((name, args) => {
    if (name !== 'bpf' || args[0] !== COMMAND.programLoad) return undefined;
    count();
    return loads > refused && isOld ? EINVAL : undefined;
  });
  const node = refusedFirst(() => {
    isOld = false;
  });
  loadDataplane('egress', {}, node).close();
  expect(node.lines).toEqual([
    'egress: this kernel lacks atomics that fetch (linux 5.12): the program for linux 5.10 is loaded',
  ]);
});

test('the object for linux 5.10 has the same settings', () => {
  const load = (baseline: '5.12' | '5.10') => {
    const source = { objectFile: () => objectFile(baseline), log: () => {} };
    const program = loadDataplane('egress', {}, source);
    program.close();
    return program.sections['.rodata']?.valueSize;
  };
  expect(load('5.10')).toBe(load('5.12'));
});

describe('an object that is prepared', () => {
  const settings = (more: object = {}, direction: Direction = 'ingress') => ({
    config: {
      ...dataplaneSettings({ rateBitsPerSecond: 2e7, burstBits: 1e6, pacing: 'queue', ...more }, direction),
      seed: 5n,
    },
  });
  const elfFiles = vi.fn(objectFile);
  const node = { objectFile: elfFiles, prepared: preparedObject, log: () => {} };

  test.each(['ingress', 'egress'] as const)(
    'takes the place of the ELF file of %s, with the same layouts',
    (direction) => {
      elfFiles.mockClear();
      const prepared = loadDataplane(direction, { settings: settings() }, node);
      prepared.close();
      expect(elfFiles).not.toHaveBeenCalled();
      const plain = loadDataplane(direction, { settings: settings() }, { objectFile, log: () => {} });
      plain.close();
      expect(prepared.layouts).toEqual(plain.layouts);
      expect([prepared.btfRefusal, plain.btfRefusal]).toEqual([undefined, undefined]);
      expect(Object.keys(prepared.maps).sort()).toEqual(Object.keys(plain.maps).sort());
    },
  );

  test('has a template for what most Pods are given, and not for options of their own', () => {
    const { templates, image } = preparedObject('5.12');
    const section = image.sections.find(({ name }) => name === '.rodata')!;
    const fitting = (more: object, direction?: Direction) =>
      templates.filter((each) => fits(each, sectionContents(section, settings(more, direction)))).length;
    for (const direction of DIRECTIONS)
      for (const pacing of ['edt', 'queue', 'police'])
        for (const rateBitsPerSecond of [1e6, 1e7, 2e7, 1e8, 1e9, 1e10])
          expect(fitting({ pacing, rateBitsPerSecond, burstBits: undefined }, direction)).toBe(1);
    for (const pacing of ['edt', 'queue', 'police']) expect(fitting({ pacing })).toBe(1);
    expect(fitting({ ecn: false })).toBe(0);
    expect(fitting({ packetsPerSecond: 1000 })).toBe(0);
  });

  test('is explained from the ELF file where the kernel refuses it', () => {
    elfFiles.mockClear();
    const prepared = preparedObject('5.12');
    const [program] = readElf(refusedObject()).programs;
    elfFiles.mockImplementationOnce(refusedObject);
    const refused = { ...prepared, image: { ...prepared.image, programs: [program!] }, templates: [] };
    const load = () => loadDataplane('egress', {}, { ...node, prepared: () => refused });
    expect(load).toThrow(VerifierError);
    expect(elfFiles).toHaveBeenCalledOnce();
  });
});
