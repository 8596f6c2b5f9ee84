/** What brings a limit to its burst: the end of a tick, a packet-rate cap, and senders that stamp their own packets. */
import { expect, test } from 'vitest';
import { boundsOf } from '../../cni/bounds.ts';
import { bytesIn, type PacedLimit } from '../../cni/limit.ts';
import { departureOf, excess, type Passed, passes } from './judge.ts';
import { executionOf, run, stepOf } from './run.ts';
import { NEVER_EARLY, type Packet, packetOf, SECOND, SLOWEST_TICK, START, sentAt } from './traffic.ts';

/** Of programs/departures.ts, ns. */
const OWN_PACING = 1n << 28n;

const sent = (packet: ReturnType<typeof packetOf>, now: bigint): Packet => sentAt(now, packet, NEVER_EARLY);

/**
 * A flow turns heavy, and the bucket fills up. A mouse's packet has the clock read at the start of a tick; at its end the heavy flow
 * sends all that it may, and then ever new mice do.
 */
function lateInTick(limit: PacedLimit): readonly Packet[] {
  const packetsIn = (time: bigint, bytes: number): number => Math.ceil(Number(bytesIn(limit, time)) / bytes);
  const { credit, heavyHorizon, mouseHorizon } = boundsOf(limit);
  const gap = (1514n * SECOND) / bytesIn(limit, SECOND);
  const first = Array.from({ length: packetsIn((2n * SECOND) / 5n, 1514) }, (_, index) =>
    sent(packetOf('tcp4', 1, 0, 1514), START + BigInt(index) * gap),
  );
  const tick = ((START + SECOND) / SLOWEST_TICK) * SLOWEST_TICK;
  const end = tick + SLOWEST_TICK - 1n;
  const all = (kind: 'tcp4' | 'udp4', flow: (index: number) => number, time: bigint) =>
    Array.from({ length: packetsIn(time, 128) }, (_, index) =>
      sent(packetOf(kind, flow(index), 0, 128), end),
    );
  const perMouse = packetsIn(2_000_000n, 128);
  return [
    ...first,
    sent(packetOf('udp4', 60, 0, 60), tick),
    ...all('tcp4', () => 1, credit + 2n * heavyHorizon),
    ...all('udp4', (index) => 100 + Math.floor(index / perMouse), 2n * mouseHorizon + credit),
  ];
}

test.each([
  { pacing: 'police' as const, rateBitsPerSecond: 10_000_000 },
  { pacing: 'police' as const, rateBitsPerSecond: 10_000_000, miceSharePercent: 99 },
  { pacing: 'police' as const, rateBitsPerSecond: 10_000_000, burstBits: 5_000_000 },
  { pacing: 'police' as const, rateBitsPerSecond: 10_000_000, burstBits: 500_000 },
  { pacing: 'edt' as const, rateBitsPerSecond: 30_000_000 },
  { pacing: 'edt' as const, rateBitsPerSecond: 30_000_000, miceSharePercent: 99 },
  { pacing: 'edt' as const, rateBitsPerSecond: 30_000_000, burstBits: 15_000_000 },
])('what passes at the end of a tick whose time was read at its start is within the burst: %o', (limit) => {
  const scenario = { limit, seed: 5n, packets: lateInTick(limit) };
  const { passed } = run(scenario, 'vm');
  expect(excess(scenario, passed)).toBe(0);
  expect(excess(scenario, passed, 0.85)).toBeGreaterThan(0);
});

/**
 * Ever new mice send small packets until the packet-rate cap makes the next wait about a second. Then others send at the whole rate: each
 * waits for the cap, and the shorter the later it comes, so that more and more of them would leave at a time.
 */
