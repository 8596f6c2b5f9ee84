import { describe, expect, it } from 'vitest';
import { layoutStruct } from '../../object/layout.ts';
import { printFunction } from '../ir/print.ts';
import { validate } from '../ir/validate.ts';
import type { Expression, ModuleTree, Statement } from '../tree/tree.ts';
import { type LowerOptions, lowerProgram, withSeams } from './index.ts';
import {
  arithmetic,
  assign,
  block,
  bool,
  classifier,
  compare,
  context,
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
  u8,
  u16,
  u32,
  u64,
  variable,
  when,
} from './testing.ts';

/** The text of the entry function's blocks, validated. */
function lowered(
  body: readonly Statement[],
  parts: Partial<ModuleTree> = {},
  options: LowerOptions = {},
): string {
  const { module, program } = classifier(body, parts);
  const { functions } = lowerProgram(
    options.seams === 'memory' ? withSeams(module) : module,
    program,
    options,
  );
  return functions
    .map((fn) => {
      validate(fn);
      return printFunction(fn);
    })
    .join('\n');
}

const ethernet = layoutStruct('Ethernet', [
  { name: 'destination', layout: { kind: 'array', element: layoutOf(u8), length: 6 } },
  { name: 'source', layout: { kind: 'array', element: layoutOf(u8), length: 6 } },
  { name: 'type', layout: layoutOf(u16, 'big') },
]);
const packetRef = ref(ethernet, 'packet');

describe('packet references', () => {
  it('keep a constant offset in the access and compare once against data_end', () => {
    const header = variable('header', optionalOf(packetRef));
    const type = load(member(present(packetRef, read(header)), 12, layoutOf(u16, 'big')), u16, 'big');
    expect(
      lowered([
        declare(header, packetAt(ethernet, int(u32, 4n))),
        when(isPresent(read(header)), give(convert(i32, type))),
        give(int(i32, 0n)),
      ]),
    ).toBe(`func @test(%0:64) {
b0:
  %1:64 = load.4 context [%0 + 76] pointer
  %2:64 = load.4 context [%0 + 80] pointer
  %3:64 = add.64 %1, 18
  branch.64 ule %3, %2 -> b1, b2
b1:
  %4:32 = load.2 packet [%1 + 16]
  %5:32 = swap.16 %4
  return %5
b2:
  return 0
}
`);
  });

  it('bound a variable offset that may exceed what the verifier follows', () => {
    const text = lowered([
      when(isPresent(packetAt(ethernet, length)), give(int(i32, 1n))),
      give(int(i32, 0n)),
    ]);
    // Where the bound doesn't hold, the address counts from another one that the verifier can follow.
    expect(text).toMatch(
      /branch\.32 ule %1, 65521 -> b(\d+)\(%1\), b(\d+) likely\n(?:.*\n)*b\2:\n {2}jump b\1\(65521\)/,
    );
    expect(text).toMatch(
      /%(\d+):64 = zext %\d+\n {2}%(\d+):64 = add\.64 %2, %\1\n {2}%(\d+):64 = add\.64 %\2, 14/,
    );
  });

  it('need no bound for an offset that is small by itself', () => {
    const offset = arithmetic('mul', u32, arithmetic('and', u32, length, int(u32, 15n)), int(u32, 4n));
    const text = lowered([
      when(isPresent(packetAt(ethernet, offset)), give(int(i32, 1n))),
      give(int(i32, 0n)),
    ]);
    expect(text).not.toContain('branch.32');
  });

  it('become a pointer that is 0 for undefined where control flow merges', () => {
    const chosen = variable('chosen', optionalOf(packetRef));
    const text = lowered([
      declare(chosen, { kind: 'undefined', span, type: optionalOf(packetRef) }),
      when(compare('gt', length, int(u32, 100n)), assign(chosen, packetAt(ethernet, int(u32, 0n)))),
      when(isPresent(read(chosen)), give(int(i32, 1n))),
      give(int(i32, 0n)),
    ]);
    expect(text).toMatch(/branch\.64 ne %\d+, 0 -> /);
  });
});

