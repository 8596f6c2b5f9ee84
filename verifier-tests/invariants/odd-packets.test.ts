/** Packets that are made to look like something else. */
import { expect, test } from 'vitest';
import type { Limit } from '../../cni/settings.ts';
import { excess, passes } from './judge.ts';
import { run } from './run.ts';
import { ALWAYS_EARLY, type Packet, packetOf, START, sentAt } from './traffic.ts';

/** In a frame: the destination of IPv6, and the first byte behind the Ethernet header. */
const IPV6_DESTINATION = 38;
const NETWORK = 14;

/** One every 100 µs. */
const series = (count: number, packet: ReturnType<typeof packetOf>): readonly Packet[] =>
  Array.from({ length: count }, (_, index) => sentAt(START + BigInt(index) * 100_000n, packet, ALWAYS_EARLY));

const sent = (limit: Limit, packets: readonly Packet[]) => {
  const scenario = { limit, seed: 5n, packets };
  return { scenario, ...run(scenario, 'vm') };
};

test('an excluded subnet of IPv4 excludes no IPv6 packet to an address that maps one of its own', () => {
  const limit = { rateBitsPerSecond: 10_000_000, pacing: 'police' as const, excludedSubnets: ['10.0.0.0/8'] };
  const mapped = packetOf('tcp6', 1, 0, 1514);
  mapped.bytes.set([...new Array<number>(10).fill(0), 0xff, 0xff, 10, 0, 0, 2], IPV6_DESTINATION);
  const { scenario, passed, outcomes } = sent(limit, series(3000, mapped));
  expect(outcomes.some((outcome) => !passes(outcome))).toBe(true);
  expect(excess(scenario, passed)).toBe(0);
  // Of IPv4 itself it does.
  expect(sent(limit, series(3000, packetOf('tcp4', 1, 0, 1514))).passed).toHaveLength(3000);
});

test.each([
  ['tcp4', 'the version 0', [0x05, 0x01]],
  ['tcp4', 'a header of 16 bytes', [0x44, 0x01]],
  ['tcp6', 'the version 4', [0x40, 0x20]],
] as const)('no mark is written into what its EtherType says is IP: %s with %s', (kind, _, start) => {
  const limit = { rateBitsPerSecond: 10_000_000, pacing: 'police' as const };
  const odd = packetOf(kind, 1, 0, 1514);
  odd.bytes.set(start, NETWORK);
  const before = Buffer.from(odd.bytes).toString('hex');
  const { outcomes } = sent(limit, series(2000, odd));
  expect(outcomes.filter(passes).length).toBeGreaterThan(50);
  expect(new Set(outcomes.filter(passes).map(({ packet }) => packet))).toEqual(new Set([before]));
  expect(outcomes.some((outcome) => !passes(outcome))).toBe(true);
});