function smallThenFull(limit: PacedLimit & { readonly packetsPerSecond: number }): readonly Packet[] {
  const { packetsPerSecond } = limit;
  const small = Array.from({ length: Math.ceil(1.15 * packetsPerSecond) }, (_, index) =>
    sent(packetOf('udp4', 100 + Math.floor(index / 20), 0, 60), START + BigInt(index)),
  );
  const start = START + SECOND / 10n;
  const gap = (1514n * SECOND) / bytesIn(limit, SECOND);
  const full = Array.from({ length: Number((3n * SECOND) / 2n / gap) }, (_, index) =>
    sent(packetOf('udp4', 20_000 + Math.floor(index / 5), 0, 1514), start + BigInt(index) * gap),
  );
  return [...small, ...full];
}

test.each([
  { rateBitsPerSecond: 20_000_000, packetsPerSecond: 4000, pacing: 'edt' as const },
  { rateBitsPerSecond: 100_000_000, packetsPerSecond: 12_000, pacing: 'edt' as const },
])('what waits for the packet-rate cap leaves no faster than the rate: %o', (limit) => {
  const scenario = { limit, seed: 5n, packets: smallThenFull(limit) };
  const { passed } = run(scenario, 'vm');
  expect(passed.some(({ packet, departure }) => departure - packet.now > SECOND / 2n)).toBe(true);
  expect(excess(scenario, passed)).toBe(0);
});

test('what the packet-rate cap drops leaves ARP as it was', () => {
  const limit = { rateBitsPerSecond: 20_000_000, packetsPerSecond: 100, pacing: 'edt' as const };
  const arp = (count: number, gap: bigint, start: bigint) =>
    Array.from({ length: count }, (_, index) => sent(packetOf('arp', 1, 0, 60), start + BigInt(index) * gap));
  const flood = arp(3500, 100_000n, START);
  // That has to wait for longer than it may.
  const end = START + 350_000_000n;
  const packets = [...flood, sent(packetOf('udp4', 5, 0, 200), end), ...arp(20, 5_000_000n, end + 1n)];
  const { outcomes } = run({ limit, seed: 5n, packets }, 'vm');
  expect(outcomes.map(passes)).toEqual(packets.map(({ vital }) => vital));
});

test('what the packet-rate cap drops takes nothing from others', () => {
  const limit = { rateBitsPerSecond: 20_000_000, packetsPerSecond: 1000, pacing: 'edt' as const };
  const half = Array.from({ length: 2500 }, (_, index) =>
    sent(packetOf('tcp4', 1, 0, 1514), START + BigInt(index) * 2_000_000n),
  );
  const large = { ...packetOf('tcp4', 2, 0, 65_000), segments: 60_000 };
  const packets = [
    ...half.slice(0, 500),
    ...[0n, 1n, 2n].map((at) => sent(large, START + SECOND + at)),
    ...half.slice(500),
  ];
  const { outcomes } = run({ limit, seed: 5n, packets }, 'vm');
  expect(outcomes.map(passes)).toEqual(packets.map(({ segments }) => segments === 0));
});

test('packets that their sender wants to leave at one time bring no more than 268 ms of the rate beyond the burst', () => {
  const limit = { rateBitsPerSecond: 10_000_000, pacing: 'edt' as const };
  const wanted = START + 8n * SECOND;
  const execution = executionOf(limit, 5n, 'vm');
  const passed: Passed[] = [];
  try {
    for (let now = START; now < wanted; now += 1_346_000n) {
      const packet = sent(packetOf('udp4', 1, 0, 1514), now);
      const step = stepOf(packet);
      const outcome = execution.run({ ...step, fields: { ...step.fields, tstamp: wanted } });
      if (passes(outcome)) passed.push({ packet, departure: departureOf(packet, outcome) });
    }
  } finally {
    execution.close();
  }
  const beyond = excess({ limit, seed: 0n, packets: [] }, passed);
  expect(beyond).toBeLessThanOrEqual(Number(bytesIn(limit, OWN_PACING)));
  // Until then it is the sender's to say.
  const last = passed.at(-1);
  expect(last?.departure).toBe(wanted);
  const early = passed.find(({ packet }) => packet.now > START + SECOND);
  expect(early && early.departure - early.packet.now).toBeGreaterThanOrEqual(OWN_PACING);
});