describe('integers', () => {
  const returns = (value: Expression): string => lowered([give(value)]);

  it('narrow by a mask or a sign extension and widen for free', () => {
    expect(returns(convert(u8, length))).toContain('and.32 %1, 255');
    expect(returns(convert(i8, length))).toContain('sext.8.32 %1');
    expect(returns(convert(u16, convert(u8, length)))).not.toContain('65535');
    expect(returns(convert(i64, convert(i32, length)))).toContain('sext.32.64 %1');
    expect(returns(convert(u64, length))).toContain('zext %1');
  });

  it('fold where both operands are constants', () => {
    expect(returns(arithmetic('div', i32, int(i32, -7n), int(i32, 2n)))).toContain(
      `return ${BigInt.asUintN(32, -3n)}`,
    );
  });

  it('compare by their signedness', () => {
    const less = (type: typeof u32) => compare('lt', convert(type, length), convert(type, mark));
    expect(returns(convert(i32, less(u32)))).toContain('branch.32 ult');
    expect(returns(convert(i32, less(i32)))).toContain('branch.32 slt');
  });

  it('swap the fields that the kernel keeps in network order', () => {
    const text = returns(convert(i32, { kind: 'contextField', span, type: u16, name: 'protocol' }));
    expect(text).toContain('%1:32 = load.4 context [%0 + 16]\n  %2:32 = swap.16 %1');
  });
});

describe('control flow', () => {
  it('puts && and || into branches and passes the hint on', () => {
    const condition: Expression = {
      kind: 'hint',
      span,
      type: bool,
      likely: false,
      operand: {
        kind: 'logical',
        span,
        type: bool,
        operator: 'or',
        left: compare('eq', length, int(u32, 1n)),
        right: compare('eq', mark, int(u32, 2n)),
      },
    };
    const text = lowered([when(condition, give(int(i32, 2n))), give(int(i32, 0n))]);
    expect(text.match(/unlikely/g)).toHaveLength(2);
  });

  it('makes parameters only for variables that differ between the ways', () => {
    const [changed, same] = [variable('changed', u32), variable('same', u32)];
    const text = lowered([
      declare(changed, length),
      declare(same, mark),
      when(compare('gt', read(same), int(u32, 3n)), assign(changed, int(u32, 7n))),
      assign(same, read(same)),
      give(convert(i32, arithmetic('add', u32, read(changed), read(same)))),
    ]);
    expect(text.match(/^b\d+\(%\d+:32\):$/gm)).toHaveLength(1);
  });

  const counted = (count: number, counter = variable('i', u32), sum = variable('sum', u32)): Statement[] => [
    declare(sum, int(u32, 0n)),
    {
      kind: 'loop',
      span,
      initial: [declare(counter, int(u32, 0n))],
      condition: compare('lt', read(counter), int(u32, BigInt(count))),
      update: [assign(counter, arithmetic('add', u32, read(counter), int(u32, 1n)))],
      body: block(
        when(compare('eq', length, read(counter)), { kind: 'continue', span }),
        when(compare('eq', mark, read(counter)), { kind: 'break', span }),
        assign(sum, arithmetic('add', u32, read(sum), read(counter))),
      ),
      postTest: false,
      trips: { counter, count },
    },
    give(convert(i32, read(sum))),
  ];

  it('unrolls a small counted loop with its counter as a constant', () => {
    const text = lowered(counted(3));
    expect(text).toContain('branch.32 eq %1, 0');
    expect(text.match(/branch\.32 eq %\d+, 2/g)).toHaveLength(2);
    expect(text).not.toContain('ult');
  });

  it('keeps a long loop', () => {
    const text = lowered(counted(1000));
    expect(text.match(/branch\.32 ult %\d+, 1000/g)).toHaveLength(1);
  });

  it('compares a switch case by case and leaves it on break', () => {
    const text = lowered([
      {
        kind: 'switch',
        span,
        on: length,
        cases: [
          { values: [1n, 2n], body: give(int(i32, 1n)) },
          { values: [3n], body: { kind: 'break', span } },
        ],
        otherwise: give(int(i32, 9n)),
      },
      give(int(i32, 0n)),
    ]);
    expect(text.match(/branch\.32 eq %1, [123] /g)).toHaveLength(3);
    expect(text).toContain('return 9');
  });
});

