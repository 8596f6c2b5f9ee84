import { describe, expect, test } from 'vitest';
import {
  arithmetic,
  assign,
  block,
  classifier,
  compare,
  convert,
  declare,
  functionTree,
  give,
  i8,
  i32,
  i64,
  int,
  isPresent,
  layoutOf,
  length,
  load,
  mark,
  member,
  optionalOf,
  packetAt,
  present,
  read,
  ref,
  span,
  u16,
  u32,
  u64,
  variable,
  when,
} from '../compiler/lower/testing.ts';
import type {
  ArithmeticOperator,
  Expression,
  IntType,
  ModuleTree,
  Statement,
} from '../compiler/tree/tree.ts';
import { Clock } from '../machine/clock.ts';
import { isValueMap } from '../machine/maps.ts';
import { Skb } from '../machine/skb.ts';
import type { MapImage } from '../object/image.ts';
import { layoutStruct, sizeOf } from '../object/layout.ts';
import { createInterpreter, type InterpreterOptions } from './index.ts';

const packet = (...bytes: number[]): Skb =>
  new Skb(Uint8Array.from([...bytes, ...new Array(60).fill(0)]).slice(0, 60));

function run(
  body: readonly Statement[],
  parts: Partial<ModuleTree> = {},
  options: InterpreterOptions = {},
  skb = packet(),
) {
  const interpreter = createInterpreter(classifier(body, parts).module, options);
  return { ...interpreter.run('test', skb), interpreter, skb };
}

const verdict = (body: readonly Statement[], parts: Partial<ModuleTree> = {}): number =>
  run(body, parts).verdict;
const low = (value: Expression): Expression => convert(i32, value);

test.each<[ArithmeticOperator, IntType, bigint, bigint, bigint]>([
  ['add', u32, 0xffffffffn, 2n, 1n],
  ['sub', u64, 0n, 1n, 0xffffffffffffffffn],
  ['mul', i32, 0x40000000n, 2n, -0x80000000n],
  ['div', u32, 7n, 0n, 0n],
  ['mod', u64, 7n, 0n, 7n],
  ['div', i32, -7n, 2n, -3n],
  ['mod', i32, -7n, 2n, -1n],
  ['div', i64, -(1n << 63n), -1n, -(1n << 63n)],
  ['mod', i64, -(1n << 63n), -1n, 0n],
  ['shl', u32, 1n, 33n, 2n],
  ['shr', i32, -8n, 1n, -4n],
  ['shr', u32, 0xfffffff8n, 1n, 0x7ffffffcn],
  ['shl', i32, 1n, -1n, -0x80000000n],
  ['xor', i64, -1n, 1n, -2n],
])('%s at %o: %d and %d give %d', (operator, type, left, right, expected) => {
  const result = arithmetic(operator, type, int(type, left), int(type, right));
  expect(verdict([give(convert(i32, compare('eq', result, int(type, expected))))])).toBe(1);
});

test('a narrow conversion wraps, and extends by its own sign', () => {
  expect(verdict([give(convert(i32, convert(i8, int(u32, 0x1ffn))))])).toBe(0xffffffff);
});

