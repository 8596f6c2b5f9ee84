/** Whom an early drop tells, where heavy flows wait in one queue: the Pod's own TCP, from the Pod. */
import { expect, test } from 'vitest';
import { bytesIn } from '../../cni/limit.ts';
import type { Limit } from '../../cni/settings.ts';
import { run } from './run.ts';
import { inOrderOfTime, type Packet, packetOf, SECOND, START, sentAt } from './traffic.ts';

const limit: Limit = { rateBitsPerSecond: 100_000_000, pacing: 'edt' };
const LENGTH = 1514;
const SHOT = 2;
/** A packet's time at the cap. */
const PACKET = (BigInt(LENGTH) * SECOND) / bytesIn(limit, SECOND);
const HEAVY = 1;

const at = (flow: number, now: bigint, random: number, kind: 'tcp4' | 'udp4' = 'tcp4'): Packet =>
  sentAt(now, packetOf(kind, flow, 0, LENGTH), random);

/** `count` packets of a flow from `start` on, each `gap` behind the one before. */
const every = (gap: bigint, start: bigint, count: number, packet: (index: number, now: bigint) => Packet) =>
  Array.from({ length: count }, (_, index) => packet(index, start + BigInt(index) * gap));

function verdictsOf(packets: readonly Packet[], flow: string): readonly boolean[] {
  const { outcomes } = run({ limit, seed: 5n, packets }, 'vm');
  return packets.flatMap((packet, index) =>
    packet.flow === flow ? [outcomes[index]?.verdict === SHOT] : [],
  );
}

test('a heavy flow beside mice that are too many is told of its own share, not of sixteen times as much', () => {
  // New flows of ten packets each: first what the bucket holds and 70 ms of debt, then their own share of C. The rest is the heavy one's.
  const mouse = (index: number, now: bigint) => at(100 + Math.floor(index / 10), now, 0, 'udp4');
  const first = every(0n, START, 850, mouse);
  const mice = every((8n * PACKET) / 7n, START, 14_000, (index, now) => mouse(index + first.length, now));
  const own = every(8n * PACKET, START + 1n, 2000, (_, now) => at(HEAVY, now, 0.05 * 2 ** 32));
  const dropped = verdictsOf(inOrderOfTime(first, mice, own), `tcp4 ${HEAVY}`);
  expect(dropped.filter((is) => is)).toEqual([]);
});

test('a flow of which nothing waits loses no packet early, since its sender would then ask again after 200 ms', () => {
  const other = 2;
  const count = Math.ceil(Number(SECOND) / Number(PACKET));
  const start = START + SECOND / 4n;
  // Both turn heavy with the same; then one pauses, and the other fills the queue to where early drops are likely.
  const both = every(2n * PACKET, START, count / 8, (_, now) => at(HEAVY, now, 2 ** 32 - 1));
  const queue = every(0n, start, 500, (_, now) => at(other, now, 2 ** 32 - 1));
  const own = [at(HEAVY, start + 1n, 0), at(HEAVY, start + 2n, 0)];
  const packets = inOrderOfTime(both, queue, own);
  expect(verdictsOf(packets, `tcp4 ${HEAVY}`).slice(-2)).toEqual([false, true]);
});