describe('functions', () => {
  const pair = {
    kind: 'record',
    fields: [
      { name: 'first', type: u32 },
      { name: 'second', type: u32 },
    ],
  } as const;

  it('inline, their records falling apart into scalars', () => {
    const parameter = variable('of', u32);
    const swap = functionTree('split', [parameter], pair, [
      give({
        kind: 'record',
        span,
        type: pair,
        values: [
          arithmetic('shr', u32, read(parameter), int(u32, 16n)),
          arithmetic('and', u32, read(parameter), int(u32, 0xffffn)),
        ],
      }),
    ]);
    const parts = variable('parts', pair);
    const part = (name: string): Expression => ({
      kind: 'field',
      span,
      type: u32,
      record: read(parts),
      name,
    });
    expect(
      lowered([
        declare(parts, { kind: 'call', span, type: pair, function: swap, arguments: [length] }),
        give(convert(i32, arithmetic('xor', u32, part('first'), part('second')))),
      ]),
    ).toBe(`func @test(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  %2:32 = lshr.32 %1, 16
  %3:32 = and.32 %1, 65535
  %4:32 = xor.32 %2, %3
  return %4
}
`);
  });

  it('stay functions when marked noinline, made once', () => {
    const [skb, a] = [variable('skb', context), variable('a', u32)];
    const sub = functionTree('sub', [skb, a], u32, [give(arithmetic('add', u32, read(a), length))], true);
    const call: Expression = {
      kind: 'call',
      span,
      type: u32,
      function: sub,
      arguments: [{ kind: 'context', span, type: context }, int(u32, 5n)],
    };
    const text = lowered([give(convert(i32, arithmetic('add', u32, call, call)))]);
    expect(text.match(/call @sub\(%0, 5\)/g)).toHaveLength(2);
    expect(text.match(/^func @sub\(%0:64, %1:32\)/gm)).toHaveLength(1);
  });
});

