/** Random traffic under random limits: trains of packets of a few flows, with pauses, at a clock that lags as the kernel's. */
import fc from 'fast-check';
import type { Limit, Pacing } from '../../cni/settings.ts';
import { u16, u32 } from '../parser/words.ts';

export type Kind = 'tcp4' | 'udp4' | 'tcp6' | 'arp' | 'discovery';

export interface Packet {
  readonly flow: string;
  readonly bytes: Uint8Array;
  /** Wire bytes, each segment's headers included. */
  readonly wire: number;
  readonly segments: number;
  /** ARP or neighbour discovery. */
  readonly vital: boolean;
  /** ns. */
  readonly now: bigint;
  /** Of the kernel's timer. */
  readonly ticks: bigint;
  readonly random: number;
}

export interface Scenario {
  readonly limit: Limit;
  readonly seed: bigint;
  readonly packets: readonly Packet[];
}

/** How far the time of a tick lags, ns: CONFIG_HZ is 100 at least; 1 ns is a clock that doesn't. */
export const TICKS = [1n, 1_000_000n, 4_000_000n, 10_000_000n] as const;
export const SLOWEST_TICK = 10_000_000n;
export const START = 1_000_000_000_000n;
export const SECOND = 1_000_000_000n;
const ETHERNET = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2] as const;

const sumOf = (header: readonly number[]): number => {
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += ((header[at] ?? 0) << 8) | (header[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
};

/** RFC 1071: a header sums to all ones with its checksum. */
export const checksumHolds = (header: readonly number[]): boolean => sumOf(header) === 0xffff;

/** Payload of each segment of a GSO packet. */
export const SEGMENT_BYTES = 1448;

/** Bytes of all headers of a flow's frames. */
const HEADER_BYTES: { readonly [K in Kind]: number } = {
  tcp4: 54,
  udp4: 42,
  tcp6: 74,
  arp: 42,
  discovery: 62,
};

const tcp = (flow: number): number[] => [
  ...[...u16(1024 + flow), ...u16(443), ...u32(1), ...u32(1)],
  ...[0x50, 0x10, ...u16(512), ...u32(0)],
];

function ipv4(protocol: number, ecn: number, transport: readonly number[], length: number): number[] {
  const header = [0x45, ecn, ...u16(length - 14), ...u32(0), 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2];
  header.splice(10, 2, ...u16(~sumOf(header)));
  return [...u16(0x0800), ...header, ...transport];
}

function ipv6(next: number, ecn: number, transport: readonly number[], length: number): number[] {
  const address = (last: number): number[] => [0x20, 1, 0x0d, 0xb8, ...new Array<number>(11).fill(0), last];
  const fixed = [0x60, ecn << 4, 0, 0, ...u16(length - 54), next, 255];
  return [...u16(0x86dd), ...fixed, ...address(1), ...address(2), ...transport];
}

/** A frame of `length` bytes, or as long as its headers. */
export function frame(kind: Kind, flow: number, ecn: number, length: number): Uint8Array {
  const bytes = new Uint8Array(Math.max(length, HEADER_BYTES[kind]));
  bytes.set(ETHERNET);
  const content = {
    tcp4: () => ipv4(6, ecn, tcp(flow), bytes.length),
    udp4: () => ipv4(17, ecn, [...u16(1024 + flow), ...u16(53), ...u32(0)], bytes.length),
    tcp6: () => ipv6(6, ecn, tcp(flow), bytes.length),
    arp: () => u16(0x0806),
    discovery: () => ipv6(58, 0, [135, 0, ...u16(0), ...u32(0)], bytes.length),
  }[kind]();
  bytes.set(content, ETHERNET.length);
  return bytes;
}

export interface Train {
  readonly kind: Kind;
  readonly flow: number;
  readonly ecn: number;
  readonly length: number;
  readonly count: number;
  /** Gap between packets in eighths of a packet's time at the cap. */
  readonly gap: number;
  /** ns before the first. */
  readonly pause: bigint;
  readonly random: number;
}

/** `mostBytes`: of a packet; `mostPackets`: of the train. */
export function arbitraryTrain(mostBytes: number, mostPackets: number): fc.Arbitrary<Train> {
  return fc.record({
    kind: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom<Kind[]>('tcp4', 'udp4', 'tcp6') },
      { weight: 1, arbitrary: fc.constantFrom<Kind[]>('arp', 'discovery') },
    ),
    flow: fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, fc.nat(60)),
    ecn: fc.constantFrom(0, 0, 1, 2, 3),
    length: fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(60, 128, 1514, 1514) },
      fc.integer({ min: 60, max: mostBytes }),
    ),
    count: fc.integer({ min: 1, max: mostPackets }),
    gap: fc.constantFrom(0, 1, 2, 4, 4, 6, 8, 16, 64, 400),
    pause: fc.oneof(
      { weight: 6, arbitrary: fc.constant(0n) },
      fc.constantFrom(1_000_000n, 50_000_000n, 300_000_000n, 3n * SECOND),
    ),
    random: fc.nat(0xffffffff),
  });
}

