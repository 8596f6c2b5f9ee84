import { afterEach, describe, expect, it } from 'vitest';
import { MAP_TYPES } from '../../dsl/object/image.ts';
import {
  ALU,
  CLASS,
  encode,
  JMP,
  LDDW,
  MODE,
  OPCODE_CALL,
  OPCODE_LDDW,
  SIZE,
} from '../../dsl/object/instruction.ts';
import { VerifierError } from '../errors.ts';
import { closeDescriptor } from '../native/files.ts';
import { copy, exit, loadWord, move, slot } from '../testing/assembly.ts';
import { tryLoadBtf } from './btf.ts';
import { possibleCpus } from './cpus.ts';
import { listIds, mapHandleOf, mapInfo, openById, programInfo } from './info.ts';
import { createMap, MAP_FLAG, type MapHandle } from './map.ts';
import { loadProgram } from './program.ts';
import { testRun } from './testrun.ts';

const u32 = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const u64 = (value: bigint): Uint8Array => new Uint8Array(BigUint64Array.of(value).buffer);
const packet = new Uint8Array(60);

const open: { close(): void }[] = [];
const keep = <T extends { close(): void }>(handle: T): T => {
  open.push(handle);
  return handle;
};
const keepFd = (fd: number): number => {
  keep({ close: () => closeDescriptor(fd) });
  return fd;
};
afterEach(() => {
  for (const handle of open.splice(0)) handle.close();
});

const hash = (maxEntries = 100): MapHandle =>
  keep(createMap({ name: 'test_hash', kind: 'hash', keySize: 4, valueSize: 8, maxEntries, flags: 0 }));

const classifier = (code: Uint8Array, name = 'test_program'): number =>
  keepFd(loadProgram({ name, kind: 'classifier', code, license: 'GPL' }));

describe('a map', () => {
  it('gives back what was put in, and nothing for another key', () => {
    const map = hash();
    map.update(u32(7), u64(42n));
    expect(map.lookup(u32(7))).toEqual(u64(42n));
    expect(map.lookup(u32(8))).toBeUndefined();
    expect(map.delete(u32(7))).toBe(true);
    expect(map.delete(u32(7))).toBe(false);
  });

  it('lists every key once, and reads all entries in batches smaller than the map', () => {
    const map = hash(1000);
    for (let key = 0; key < 500; key++) map.update(u32(key), u64(BigInt(key) * 3n));
    expect(new Set([...map.keys()].map((key) => new Uint32Array(key.buffer)[0])).size).toBe(500);
    const entries = map.entries(128);
    expect(entries).toHaveLength(500);
    for (const { key, values } of entries) {
      const number = new Uint32Array(key.buffer)[0] ?? 0;
      expect(values).toEqual([u64(BigInt(number) * 3n)]);
    }
  });

  it('gives one value for each cpu of a per-cpu map', () => {
    const map = keep(
      createMap({ name: 'percpu', kind: 'percpuArray', keySize: 4, valueSize: 12, maxEntries: 2, flags: 0 }),
    );
    const value = Uint8Array.from({ length: 12 }, (_, index) => index + 1);
    map.update(u32(1), value);
    const expected = Array.from({ length: possibleCpus() }, () => value);
    expect(map.lookupPerCpu(u32(1))).toEqual(expected);
    expect(map.entries().at(1)).toEqual({ key: u32(1), values: expected });
  });

  it('refuses writes once it is frozen', () => {
    const map = keep(
      createMap({
        name: 'frozen',
        kind: 'array',
        keySize: 4,
        valueSize: 8,
        maxEntries: 1,
        flags: MAP_FLAG.rdonlyProgram,
      }),
    );
    map.freeze();
    expect(() => map.update(u32(0), u64(1n))).toThrow(/update map frozen: EPERM/);
  });

  it('says what it is to whoever opens it by id', () => {
    const map = hash();
    const { id } = mapInfo(map.fd);
    expect(listIds('map')).toContain(id);
    const again = keep(mapHandleOf(openById('map', id) ?? -1, 'test_hash'));
    map.update(u32(1), u64(5n));
    expect(again.lookup(u32(1))).toEqual(u64(5n));
    expect(mapInfo(again.fd)).toMatchObject({ name: 'test_hash', type: MAP_TYPES.hash, maxEntries: 100 });
  });

  it('names the shape that the kernel refuses', () => {
    const shape = { name: 'odd', kind: 'array', keySize: 3, valueSize: 8, maxEntries: 1, flags: 0 } as const;
    expect(() => createMap(shape)).toThrow(/create map odd: EINVAL; .*key 3 B/);
  });
});

describe('a program', () => {
  it('returns its verdict and the packet in a test run', () => {
    const fd = classifier(encode([move(0, 2), exit]));
    const output = testRun(fd, { data: packet, repeat: 10 });
    expect(output.result).toBe(2);
    expect(output.data).toEqual(packet);
    expect(output.durationNanoseconds).toBeLessThan(1e6);
  });

  it('reads and writes the context of a test run', () => {
    // skb->mark at 8 of struct __sk_buff: r0 = mark; mark = 9.
    const fd = classifier(
      encode([loadWord(0, 1, 8), move(2, 9), slot(CLASS.stx | SIZE.word | MODE.mem, 1, 2, 8), exit]),
    );
    const context = new Uint8Array(192);
    new DataView(context.buffer).setUint32(8, 77, true);
    const output = testRun(fd, { data: packet, context });
    expect(output.result).toBe(77);
    expect(new DataView(output.context!.buffer).getUint32(8, true)).toBe(9);
  });

  it('reads a map that user space wrote', () => {
    const map = hash();
    map.update(u32(0), u64(123n));
    const lookup = 1;
    const fd = classifier(
      encode([
        slot(CLASS.st | SIZE.word | MODE.mem, 10, 0, -4, 0),
        copy(2, 10),
        slot(CLASS.alu64 | ALU.add, 2, 0, 0, -4),
        slot(OPCODE_LDDW, 1, LDDW.mapFd, 0, map.fd),
        slot(0),
        slot(OPCODE_CALL, 0, 0, 0, lookup),
        slot(CLASS.jmp | JMP.eq, 0, 0, 1, 0),
        slot(CLASS.ldx | SIZE.double | MODE.mem, 0, 0, 0),
        exit,
      ]),
    );
    expect(testRun(fd, { data: packet }).result).toBe(123);
    expect(programInfo(fd)).toMatchObject({ name: 'test_program', mapIds: [mapInfo(map.fd).id] });
  });

  it('that the verifier refuses comes back with its whole log, the tail in the message', () => {
    const refused = (): number => classifier(encode([move(0, 0), copy(0, 5), exit]));
    expect(refused).toThrow(VerifierError);
    expect(refused).toThrow(/load program test_program: EACCES: the verifier refuses it:.*R5 !read_ok/s);
    try {
      refused();
    } catch (error) {
      expect((error as VerifierError).log).toContain('r0 = 0');
    }
  });
});

it('bad btf gives an error number, not an exception', () => {
  expect(tryLoadBtf(new Uint8Array(24))).toBeLessThan(0);
});
