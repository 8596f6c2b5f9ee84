import { expect, test } from 'vitest';
import { compile } from '../dsl/compiler/index.ts';
import { Skb } from '../dsl/machine/index.ts';
import type { StructLayout } from '../dsl/object/layout.ts';
import { createVm } from '../dsl/vm/index.ts';
import { frameNamed } from '../verifier-tests/parser/frames.ts';

const { object } = compile('programs/limit.ts');
const state = object?.sections
  .find(({ name }) => name === '.bss')
  ?.variables.find(({ name }) => name === 'state');
if (object === undefined || state === undefined) throw new Error('programs/limit.ts has no state');
const { offset, layout } = state;

/** Offset in `.bss`. */
const placeOf = (field: string): number =>
  offset + ((layout as StructLayout).fields.find(({ name }) => name === field)?.offset ?? Number.NaN);

const TICK = 4_000_000n;
const START = 1000n * TICK;

function limiter() {
  const vm = createVm(object!);
  const bss = vm.sections.get('.bss')!;
  const view = new DataView(bss.buffer, bss.byteOffset, bss.byteLength);
  return {
    /** The time that a packet at `now` was given, ns. */
    timeAt(now: bigint): bigint {
      vm.clock.set(now, TICK);
      vm.run('limit', new Skb(frameNamed('untagged, IPv4, TCP')));
      return view.getBigUint64(placeOf('time'), true);
    },
    check: () => view.getBigUint64(placeOf('timeCheck'), true),
    /** As another CPU would leave the two words whose writes came between this one's. */
    leave(time: bigint, check: bigint): void {
      view.setBigUint64(placeOf('time'), time, true);
      view.setBigUint64(placeOf('timeCheck'), check, true);
    },
  };
}

test('what every packet touches beside its cells lies within 64 bytes', () => {
  expect(offset).toBe(0);
  for (const field of ['clock', 'mouseClock', 'tick', 'shift', 'zero', 'time', 'timeCheck', 'lastDeparture'])
    expect(placeOf(field), field).toBeLessThan(64);
});

test('all packets in a tick have the time of the first', () => {
  const { timeAt } = limiter();
  expect([0n, 5n, TICK - 1n].map((after) => timeAt(START + after))).toEqual([START, START, START]);
  expect(timeAt(START + TICK + 7n)).toBe(START + TICK + 7n);
  expect(timeAt(START + 500n * TICK + 9n)).toBe(START + 500n * TICK + 9n);
});

test('where one CPU has written the time and another its tick, the clock is read again', () => {
  const { timeAt, check, leave } = limiter();
  const first = timeAt(START + 100n);
  const former = check();
  leave(first + 50n, former);
  expect(timeAt(START + 900n)).toBe(START + 900n);
  leave(START + 900n, former);
  expect(timeAt(START + 1000n)).toBe(START + 1000n);
});

test('a time whose check is still to be written is nobody’s', () => {
  const { timeAt, leave } = limiter();
  const first = timeAt(START);
  for (const time of [0n, first]) {
    leave(time, BigInt.asUintN(64, ~(START / TICK)));
    expect(timeAt(START + 300n)).toBe(START + 300n);
  }
});
