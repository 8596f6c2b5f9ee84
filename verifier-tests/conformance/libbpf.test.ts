/** libbpf takes the objects of every kind of program as they are, by the names of their sections. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';
import { example } from '../examples/example.ts';

const root = path.resolve(import.meta.dirname, '../..');
const pins = `/sys/fs/bpf/natra-libbpf-${process.pid}`;
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'natra-libbpf-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const bpftool = (...args: readonly string[]): string =>
  execFileSync('bpftool', args, { encoding: 'utf8', stdio: 'pipe' });

/** Loads an object by bpftool; the type that it shows of each program. */
function typesOf(name: string, elf: Uint8Array): Readonly<Record<string, string>> {
  const file = path.join(folder, `${name}.o`);
  writeFileSync(file, elf);
  bpftool('prog', 'loadall', file, pins);
  try {
    const shown: unknown = JSON.parse(bpftool('-j', '-f', 'prog', 'show'));
    if (!Array.isArray(shown)) throw new Error('bpftool shows no list of programs');
    const own = shown.filter((program) => program.pinned?.some((pin: string) => pin.startsWith(`${pins}/`)));
    return Object.fromEntries(own.map((program) => [program.name, program.type]));
  } finally {
    rmSync(pins, { recursive: true });
  }
}

test('one object with every kind', () => {
  const entry = path.join(root, 'programs/kinds.ts');
  const text = `
    import { cgroupSkbEgress, cgroupSkbIngress, classifier, socketFilter, xdp, xdpDevmap } from '../dsl/lang/index.ts';
    export const a = classifier((skb) => 0);
    export const b = xdp((packet) => 2);
    export const c = xdpDevmap((packet) => (packet.egressIfindex === 1 ? 1 : 2));
    export const d = socketFilter((skb) => skb.len);
    export const e = cgroupSkbIngress((skb) => 1);
    export const f = cgroupSkbEgress((skb) => (skb.mark === 1 ? 3 : 2));`;
  const { object, diagnostics } = compile(entry, {
    root,
    readFile: (file) => (file === entry ? text : undefined),
  });
  expect(diagnostics).toEqual([]);
  if (object === undefined) return;
  expect(typesOf('kinds', writeElf(object))).toEqual({
    a: 'sched_cls',
    b: 'xdp',
    c: 'xdp',
    d: 'socket_filter',
    e: 'cgroup_skb',
    f: 'cgroup_skb',
  });
});

test.each([
  ['xdp-allow-list', { guard: 'xdp' }],
  ['syn-capture', { requests: 'socket_filter' }],
  ['connect-latency', { asking: 'sched_cls', answering: 'sched_cls' }],
  ['cgroup-bytes', { receiving: 'cgroup_skb', sending: 'cgroup_skb' }],
])('the example %s', (name, types) => {
  expect(typesOf(name, writeElf(example(name).object))).toEqual(types);
});