describe('memory', () => {
  const counter = layoutStruct('Counter', [
    { name: 'packets', layout: layoutOf(u64) },
    { name: 'bytes', layout: layoutOf(u64) },
  ]);
  const key = layoutStruct('Key', [
    { name: 'port', layout: layoutOf(u16, 'big') },
    { name: 'address', layout: layoutOf(u32) },
  ]);
  const maps = [
    { name: 'flows', kind: 'hash', keySize: 8, valueSize: 16, maxEntries: 1, flags: 0, key, value: counter },
  ] as const;
  const keyType = {
    kind: 'record',
    fields: [
      { name: 'port', type: u16 },
      { name: 'address', type: u32 },
    ],
  } as const;

  it('extends the error of a change to a map by its sign: before Linux 6.4 it is an int', () => {
    const removed: Expression = {
      kind: 'mapDelete',
      span,
      type: i64,
      map: 'flows',
      key: { kind: 'record', span, type: keyType, values: [int(u16, 80n), length] },
    };
    const negative = compare('lt', removed, int(i64, 0n));
    expect(lowered([when(negative, give(int(i32, 1n))), give(int(i32, 0n))], { maps })).toMatch(
      /(%\d+):64 = helper 3 @bpf_map_delete_elem.*\n +(%\d+):64 = sext.32.64 \1\n/,
    );
  });

  it('lays a map key out on the stack with zeroed padding', () => {
    const lookup: Expression = {
      kind: 'mapLookup',
      span,
      type: optionalOf(ref(counter, 'map')),
      map: 'flows',
      key: { kind: 'record', span, type: keyType, values: [int(u16, 80n), length] },
    };
    expect(
      lowered([when(isPresent(lookup), give(int(i32, 1n))), give(int(i32, 0n))], { maps }),
    ).toBe(`func @test(%0:64) {
  slot $0 size 8 align 8
b0:
  %1:32 = load.4 context [%0]
  %2:64 = map @flows
  %3:64 = stack $0
  store.2 stack [%3], 20480
  store.2 stack [%3 + 2], 0
  store.4 stack [%3 + 4], %1
  %4:64 = helper 1 @bpf_map_lookup_elem(%2, %3)
  branch.64 ne %4, 0 -> b1, b2
b1:
  return 1
b2:
  return 0
}
`);
  });

  it('keeps offsets into a section in the access and scales an index', () => {
    const cells = { kind: 'array', element: layoutOf(u64), length: 1024 } as const;
    const base: Expression = {
      kind: 'global',
      span,
      type: ref(cells, 'global'),
      section: '.bss',
      name: 'state',
      offset: 64,
    };
    const element: Expression = {
      kind: 'element',
      span,
      type: ref(layoutOf(u64), 'global'),
      base,
      index: arithmetic('and', u32, length, int(u32, 1023n)),
      stride: 8,
      length: 1024,
    };
    const text = lowered([
      { kind: 'store', span, to: element, layout: layoutOf(u64), value: int(u64, 1n) },
      give(int(i32, 0n)),
    ]);
    expect(text).toContain('section .bss + 0');
    expect(text).toMatch(/shl\.64 %\d+, 3/);
    expect(text).toMatch(/store\.8 global \[%\d+ \+ 64\], 1/);
  });

  it('puts an offset too large for an access into the address', () => {
    const far: Expression = {
      kind: 'global',
      span,
      type: ref(layoutOf(u32), 'settings'),
      section: '.rodata',
      name: 'far',
      offset: 40_000,
    };
    expect(lowered([give(convert(i32, load(far, u32)))])).toContain('section .rodata + 40000');
  });

  it('zeroes a stack instance and passes its size to a helper', () => {
    const slot = variable('slot', ref(counter, 'stack'));
    const text = lowered([
      declare(slot, { kind: 'stack', span, type: ref(counter, 'stack'), slot: 3 }),
      {
        kind: 'expression',
        span,
        expression: {
          kind: 'helper',
          span,
          type: i64,
          name: 'skbLoadBytes',
          arguments: [{ kind: 'context', span, type: context }, int(u32, 14n), read(slot)],
        },
      },
      give(int(i32, 0n)),
    ]);
    expect(text).toContain('store.8 stack [%1], 0\n  store.8 stack [%1 + 8], 0');
    expect(text).toContain('helper 26 @bpf_skb_load_bytes(%0, 14, %1, 16)');
  });
});

describe('clocks and randomness', () => {
  const body = [
    declare(variable('now', u64), { kind: 'clock', span, type: u64, which: 'coarse' } as const),
    declare(variable('ticks', u64), { kind: 'clock', span, type: u64, which: 'ticks' } as const),
    give(convert(i32, { kind: 'random', span, type: u32 })),
  ];

  it('are helpers for the kernel', () => {
    const text = lowered(body);
    expect(text).toContain('helper 160 @bpf_ktime_get_coarse_ns()');
    expect(text).toContain('helper 118 @bpf_jiffies64()');
    expect(text).toContain('helper 7 @bpf_get_prandom_u32()');
  });

  it('are memory behind the globals for a test, the random state stepping', () => {
    const text = lowered(
      body,
      { sections: [{ name: '.bss', variables: [], size: 12 }] },
      { seams: 'memory' },
    );
    expect(text).toMatch(/load\.8 global \[%\d+ \+ 24\]/);
    expect(text).toMatch(/load\.8 global \[%\d+ \+ 32\]/);
    expect(text).toMatch(/mul\.32 %\d+, 1664525/);
    expect(text).toMatch(/store\.4 global \[%\d+ \+ 40\]/);
  });
});