/** What a limit may be: a rate, and a burst that isn't always stated. */
function limits(pacings: readonly Pacing[]): fc.Arbitrary<Limit> {
  const often = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined, freq: 2 });
  const seldom = <T>(arbitrary: fc.Arbitrary<T>) =>
    fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
  return fc
    .record({
      rateBitsPerSecond: fc.constantFrom(1_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 100_000_000_000),
      pacing: fc.constantFrom(...pacings),
      burstMilliseconds: often(fc.integer({ min: 100, max: 2000 })),
      miceSharePercent: seldom(fc.constantFrom(10, 50, 99)),
      // 16 KiB, or a flow's share of a second.
      thresholdMilliseconds: seldom(fc.constantFrom(0, 20, 500)),
      ecn: seldom(fc.constant(false)),
      packetsPerSecond: seldom(fc.constantFrom(1, 100, 5000)),
    })
    .map(({ burstMilliseconds, thresholdMilliseconds, ...limit }) => {
      const bitsIn = (milliseconds: number): number => (limit.rateBitsPerSecond / 1000) * milliseconds;
      return {
        ...limit,
        ...(burstMilliseconds !== undefined && { burstBits: bitsIn(burstMilliseconds) }),
        ...(thresholdMilliseconds !== undefined && {
          heavyThresholdBits: Math.max(16 * 1024 * 8, bitsIn(thresholdMilliseconds)),
        }),
      };
    });
}

/** What a flow sends, whenever it does. */
export function packetOf(kind: Kind, flow: number, ecn: number, length: number) {
  const bytes = frame(kind, flow, ecn, length);
  const headers = HEADER_BYTES[kind];
  const segments = bytes.length > 1514 ? Math.ceil((bytes.length - headers) / SEGMENT_BYTES) : 0;
  return {
    flow: `${kind} ${flow}`,
    bytes,
    wire: bytes.length + Math.max(segments - 1, 0) * headers,
    segments,
    vital: kind === 'arp' || kind === 'discovery',
  };
}

/** Drawn so, nothing is dropped early or marked; and so, all that may be. */
export const NEVER_EARLY = 2 ** 32 - 1;
export const ALWAYS_EARLY = 0;

/** A number for each packet, the same in each run. */
export const drawn = (index: number): number => Math.imul(index + 1, 0x9e3779b1) >>> 0;

/** What comes at `now`, under the slowest tick; `random` is drawn for it. */
export const sentAt = (now: bigint, packet: ReturnType<typeof packetOf>, random: number): Packet => ({
  ...packet,
  ...{ now, ticks: now / SLOWEST_TICK, random },
});

/** Trains one after the other, each flow by its kind, number and codepoint. */
export function packetsOf(
  limit: Limit,
  trains: readonly Train[],
  tick: bigint = SLOWEST_TICK,
): readonly Packet[] {
  let now = START;
  return trains.flatMap(({ kind, flow, ecn, length, count, gap, pause, random }) => {
    now += pause;
    const common = packetOf(kind, flow, ecn, length);
    const step = (BigInt(common.wire * 8) * SECOND * BigInt(gap)) / 8n / BigInt(limit.rateBitsPerSecond);
    return Array.from({ length: count }, (_, index): Packet => {
      now += step;
      const draw = Math.imul(random ^ index, 0x9e3779b1) >>> 0;
      return { ...common, now, ticks: now / tick, random: draw };
    });
  });
}

/** `mostBytes`: of a packet. */
export function scenarios(pacings: readonly Pacing[], mostBytes: number): fc.Arbitrary<Scenario> {
  return fc
    .tuple(
      limits(pacings),
      fc.nat(),
      fc.array(arbitraryTrain(mostBytes, 150), { minLength: 1, maxLength: 14 }),
      fc.constantFrom(...TICKS),
    )
    .map(([limit, seed, trains, tick]) => ({
      limit,
      seed: BigInt(seed),
      packets: packetsOf(limit, trains, tick),
    }));
}

/** A flow that sends all the time. */
export interface Steady {
  readonly flow: number;
  readonly length: number;
  /** Between packets, in eighths of a packet's time at the rate. */
  readonly eighthsOfGap: bigint;
  /** Whether the gap varies by half. */
  readonly jitter: boolean;
}

/** Packets of flows beside one another. */
export function steadyFlows(limit: Limit, flows: readonly Steady[], seconds: number): readonly Packet[] {
  const most = START + BigInt(seconds) * SECOND;
  const packets: Packet[] = [];
  for (const { flow, length, eighthsOfGap, jitter } of flows) {
    const packet = packetOf('tcp4', flow, 0, length);
    const gap = (BigInt(packet.wire * 8) * SECOND * eighthsOfGap) / 8n / BigInt(limit.rateBitsPerSecond);
    for (let due = START, index = 0; due < most; due += gap, index += 1) {
      const now = due + (jitter ? (gap * BigInt((index * 5) % 8)) / 16n : 0n);
      packets.push(sentAt(now, packet, drawn(index)));
    }
  }
  return inOrderOfTime(packets);
}

export const inOrderOfTime = (...series: readonly (readonly Packet[])[]): readonly Packet[] =>
  series.flat().sort((a, b) => (a.now < b.now ? -1 : a.now > b.now ? 1 : 0));

/** `flow` at 1/16 of the rate, a packet's gap varying by half, beside three flows that each send the whole of it. */
export function steadyFlow(limit: Limit, length: number, seconds: number): readonly Packet[] {
  const steady = { flow: STEADY, length, eighthsOfGap: 16n * 8n, jitter: true };
  const others = [1, 2, 3].map((flow) => ({ flow, length: 1514, eighthsOfGap: 8n, jitter: false }));
  return steadyFlows(limit, [steady, ...others], seconds);
}

/** The number of that flow. */
export const STEADY = 1000;
