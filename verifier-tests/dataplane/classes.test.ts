/** Which HTB class programs/*.ts select, in the VM: packets of chosen flows at chosen times. */
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { tcpFrame } from '../../bench/dataplane/packets.ts';
import { dataplaneSettings, type Limit } from '../../cni/settings.ts';
import { compile } from '../../dsl/compiler/index.ts';
import { Clock, RandomSource, Skb } from '../../dsl/machine/index.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { createVm } from '../../dsl/vm/index.ts';
import { HEAVY_CLASS, MOUSE_CLASS } from '../../loader/attach/classes.ts';
import { sectionContents } from '../../loader/object/sections.ts';

const MILLISECOND = 1_000_000n;
const TICK = 4n * MILLISECOND;
/** 10 Mbit/s: 1,250 bytes a millisecond. */
const RATE = 10_000_000;
const FULL = 1514;
const PASSED = -1n;
/** Of the application's own choice (SO_PRIORITY). */
const OWN_PRIORITY = 6;
const ARP = new Uint8Array(FULL);
new DataView(ARP.buffer).setUint16(12, 0x0806);

let object: ObjectImage;
let now: bigint;

beforeAll(() => {
  const compiled = compile('programs/limit.ts');
  if (compiled.object === undefined) throw new Error(compiled.diagnostics[0]?.message);
  object = compiled.object;
});
beforeEach(() => {
  now = 1000n * MILLISECOND;
});

/** A Pod's egress; `send` gives the priority that a packet leaves with, undefined when it is dropped. */
function limited(pacing: Limit['pacing'], more: Partial<Limit> = {}) {
  const clock = new Clock();
  const vm = createVm(object, { clock, random: new RandomSource(1) });
  const rodata = object.sections.find((section) => section.name === '.rodata')!;
  const settings = dataplaneSettings({ rateBitsPerSecond: RATE, ...more, pacing }, 'egress');
  vm.sections.get('.rodata')?.set(sectionContents(rodata, { config: { ...settings, seed: 7n } }));
  return {
    settings,
    send(frame: Uint8Array): number | undefined {
      clock.set(now, TICK);
      const skb = new Skb(frame.slice(), { priority: OWN_PRIORITY });
      return BigInt.asIntN(32, vm.run('limit', skb).r0) === PASSED ? skb.priority : undefined;
    },
  };
}

const elephant = tcpFrame({ length: FULL, flow: 1 });
const mouse = tcpFrame({ length: 200, flow: 2 });

/** Sends until the flow is heavy, at four times the cap; the number of packets that took. */
function makeHeavy(send: (frame: Uint8Array) => number | undefined): number {
  for (let packets = 1; packets < 1000; packets++) {
    now += MILLISECOND / 4n;
    if (send(elephant) === HEAVY_CLASS) return packets;
  }
  throw new Error('the flow never became heavy');
}

test('a flow changes to the heavy class after 67 ms of the cap; others stay where mice are', () => {
  const { send } = limited('queue');
  expect(send(elephant)).toBe(MOUSE_CLASS);
  const bytes = makeHeavy(send) * FULL;
  expect(bytes / (RATE / 8)).toBeGreaterThan(0.06);
  expect(bytes / (RATE / 8)).toBeLessThan(0.08);
  expect(send(mouse)).toBe(MOUSE_CLASS);
  expect(send(elephant)).toBe(HEAVY_CLASS);
});

test('a flow of C/32 stays a mouse under the lowest threshold, however far the time of a tick lags', () => {
  const rateBitsPerSecond = 1e9;
  const { send } = limited('queue', { rateBitsPerSecond, heavyThresholdBits: 8 * 16 * 1024 });
  const gap = BigInt(Math.round((32 * FULL * 8e9) / rateBitsPerSecond));
  for (let packets = 0; packets < 1000; packets++) {
    now += gap;
    expect(send(elephant)).toBe(MOUSE_CLASS);
  }
});

test('a heavy flow that pauses is a mouse again only when its queue must have drained', () => {
  const { send, settings } = limited('queue');
  makeHeavy(send);
  const last = now;
  const horizon = BigInt(settings.heavyHorizon!);
  now = last + horizon - 1n;
  expect(send(mouse)).toBe(MOUSE_CLASS);
  expect(send(elephant)).toBe(HEAVY_CLASS);
  // 1,514 bytes more at a 32nd of the cap.
  now += horizon + 40n * MILLISECOND;
  expect(send(elephant)).toBe(MOUSE_CLASS);
});

test('ARP goes with the mice, however much of it there is', () => {
  const { send } = limited('queue');
  for (let packets = 0; packets < 500; packets++) expect(send(ARP)).toBe(MOUSE_CLASS);
});

test('heavy packets beyond the horizon are dropped, mice beside them are not', () => {
  const { send } = limited('queue');
  makeHeavy(send);
  const sent = Array.from({ length: 1000 }, () => send(elephant));
  expect(sent).toContain(undefined);
  expect(sent).not.toContain(MOUSE_CLASS);
  expect(send(mouse)).toBe(MOUSE_CLASS);
});

test.each(['edt', 'police'] as const)('with %s the priority is left alone', (pacing) => {
  const { send } = limited(pacing);
  for (let packets = 0; packets < 60; packets++) expect(send(elephant)).toBe(OWN_PRIORITY);
});