describe('packets', () => {
  const field = layoutOf(u16, 'big');
  const pull: Expression = {
    kind: 'helper',
    span,
    type: i64,
    name: 'skbPullData',
    arguments: [{ kind: 'context', span, type: { kind: 'context' } }, int(u32, 20n)],
  };
  const at = variable('at', optionalOf(ref(field, 'packet')));
  const found = present(ref(field, 'packet'), read(at));
  const body = (between: readonly Statement[], offset: bigint): Statement[] => [
    declare(at, packetAt(field, int(u32, offset))),
    when(
      isPresent(read(at)),
      block(...between, give(convert(i32, load(found, u16, 'big')))),
      give(int(i32, -1n)),
    ),
  ];

  test('a field in network order is read in host order', () => {
    expect(run(body([], 1n), {}, {}, packet(0, 0x12, 0x34)).verdict).toBe(0x1234);
  });

  test.each([
    [58n, 0],
    [59n, 0xffffffff],
    [0xffffffffn, 0xffffffff],
  ])('a reference at %d of 60 bytes gives %d', (offset, expected) => {
    expect(verdict(body([], offset))).toBe(expected);
  });

  test('bytes beyond the linear part are not there', () => {
    const skb = new Skb(new Uint8Array(60), { linearLength: 20 });
    expect(run(body([], 19n), {}, {}, skb).verdict).toBe(0xffffffff);
  });

  test('a reference is stale once a helper may have moved the packet', () => {
    expect(() => verdict(body([{ kind: 'expression', span, expression: pull }], 0n))).toThrow(
      /test\.ts:1:1: .*stale/,
    );
  });

  test('a store reaches the packet in its byte order', () => {
    const store: Statement = {
      kind: 'store',
      span,
      to: found,
      layout: field,
      value: int(u16, 0xabcdn),
    };
    expect([...run(body([store], 4n)).skb.data.subarray(4, 6)]).toEqual([0xab, 0xcd]);
  });
});

test('context fields are read, written and wrapped to their width', () => {
  const body: Statement[] = [
    { kind: 'storeContext', span, name: 'mark', value: arithmetic('add', u32, length, int(u32, 7n)) },
    give(low(mark)),
  ];
  const result = run(body);
  expect([result.verdict, result.skb.mark]).toEqual([67, 67]);
});

describe('maps', () => {
  const key = layoutStruct('Key', [
    { name: 'port', layout: layoutOf(u16, 'big') },
    { name: 'address', layout: layoutOf(u32) },
  ]);
  const value = layoutStruct('Value', [{ name: 'packets', layout: layoutOf(u64) }]);
  const map: MapImage = {
    name: 'flows',
    kind: 'hash',
    keySize: sizeOf(key),
    valueSize: sizeOf(value),
    maxEntries: 2,
    flags: 0,
    key,
    value,
  };
  const keyOf = (port: bigint): Expression => ({
    kind: 'record',
    span,
    type: {
      kind: 'record',
      fields: [
        { name: 'port', type: u16 },
        { name: 'address', type: u32 },
      ],
    },
    values: [int(u16, port), int(u32, 9n)],
  });
  const counting = (packets: bigint): Expression => ({
    kind: 'record',
    span,
    type: { kind: 'record', fields: [{ name: 'packets', type: u64 }] },
    values: [int(u64, packets)],
  });
  const update = (port: bigint, flags: bigint): Expression => ({
    kind: 'mapUpdate',
    span,
    type: i64,
    map: 'flows',
    key: keyOf(port),
    value: counting(5n),
    flags: int(u64, flags),
  });
  const valueRef = ref(value, 'map');

  test('a key is laid out with zeros between its fields, and a result is a negative errno', () => {
    const result = run(
      [{ kind: 'expression', span, expression: update(80n, 0n) }, give(low(update(80n, 1n)))],
      { maps: [map] },
    );
    expect(result.verdict | 0).toBe(-17);
    const flows = result.interpreter.maps.get('flows')!;
    expect(isValueMap(flows) && [...flows.entries()].map((entry) => [...entry.key])).toEqual([
      [0, 80, 0, 0, 9, 0, 0, 0],
    ]);
  });

  test('what lookup gives is the value itself', () => {
    const flow = variable('flow', optionalOf(valueRef));
    const packets = member(present(valueRef, read(flow)), 0, layoutOf(u64));
    const add: Expression = {
      kind: 'atomic',
      span,
      type: u64,
      operator: 'add',
      fetch: true,
      on: packets,
      layout: layoutOf(u64),
      value: int(u64, 3n),
    };
    const result = run(
      [
        { kind: 'expression', span, expression: update(1n, 0n) },
        declare(flow, { kind: 'mapLookup', span, type: optionalOf(valueRef), map: 'flows', key: keyOf(1n) }),
        when(isPresent(read(flow)), give(low(add)), give(int(i32, -1n))),
      ],
      { maps: [map] },
    );
    expect(result.verdict).toBe(5);
    const flows = result.interpreter.maps.get('flows')!;
    expect(isValueMap(flows) && [...flows.entries()][0]!.values[0]![0]).toBe(8);
  });
});

