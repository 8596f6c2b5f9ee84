import { afterEach, describe, expect, it, vi } from 'vitest';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { encode } from '../../dsl/object/instruction.ts';
import { COMMAND } from '../bpf/call.ts';
import { mapInfo, programInfo } from '../bpf/info.ts';
import type { VerifierStatistics } from '../bpf/statistics.ts';
import { testRun } from '../bpf/testrun.ts';
import { ERRNO, VerifierError } from '../errors.ts';
import { setSyscallHook } from '../native/syscall.ts';
import { countingObject, exit, SETTINGS, VERDICT } from '../testing/assembly.ts';
import { kernelObjects, remainingObjects } from '../testing/kernel-objects.ts';
import { type LoadedProgram, type LoadOptions, loadProgram } from './load.ts';
import { isSameProgram } from './same.ts';
import { readVariable } from './sections.ts';
import { encodeStruct } from './values.ts';

const NAME = `ld${process.pid}`;
const packet = new Uint8Array(60);
const key = new Uint8Array(4);
const image = countingObject(packet.length, NAME);

const loaded: LoadedProgram[] = [];
function load(options: LoadOptions = {}, object: ObjectImage = image): LoadedProgram {
  const program = loadProgram(object, NAME, options);
  loaded.push(program);
  return program;
}
afterEach(async () => {
  setSyscallHook(undefined);
  for (const program of loaded.splice(0)) program.close();
  expect(await remainingObjects(NAME)).toEqual([]);
});

const section = (name: string) => image.sections.find((each) => each.name === name)!;

const packetsOf = (program: LoadedProgram): unknown =>
  readVariable(section('.bss'), 'counters', program.sections['.bss']!.lookup(key)!).packets;

describe('a loaded program', () => {
  it('runs with its settings and counts in its section', () => {
    const program = load({ settings: { settings: { verdict: VERDICT.drop } } });
    expect(testRun(program.fd, { data: packet, repeat: 3 }).result).toBe(VERDICT.drop);
    expect(testRun(program.fd, { data: new Uint8Array(70) }).result).toBe(0xffffffff);
    expect(packetsOf(program)).toBe(3n);
  });

  it('takes the whole read-only section as bytes as well', () => {
    const program = load({ settings: encodeStruct(SETTINGS, { verdict: 5 }) });
    expect(testRun(program.fd, { data: packet }).result).toBe(5);
  });

  it('has only the maps it refers to, a name it is found by, and its BTF', () => {
    const program = load();
    expect(program.maps).toEqual({});
    const info = programInfo(program.fd);
    expect(info).toMatchObject({ id: program.id, name: NAME, lineCount: 1 });
    expect(info.btfId).toBeGreaterThan(0);
    expect(program.btfRefusal).toBeUndefined();
    expect(kernelObjects(NAME)).toEqual([`map ${NAME}.bss`, `map ${NAME}.rodata`, `program ${NAME}`]);
  });

  it('keeps no lines of source in the kernel where that is not wanted, and is explained by them all the same', () => {
    const { lineCount, btfId } = programInfo(load({ sourceLines: false }).fd);
    expect(lineCount).toBe(0);
    expect(btfId).toBeGreaterThan(0);
    const broken = { ...image, programs: [{ ...image.programs[0]!, code: encode([exit]), relocations: [] }] };
    const refusal = (options: LoadOptions): VerifierError => {
      try {
        load(options, broken);
      } catch (error) {
        if (error instanceof VerifierError) return error;
      }
      throw new Error('it was not refused');
    };
    expect(refusal({ sourceLines: false }).explanation).toEqual(refusal({}).explanation);
  });

  it('cannot have its settings changed any more', () => {
    const { sections } = load();
    expect(() => sections['.rodata']!.update(key, new Uint8Array(SETTINGS.size))).toThrow('EPERM');
  });

  it('goes on counting in the section of the program that it replaces', () => {
    const first = load();
    testRun(first.fd, { data: packet, repeat: 2 });
    const second = load({ reuse: new Map([['.bss', first.sections['.bss']!]]) });
    testRun(second.fd, { data: packet });
    expect(mapInfo(second.sections['.bss']!.fd).id).toBe(mapInfo(first.sections['.bss']!.fd).id);
    expect(packetsOf(second)).toBe(3n);
  });

  describe('is the same as another', () => {
    const settings = { settings: { settings: { verdict: VERDICT.drop } } };

    it('of the same code and settings, whether or not they share a map', () => {
      const first = load(settings);
      expect(isSameProgram(first, load(settings))).toBe(true);
      const reuse = new Map([['.bss', first.sections['.bss']!]]);
      expect(isSameProgram(first, load({ ...settings, reuse }))).toBe(true);
    });

    it('but not as one with other settings in its code', () => {
      const other = load({ settings: { settings: { verdict: VERDICT.pass } } });
      expect(isSameProgram(load(settings), other)).toBe(false);
    });

    it('nor as one that reads another map in the same place', () => {
      const elsewhere: ObjectImage = {
        ...image,
        sections: [...image.sections, { ...section('.rodata'), name: '.data' }],
        programs: image.programs.map((program) => ({
          ...program,
          relocations: program.relocations.map((each) =>
            each.target.name === '.rodata' ? { ...each, target: { ...each.target, name: '.data' } } : each,
          ),
        })),
      };
      const asItIs = { specialise: false };
      expect(isSameProgram(load(asItIs), load(asItIs, elsewhere))).toBe(false);
      expect(isSameProgram(load(asItIs), load(asItIs))).toBe(true);
    });
  });

  it("tells the verifier's work on it and the size of its machine code", () => {
    const told: VerifierStatistics[] = [];
    const program = load({ onStatistics: (statistics) => told.push(statistics) });
    expect(told).toHaveLength(1);
    expect(told[0]!.processedInstructions).toBeGreaterThan(5);
    expect(told[0]!.stackBytes).toHaveLength(1);
    const { translatedBytes, jitedBytes } = programInfo(program.fd);
    expect(translatedBytes).toBeGreaterThan(0);
    expect(jitedBytes).toBeGreaterThanOrEqual(0);
  });

  it('runs without BTF where the kernel refuses that, and says so', () => {
    const btfLoad = 18;
    const einval = -22;
    setSyscallHook((name, args) => (name === 'bpf' && args[0] === btfLoad ? einval : undefined));
    const program = load();
    expect(program.btfRefusal).toMatch(/^BTF refused: /);
    expect(programInfo(program.fd).btfId).toBe(0);
    expect(testRun(program.fd, { data: packet }).result).toBe(VERDICT.pass);
  });
});

