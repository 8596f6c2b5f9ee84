/** Packet helpers and context fields: the model, through the VM, against the kernel on random packets. */
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { Skb, type SkbOptions } from '../../dsl/machine/skb.ts';
import { testRunContext, testRunRefusal } from '../../dsl/machine/test-run.ts';
import { encode, type Instruction } from '../../dsl/object/instruction.ts';
import {
  alu,
  aluR,
  exit,
  helper,
  lddw,
  load,
  mov,
  store,
  storeR,
} from '../../dsl/vm/instruction-vectors/build.ts';
import { createVm } from '../../dsl/vm/vm.ts';
import { loadProgram } from '../../loader/bpf/program.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { closeDescriptor } from '../../loader/native/files.ts';

interface Outcome {
  readonly result: number;
  readonly data: Uint8Array;
  readonly mark: number;
  readonly tstamp: bigint;
}

const opened: number[] = [];
afterAll(() => {
  for (const fd of opened) closeDescriptor(fd);
});

/** Loads a program into both; the function it gives runs it on one packet and compares. */
function agreement(body: readonly Instruction[]): (data: Uint8Array, options?: SkbOptions) => Outcome {
  const code = encode(body);
  const fd = loadProgram({ name: 'packet', kind: 'classifier', code, license: 'GPL' });
  opened.push(fd);
  const program = {
    name: 'packet',
    kind: 'classifier',
    code,
    relocations: [],
    functions: [],
    lines: [],
  } as const;
  const vm = createVm({ license: 'GPL', maps: [], sections: [], programs: [program] });
  return (data, options) => {
    const skb = new Skb(data.slice(), options);
    expect(testRunRefusal(skb)).toBeUndefined();
    const context = testRunContext(skb);
    const modelled = vm.run('packet', skb);
    const kernel = testRun(fd, { data, context });
    const after = new DataView((kernel.context ?? context).buffer);
    const outcome = (result: number, bytes: Uint8Array, mark: number, tstamp: bigint): Outcome => ({
      result,
      data: bytes,
      mark,
      tstamp,
    });
    const expected = outcome(
      kernel.result,
      kernel.data,
      after.getUint32(8, true),
      after.getBigUint64(152, true),
    );
    const got = outcome(Number(BigInt.asUintN(32, modelled.r0)), skb.bytes(), skb.mark, skb.tstamp);
    expect(got).toEqual(expected);
    return got;
  };
}

/** Reads four bytes from the context's mark: how a packet brings its own argument. */
const argument = (dst: number): Instruction => load('word', dst, 1, 8);

const etherType = fc.constantFrom(0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x0010);
const ipLike = fc
  .tuple(etherType, fc.constantFrom(0x0800, 0x86dd, 0x8100), fc.uint8Array({ minLength: 44, maxLength: 80 }))
  .map(([outer, inner, rest]) => {
    const data = Uint8Array.from([...new Uint8Array(14), ...rest]);
    const view = new DataView(data.buffer);
    view.setUint16(12, outer);
    view.setUint16(16, inner);
    return data;
  });
const word = fc.nat(0xffffffff);
const runs = { numRuns: 100 };

test('skb_ecn_set_ce marks the same packets in the same way', () => {
  const compare = agreement([helper(97), exit]);
  const results = new Set<number>();
  fc.assert(
    fc.property(ipLike, (data) => {
      results.add(compare(data).result);
    }),
    { numRuns: 400 },
  );
  expect([...results].sort()).toEqual([0, 1]);
});

test('skb_set_tstamp takes the same times and clocks', () => {
  const compare = agreement([
    argument(3),
    aluR('mov', 2, 3),
    alu('rsh', 2, 2),
    alu('and', 3, 3),
    aluR('mov', 6, 1),
    helper(192),
    load('byte', 1, 6, 180),
    alu('lsh', 0, 4),
    aluR('or', 0, 1),
    exit,
  ]);
  fc.assert(
    fc.property(ipLike, fc.oneof(fc.nat(8), word), (data, mark) => {
      compare(data, { mark });
    }),
    runs,
  );
});

const small = fc.oneof(fc.nat(100), word);