describe('control flow', () => {
  const sum = variable('sum', u32);
  const i = variable('i', u32);
  const add = (of: Expression): Statement => assign(sum, arithmetic('add', u32, read(sum), of));
  const next: Statement = assign(i, arithmetic('add', u32, read(i), int(u32, 1n)));
  const loop = (body: Statement, more: Partial<Statement & { kind: 'loop' }> = {}): Statement => ({
    kind: 'loop',
    span,
    initial: [declare(i, int(u32, 0n))],
    condition: compare('lt', read(i), int(u32, 6n)),
    update: [next],
    body,
    postTest: false,
    ...more,
  });
  const result = (statement: Statement): number =>
    verdict([declare(sum, int(u32, 0n)), statement, give(low(read(sum)))]);

  test('continue runs the update, break leaves the loop', () => {
    const body = block(
      when(compare('eq', read(i), int(u32, 1n)), { kind: 'continue', span }),
      when(compare('eq', read(i), int(u32, 4n)), { kind: 'break', span }),
      add(read(i)),
    );
    expect(result(loop(body))).toBe(0 + 2 + 3);
  });

  test('do..while runs its body before the condition', () => {
    const never = { condition: compare('lt', read(i), int(u32, 0n)), postTest: true };
    expect(result(loop(add(int(u32, 5n)), never))).toBe(5);
  });

  test('a switch takes the case that lists the value, and break ends it alone', () => {
    const choose: Statement = {
      kind: 'switch',
      span,
      on: read(i),
      cases: [
        { values: [1n, 3n], body: block(add(int(u32, 100n)), { kind: 'break', span }) },
        { values: [2n], body: { kind: 'continue', span } },
      ],
      otherwise: add(int(u32, 1n)),
    };
    expect(result(loop(block(choose, add(int(u32, 10n)))))).toBe(5 * 10 + 2 * 100 + 3);
  });

  test('an endless loop ends at the step limit with its place', () => {
    const endless = loop(block(), { condition: { kind: 'bool', span, type: { kind: 'bool' }, value: true } });
    expect(() => run([endless], {}, { stepLimit: 100 })).toThrow(/test\.ts:1:1: .*step limit/);
  });

  test('&& leaves its right side alone when the left is false', () => {
    const helper = functionTree('helper', [], { kind: 'bool' }, [
      { kind: 'storeContext', span, name: 'mark', value: int(u32, 1n) },
      give({ kind: 'bool', span, type: { kind: 'bool' }, value: true }),
    ]);
    const both: Expression = {
      kind: 'logical',
      span,
      type: { kind: 'bool' },
      operator: 'and',
      left: { kind: 'bool', span, type: { kind: 'bool' }, value: false },
      right: { kind: 'call', span, type: { kind: 'bool' }, function: helper, arguments: [] },
    };
    const outcome = run([give(convert(i32, both))]);
    expect([outcome.verdict, outcome.skb.mark]).toEqual([0, 0]);
  });
});

test('assigning a field leaves other copies of the record alone', () => {
  const type = { kind: 'record', fields: [{ name: 'a', type: u32 }] } as const;
  const [first, second] = [variable('first', type), variable('second', type)];
  const a = (of: typeof first): Expression => ({
    kind: 'field',
    span,
    type: u32,
    record: read(of),
    name: 'a',
  });
  const body: Statement[] = [
    declare(first, { kind: 'record', span, type, values: [int(u32, 1n)] }),
    declare(second, read(first)),
    { kind: 'assignField', span, variable: first, path: ['a'], value: int(u32, 40n) },
    give(low(arithmetic('add', u32, a(first), a(second)))),
  ];
  expect(verdict(body)).toBe(41);
});