describe('a refused load', () => {
  it('gives the verifier log and leaves nothing', async () => {
    const broken = { ...image, programs: [{ ...image.programs[0]!, code: encode([exit]), relocations: [] }] };
    expect(() => load({}, broken)).toThrow(VerifierError);
    expect(() => load({}, broken)).toThrow(/R0 !read_ok/);
    expect(await remainingObjects(NAME)).toEqual([]);
  });

  it('names the unknown program, variable and field', () => {
    expect(() => loadProgram(image, 'other')).toThrow(`load program other: the object has only ${NAME}`);
    expect(() => load({ settings: { setings: {} } })).toThrow('there is no variable setings, only settings');
    expect(() => load({ settings: { settings: { verdikt: 1 } } })).toThrow('Settings has no field verdikt');
    expect(() => load({ settings: new Uint8Array(3) })).toThrow('fill .rodata: it has 16 bytes, not 3');
  });

  it('is begun anew as often as a signal ends it', () => {
    let signals = 300;
    setSyscallHook((name, args) =>
      name === 'bpf' && args[0] === COMMAND.programLoad && signals-- > 0 ? -ERRNO.EAGAIN : undefined,
    );
    expect(load().btfRefusal).toBeUndefined();
    expect(signals).toBe(-1);
  });

  it('that no attempt outlasts the signals is no refusal by the verifier', async () => {
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => clock.mock.calls.length * 1000);
    let attempts = 0;
    setSyscallHook((name, args) => {
      if (name !== 'bpf' || args[0] !== COMMAND.programLoad) return undefined;
      attempts += 1;
      return -ERRNO.EAGAIN;
    });
    const attempt = () => load();
    expect(attempt).toThrow(/EAGAIN; signals keep ending the verifier/);
    expect(attempt).not.toThrow(VerifierError);
    clock.mockRestore();
    setSyscallHook(undefined);
    expect(attempts).toBeLessThan(20);
    expect(await remainingObjects(NAME)).toEqual([]);
  });

  it('leaves nothing whichever bpf call the kernel refuses', async () => {
    let calls = 0;
    setSyscallHook((name) => {
      if (name === 'bpf') calls += 1;
      return undefined;
    });
    load().close();
    const total = calls;
    expect(total).toBeGreaterThan(5);
    for (let failing = 1; failing <= total; failing++) {
      let call = 0;
      const eio = -5;
      setSyscallHook((name) => (name === 'bpf' && ++call === failing ? eio : undefined));
      try {
        load().close();
      } catch (error) {
        expect(String(error)).toContain('EIO');
      }
    }
    setSyscallHook(undefined);
    expect(await remainingObjects(NAME)).toEqual([]);
  });
});