test('skb_load_bytes reads the same bytes, with zeroes beyond the end', () => {
  const compare = agreement([
    argument(2),
    store('double', 10, -8, -1),
    aluR('mov', 3, 10),
    alu('add', 3, -8),
    mov(4, 4),
    helper(26),
    load('double', 1, 10, -8),
    aluR('xor', 0, 1),
    exit,
  ]);
  fc.assert(
    fc.property(ipLike, small, (data, mark) => {
      compare(data, { mark });
    }),
    runs,
  );
});

test('skb_store_bytes writes the same bytes', () => {
  const compare = agreement([
    argument(2),
    aluR('mov', 5, 2),
    alu('rsh', 2, 3),
    alu('and', 5, 7),
    ...lddw(6, 0x1122_3344_5566_7788n),
    storeR('double', 10, -8, 6),
    aluR('mov', 3, 10),
    alu('add', 3, -8),
    mov(4, 6),
    helper(9),
    exit,
  ]);
  fc.assert(
    fc.property(ipLike, fc.oneof(fc.nat(800), word), (data, mark) => {
      compare(data, { mark });
    }),
    { numRuns: 200 },
  );
});

test('skb_pull_data accepts the same lengths and makes them readable', () => {
  const compare = agreement([
    aluR('mov', 6, 1),
    argument(2),
    helper(39),
    load('word', 1, 6, 76),
    load('word', 2, 6, 80),
    aluR('sub', 2, 1),
    alu('lsh', 0, 16),
    aluR('xor', 0, 2),
    exit,
  ]);
  fc.assert(
    fc.property(ipLike, small, (data, mark) => {
      compare(data, { mark });
    }),
    runs,
  );
});

test.each([0, 2, 4])('l3_csum_replace of %i bytes computes the same checksum', (size) => {
  const compare = agreement([
    load('word', 3, 1, 8),
    load('word', 4, 1, 32),
    ...(size === 0 ? [mov(3, 0)] : []),
    mov(2, 24),
    mov(5, size),
    helper(10),
    exit,
  ]);
  fc.assert(
    fc.property(ipLike, word, word, (data, mark, priority) => {
      compare(data, { mark, priority });
    }),
    { numRuns: 200 },
  );
});

test('l3_csum_replace refuses the same offsets and flags', () => {
  const compare = agreement([
    argument(2),
    aluR('mov', 5, 2),
    alu('rsh', 2, 5),
    alu('and', 5, 31),
    mov(3, 1),
    mov(4, 2),
    helper(10),
    exit,
  ]);
  fc.assert(
    fc.property(ipLike, fc.oneof(fc.nat(3000), word), (data, mark) => {
      compare(data, { mark });
    }),
    { numRuns: 200 },
  );
});

test.each([
  ['len', 0],
  ['protocol', 16],
  ['vlan_present', 20],
  ['priority', 32],
  ['ifindex', 40],
  ['hash', 68],
  ['tc_classid', 72],
  ['tstamp', 152],
  ['wire_len', 160],
  ['gso_segs', 164],
  ['gso_size', 176],
])('the context field %s reads the same', (_, offset) => {
  const compare = agreement([load(offset === 152 ? 'double' : 'word', 0, 1, offset), exit]);
  const options = fc.record({
    priority: word,
    tstamp: fc.bigInt({ min: 0n, max: 2n ** 32n }),
    wireLen: fc.integer({ min: 100, max: 65536 }),
    gsoSegs: fc.nat(65535),
    gsoSize: fc.nat(100_000),
  });
  fc.assert(
    fc.property(ipLike, options, (data, fields) => {
      compare(data, fields);
    }),
    { numRuns: 30 },
  );
});

test('a written context field reads back the same', () => {
  const compare = agreement([
    load('word', 2, 1, 32),
    storeR('word', 1, 72, 2),
    load('word', 0, 1, 72),
    ...lddw(3, 0x1234_5678_9abc_def0n),
    storeR('double', 1, 152, 3),
    storeR('word', 1, 8, 0),
    exit,
  ]);
  fc.assert(
    fc.property(ipLike, word, (data, priority) => {
      compare(data, { priority });
    }),
    { numRuns: 30 },
  );
});
