/** The tools of the field take objects with every kind of map, and show them in TypeScript. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';

const root = path.resolve(import.meta.dirname, '../..');
const pins = `/sys/fs/bpf/natra-tools-${process.pid}`;
const namespace = `natra-tools-${process.pid}`;

const run = (tool: string, ...args: readonly string[]): string =>
  execFileSync(tool, args, { encoding: 'utf8', stdio: 'pipe' });

/** In a network namespace of this file's own. */
const tc = (...args: readonly string[]): string => run('ip', 'netns', 'exec', namespace, 'tc', ...args);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'natra-tools-'));
  run('ip', 'netns', 'add', namespace);
  tc('qdisc', 'add', 'dev', 'lo', 'clsact');
});
afterAll(() => {
  run('ip', 'netns', 'del', namespace);
  rmSync(folder, { recursive: true });
});

function objectOf(name: string, text: string): string {
  const entry = path.join(root, 'programs', 'kinds.ts');
  const readFile = (file: string) => (file === entry ? text : undefined);
  const { object, diagnostics } = compile(entry, { root, readFile });
  expect(diagnostics).toEqual([]);
  const file = path.join(folder, `${name.replaceAll(' ', '-')}.o`);
  if (object !== undefined) writeFileSync(file, writeElf(object));
  return file;
}

/** A line of the source that surely has code of its own. */
const lineOf = (text: string): string => {
  const lines = text.split('\n').map((line) => line.trim());
  return (
    lines.find((line) => /return|tailCall/.test(line)) ??
    lines.find((line) => line.includes('classifier((')) ??
    ''
  );
};

/** Modules with a classifier `a`. */
const MODULES: readonly (readonly [name: string, text: string])[] = [
  [
    'ring buffers',
    `import { classifier, i32, ringBuffer, struct, u32 } from '../dsl/lang/index.ts';
    const events = ringBuffer({ value: struct({ mark: u32 }), bytes: 4096 });
    export const a = classifier((skb) => i32(events.output({ mark: skb.mark })));`,
  ],
  [
    'maps of maps',
    `import { arrayMap, arrayOfMaps, classifier, hashMap, hashOfMaps, struct, u32, u64 } from '../dsl/lang/index.ts';
    const Count = struct({ packets: u64 });
    const zones = hashOfMaps({ key: u32, inner: hashMap({ key: u32, value: Count, maxEntries: 16 }), maxEntries: 8 });
    const slots = arrayOfMaps({ inner: arrayMap({ value: Count, maxEntries: 4 }), maxEntries: 2 });
    export const a = classifier((skb) => {
      const zone = zones.lookup(skb.mark);
      const slot = slots.lookup(1)?.lookup(3);
      if (zone === undefined || slot === undefined) return 1;
      slot.packets += 1n;
      return zone.lookup(1) === undefined ? 2 : 0;
    });`,
  ],
  [
    'program arrays',
    `import { classifier, programArray } from '../dsl/lang/index.ts';
    const next = programArray({ maxEntries: 4 });
    export const a = classifier((skb) => {
      next.tailCall(skb, skb.mark);
      return 1;
    });`,
  ],
  [
    'spin locks',
    `import { arrayMap, classifier, locked, spinLock, struct, u64 } from '../dsl/lang/index.ts';
    const Bucket = struct({ lock: spinLock, tokens: u64 });
    const buckets = arrayMap({ value: Bucket, maxEntries: 1 });
    export const a = classifier((skb) => {
      const bucket = buckets.lookup(0);
      if (bucket === undefined) return 1;
      locked(bucket.lock, () => {
        bucket.tokens += 1n;
      });
      return 0;
    });`,
  ],
  [
    'long loops',
    `import { classifier, global, i32, range, struct, u32 } from '../dsl/lang/index.ts';
    const sum = global(struct({ n: u32 }));
    export const a = classifier((skb) => {
      for (const i of range(4096)) sum.n += i;
      return i32(sum.n & 1);
    });`,
  ],
  [
    'longest-prefix maps',
    `import { be32, classifier, lpmTrieMap, stack, struct, u32, u64 } from '../dsl/lang/index.ts';
    const Network = struct({ prefixLength: u32, address: be32 });
    const Zone = struct({ packets: u64 });
    const networks = lpmTrieMap({ key: Network, value: Zone, maxEntries: 64 });
    export const a = classifier((skb) => {
      const key = stack(Network);
      key.prefixLength = 32;
      key.address = skb.mark;
      const zone = networks.lookup(key);
      if (zone === undefined) return 1;
      zone.packets += 1n;
      return 0;
    });`,
  ],
  [
    'initial values',
    `import { array, classifier, global, settings, struct, u32 } from '../dsl/lang/index.ts';
    const Weights = struct({ first: u32, others: array(u32, 4) });
    const weights = global(Weights, { first: 7, others: [1, 2, 3, 4] });
    const limit = settings(struct({ most: u32 }), { most: 1000 });
    export const a = classifier((skb) => {
      weights.first += 1;
      if (weights.first > limit.most) return 1;
      return 0;
    });`,
  ],
];

describe.each(MODULES)('an object with %s', (name, text) => {
  const line = lineOf(text);
  let file = '';
  beforeAll(() => {
    file = objectOf(name, text);
  });

  test('is loaded by libbpf and shown with its TypeScript lines', () => {
    run('bpftool', 'prog', 'loadall', file, pins);
    try {
      expect(run('bpftool', 'prog', 'show', 'pinned', `${pins}/a`)).toMatch(/: sched_cls {2}name a /);
      const dump = run('bpftool', 'prog', 'dump', 'xlated', 'pinned', `${pins}/a`, 'linum');
      expect(dump).toContain(line);
      expect(dump).toMatch(/\[file:programs\/kinds\.ts line_num:\d+ line_col:\d+\]/);
    } finally {
      rmSync(pins, { recursive: true });
    }
  });

  test('is attached by tc', () => {
    tc('filter', 'add', 'dev', 'lo', 'ingress', 'bpf', 'direct-action', 'object-file', file, 'section', 'tc');
    try {
      expect(tc('filter', 'show', 'dev', 'lo', 'ingress')).toMatch(/direct-action .*\bid \d+ name a\b/);
    } finally {
      tc('filter', 'del', 'dev', 'lo', 'ingress');
    }
  });

  test('is disassembled by llvm-objdump between its TypeScript lines', () => {
    const listing = run('llvm-objdump', '-dS', file);
    expect(listing).toMatch(/<a>:/);
    expect(listing.replace(/^; +/gm, '; ')).toContain(`; ${line}\n`);
  });

  test('has its types printed by bpftool', () => {
    const types = run('bpftool', 'btf', 'dump', 'file', file);
    const named = [
      ...text.matchAll(
        /const (\w+) = (?:\w+Map|ringBuffer|hashOfMaps|arrayOfMaps|programArray|global|settings)\(/g,
      ),
    ];
    expect(named.length).toBeGreaterThan(0);
    for (const [, variable] of named) expect(types).toMatch(new RegExp(`VAR '${variable}' type_id=`));
    for (const [, struct] of text.matchAll(/const ([A-Z]\w+) = struct\(/g))
      expect(types).toMatch(new RegExp(`STRUCT '${struct}' size=`));
  });
});