test('stack memory is zeroed at each evaluation', () => {
  const layout = layoutStruct('S', [{ name: 'x', layout: layoutOf(u32) }]);
  const s = variable('s', ref(layout, 'stack'));
  const x = member(read(s), 0, layoutOf(u32));
  const i = variable('i', u32);
  const sum = variable('sum', u32);
  const body: Statement[] = [
    declare(sum, int(u32, 0n)),
    {
      kind: 'loop',
      span,
      initial: [declare(i, int(u32, 0n))],
      condition: compare('lt', read(i), int(u32, 3n)),
      update: [assign(i, arithmetic('add', u32, read(i), int(u32, 1n)))],
      postTest: false,
      body: block(
        declare(s, { kind: 'stack', span, type: ref(layout, 'stack'), slot: 1 }),
        assign(sum, arithmetic('add', u32, read(sum), load(x, u32))),
        { kind: 'store', span, to: x, layout: layoutOf(u32), value: int(u32, 9n) },
      ),
    },
    give(low(read(sum))),
  ];
  expect(verdict(body)).toBe(0);
});

describe('clocks and randomness', () => {
  const seams = layoutStruct('__seams', [
    { name: 'now', layout: layoutOf(u64) },
    { name: 'coarse', layout: layoutOf(u64) },
    { name: 'ticks', layout: layoutOf(u64) },
    { name: 'random', layout: layoutOf(u32) },
  ]);
  const sections = [
    { name: '.bss' as const, size: seams.size, variables: [{ name: '__seams', offset: 0, layout: seams }] },
  ];
  const random: Expression = { kind: 'random', span, type: u32 };
  const clock = (which: 'now' | 'coarse' | 'ticks'): Expression => ({
    kind: 'clock',
    span,
    type: u64,
    which,
  });

  test('are the machine’s', () => {
    const options = { clock: new Clock(9n, 4n) };
    const difference = arithmetic('sub', u64, clock('now'), clock('coarse'));
    expect(run([give(low(difference))], {}, options).verdict).toBe(5);
    expect(run([give(low(clock('ticks')))], {}, { clock: new Clock(9_000_000n, 8_000_000n) }).verdict).toBe(
      2,
    );
  });

  test('come from __seams, where each random number makes the next', () => {
    const { module } = classifier([give(low(arithmetic('add', u64, clock('now'), convert(u64, random))))], {
      sections,
    });
    const interpreter = createInterpreter(module, { seams: 'memory' });
    const view = new DataView(interpreter.sections.get('.bss')!.buffer);
    view.setBigUint64(0, 100n, true);
    view.setUint32(24, 7, true);
    expect(interpreter.run('test', packet()).verdict).toBe(107);
    expect(view.getUint32(24, true)).toBe((7 * 1664525 + 1013904223) % 2 ** 32);
  });
});

test('hooks see statements, values and the ways taken', () => {
  const seen: string[] = [];
  const x = variable('x', u32);
  run(
    [
      declare(x, int(u32, 3n)),
      when(compare('gt', read(x), int(u32, 2n)), give(int(i32, 1n))),
      give(int(i32, 0n)),
    ],
    {},
    {
      hooks: {
        statement: (statement, inside) => seen.push(`${inside.name} ${statement.kind}`),
        assigned: (variable, value) =>
          seen.push(`${variable.name} ${typeof value === 'bigint' ? value : ''}`),
        branch: (_, way) => seen.push(`branch ${way}`),
      },
    },
  );
  expect(seen).toEqual(['skb ', 'test declare', 'x 3', 'test if', 'branch true', 'test return']);
});

test('an unknown program is named', () => {
  const { module } = classifier([]);
  expect(() => createInterpreter(module).run('absent', packet())).toThrow(/absent/);
});
