import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadProgram } from '../../loader/object/load.ts';
import { compile } from './compile.ts';
import { moduleOf } from './frontend/testing.ts';
import { PASSES } from './passes/index.ts';

const root = path.resolve(import.meta.dirname, '../..');
const noPasses = new Set(PASSES.map(({ name }) => name));

describe('the verifier of this kernel', () => {
  const builds = [
    ['as shipped', {}],
    ['for v1', { cpu: 'v1' }],
    ['for v2', { cpu: 'v2' }],
    ['for v4', { cpu: 'v4' }],
    ['with clocks in memory', { seams: 'memory' }],
    ['without any pass', { disablePasses: noPasses }],
  ] as const;
  it.each(builds)('accepts the dataplane %s', (_, options) => {
    const { object, diagnostics } = compile(path.join(root, 'programs/limit.ts'), { root, ...options });
    expect(diagnostics).toEqual([]);
    const loaded = loadProgram(object!, 'limit');
    try {
      expect(loaded.btfRefusal).toBeUndefined();
    } finally {
      loaded.close();
    }
  });
});

/** Modules whose every access the verifier can only bound if the compiler keeps what bounds it. */
const MODULES = {
  'a packet offset that comes out of a division': `
    const Header = struct({ kind: u8 });
    export const example = classifier((skb) => {
      const i = skb.mark % skb.len;
      if (i > 1000) return 0;
      const header = skb.at(Header, i);
      skb.priority = skb.mark * 3;
      if (skb.len > 80) return 0;
      return header ? i32(header.kind) : 0;
    });`,
  'a packet offset in network order, compared before its use': `
    const Header = struct({ kind: u8, length: be16 });
    export const example = classifier((skb) => {
      const first = skb.at(Header, 0);
      if (!first) return 0;
      const i = first.length;
      if (i > 1000) return 0;
      const header = skb.at(Header, i);
      return header ? i32(header.kind) : 0;
    });`,
  'an index in network order, masked': `
    const Header = struct({ kind: u8, length: be16 });
    const state = global(struct({ cells: array(u64, 256) }));
    export const example = classifier((skb) => {
      const first = skb.at(Header, 0);
      if (first) state.cells[first.length & 255] = 1n;
      return 0;
    });`,
  'an index that is shifted by a variable count': `
    const state = global(struct({ cells: array(u64, 256) }));
    export const example = classifier((skb) => {
      state.cells[(0 >>> (skb.len & 31)) & 255] = 1n;
      state.cells[(skb.mark & 255) >>> (skb.len & 31) & 255] = 1n;
      return 0;
    });`,
  'an index that comes out of a multiplication': `
    const state = global(struct({ cells: array(u64, 256) }));
    export const example = classifier((skb) => {
      state.cells[((skb.mark & 15) * (skb.len & 15)) & 255] = 1n;
      return 0;
    });`,
  'a reference to an odd place of the stack, in a long loop': `
    const Inner = packed({ sum: u32, wide: u64 });
    const Outer = packed({ kind: u8, inner: Inner });
    export const example = classifier((skb) => {
      const outer = stack(Outer);
      const inner = outer.inner;
      for (const i of range(4096)) {
        inner.sum += i;
        inner.wide += 2n;
      }
      return i32(inner.sum);
    });`,
  'the same in a record': `
    const Inner = packed({ sum: u32, wide: u64 });
    const Outer = packed({ kind: u8, inner: Inner });
    export const example = classifier((skb) => {
      const outer = stack(Outer);
      const both = { step: skb.mark, at: { inner: outer.inner } };
      for (const i of range(4096)) {
        both.at.inner.sum += i ^ both.step;
        both.at.inner.wide += 2n;
      }
      return i32(outer.inner.sum);
    });`,
  'references to one of several odd places of the stack': `
    const Inner = packed({ sum: u32, wide: u64, last: u8 });
    const Outer = packed({ kind: u8, inner: Inner, cells: array(Inner, 4) });
    const Aligned = packed({ cells: array(Inner, 4) });
    export const example = classifier((skb) => {
      const outer = stack(Outer);
      const aligned = stack(Aligned);
      let one = outer.inner;
      if (skb.mark > 3) one = outer.cells[2];
      one.sum += skb.len;
      const other = skb.mark > 2 ? outer.inner : outer.cells[1];
      other.wide += 5n;
      const cell = aligned.cells[skb.mark & 3];
      cell.wide += 7n;
      skb.tstamp = outer.inner.wide + aligned.cells[1].wide;
      return i32(outer.inner.sum + outer.cells[1].sum);
    });`,
  'a reference to one of several structs in packed ones on the stack': `
    const Inner = struct({ sum: u32, wide: u64, cells: array(u32, 2) });
    const Outer = packed({ kind: u8, first: Inner, second: Inner });
    export const example = classifier((skb) => {
      const outer = stack(Outer);
      const either = skb.mark > 2 ? outer.first : outer.second;
      either.wide += 5n;
      either.sum += skb.len;
      let cells = outer.first.cells;
      if (skb.len > 80) cells = outer.second.cells;
      cells[skb.mark & 1] += 3;
      return i32(outer.first.sum + outer.second.cells[0]);
    });`,
  'atomic operations on the stack, at an odd place and by an index': `
    const Outer = packed({ kind: u8, sum: u32, wide: u64 });
    const Cells = struct({ cells: array(u64, 4) });
    export const example = classifier((skb) => {
      const outer = stack(Outer);
      const own = stack(Cells);
      atomic.add(own.cells, skb.mark & 3, 1n);
      skb.tstamp = atomic.fetchXor(own.cells, skb.len & 3, 5n);
      atomic.add(outer, 'sum', skb.len);
      skb.tstamp = atomic.exchange(outer, 'wide', 7n) + atomic.compareExchange(outer, 'wide', 7n, 9n);
      return i32(outer.sum);
    });`,
  'arrays in the packet, by an index': `
    const Row = packed({ kind: u8, cells: array(u16, 4) });
    const Body = struct({ bytes: array(u8, 64), rows: array(Row, 3) });
    export const example = classifier((skb) => {
      const body = skb.at(Body, skb.len & 127);
      if (!body) return 1;
      let sum = 0;
      for (let i = 0; i < 64; i++) sum += body.bytes[i] * i;
      const row = body.rows[min(skb.mark, 2)];
      row.cells[skb.len & 3] = u16(sum);
      return i32(row.kind);
    });`,
  'arrays on the stack of functions of their own, by an index': `
    const Cells = struct({ cells: array(u32, 16) });
    const squares = noinline((n: u32): u32 => {
      const own = stack(Cells);
      own.cells[n & 15] = n * n;
      return own.cells[(n + 1) & 15] + own.cells[n & 15];
    });
    export const example = classifier((skb) => {
      let sum = squares(skb.mark);
      for (const i of range(3000)) {
        const own = stack(Cells);
        own.cells[i & 15] = i;
        sum += own.cells[skb.len & 15];
      }
      return i32(sum);
    });`,
  'a bounded result that a long loop returns': `
    export const example = cgroupSkbIngress((skb) => {
      for (const i of range(4096)) if (i === skb.mark) return skb.len & 1;
      return CGROUP_PASS;
    });`,
  'references that a long loop chooses': `
    const Cell = struct({ sum: u64 });
    const one = global(Cell);
    const two = global(Cell);
    const cells = arrayMap({ value: Cell, maxEntries: 16 });
    export const example = classifier((skb) => {
      let place = one;
      let cell = cells.lookup(0);
      const both = { at: two, rounds: 0 };
      for (const i of range(4096)) {
        if (i === skb.mark) place = two;
        if (i === skb.len) cell = cells.lookup(i & 15);
        both.rounds += i;
      }
      place.sum += 1n;
      both.at.sum += u64(both.rounds);
      if (cell) cell.sum += 1n;
      return 0;
    });`,
  'records that a long loop reserves, and one from around it': `
    const events = ringBuffer({ value: struct({ sum: u64 }), bytes: 4096 });
    export const example = classifier((skb) => {
      const outer = events.reserve();
      if (outer === undefined) return 1;
      for (const i of range(4096)) {
        outer.sum += u64(i);
        const event = events.reserve();
        if (event === undefined) break;
        event.sum = u64(i);
        if (i === skb.mark) {
          events.discard(event);
          continue;
        }
        events.submit(event);
      }
      events.submit(outer);
      return 0;
    });`,
  'a long loop of no rounds in front of another': `
    export const example = classifier((skb) => {
      let sum = 0;
      const none = skb.mark & 0;
      for (const i of range(none)) sum += i;
      for (const i of range(4096)) sum += i;
      return i32(sum);
    });`,
  'references that a boolean says are there, in a long loop': `
    const Header = struct({ kind: be32, sum: u32 });
    const counts = hashMap({ key: u32, value: struct({ n: u64, m: u64 }), maxEntries: 4 });
    export const example = classifier((skb) => {
      const header = skb.at(Header, 14);
      const found = counts.lookup(skb.mark)?.m === undefined ? undefined : counts.lookup(skb.mark);
      const both = { header, next: skb.at(Header, skb.priority & 31) };
      const isHere = header !== undefined;
      const isCounted = found !== undefined;
      for (const i of range(4096)) {
        if (!isHere) break;
        header.sum += i;
        if (isCounted) found.n += u64(header.kind);
        if (both.header !== undefined && both.next !== undefined) both.header.sum ^= both.next.kind;
      }
      return both.next === undefined ? 1 : 2;
    });`,
  'an integer behind a chain of chains': `
    const Header = struct({ kind: be32, bytes: array(u8, 4) });
    export const example = classifier((skb) => {
      const header = skb.at(Header, 14);
      if (skb.mark === 3) return 1;
      return header?.bytes[1] ?? 3;
    });`,
  'subprograms that folding leaves without a caller': `
    const unused = noinline((a: u64): u64 => a + 1n);
    export const example = classifier((skb) => {
      const none = 0;
      if (none > 1) skb.tstamp = unused(3n);
      return 0;
    });`,
} as const;

describe.each(Object.entries(MODULES))('the verifier of this kernel accepts %s', (_, source) => {
  it.each([
    ['with its passes', {}],
    ['without any pass', { disablePasses: noPasses }],
  ])('%s', (_name, options) => {
    const [file, read] = moduleOf(source);
    const { object, diagnostics } = compile(file, { ...read, ...options });
    expect(diagnostics).toEqual([]);
    loadProgram(object!, 'example').close();
  });
});
