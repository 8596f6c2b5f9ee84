/** What must hold of every packet and of every interval, whatever the traffic. */

import { burstBytes, packetBurst, vitalBurstBytes, vitalRoomOf } from '../../cni/bounds.ts';
import { bytesIn, miceScales } from '../../cni/limit.ts';
import { HEAVY_CLASS, MOUSE_CLASS } from '../../loader/attach/classes.ts';
import type { Outcome } from '../differential/world.ts';
import { checksumHolds, type Packet, type Scenario } from './traffic.ts';

/** A packet that passed, with the time at which it leaves. */
export interface Passed {
  readonly packet: Packet;
  readonly departure: bigint;
}

const SHOT = 2;
const UNSPEC = 0xffffffff;
/** Of the application's own choice; the program must leave both as they are. */
export const MARK = 0x1234;
export const PRIORITY = 6;

const IPV4 = 0x0800;
const IPV6 = 0x86dd;

/** The bytes as they were, the ECN field set to CE where it was, the checksum of IPv4 taken on trust. */
function withEcnOf(original: Uint8Array, after: Uint8Array): Uint8Array {
  const bytes = original.slice();
  const type = ((bytes[12] ?? 0) << 8) | (bytes[13] ?? 0);
  const [at, shift] = type === IPV4 ? [15, 0] : [15, 4];
  const before = ((bytes[at] ?? 0) >> shift) & 3;
  const now = ((after[at] ?? 0) >> shift) & 3;
  if ((type !== IPV4 && type !== IPV6) || before === now || before === 0 || now !== 3) return bytes;
  bytes[at] = (bytes[at] ?? 0) | (3 << shift);
  if (type === IPV4) bytes.set(after.subarray(24, 26), 24);
  return bytes;
}

/** Why this outcome breaks a promise about single packets, or undefined. */
export function wrongWithPacket({ limit }: Scenario, packet: Packet, outcome: Outcome): string | undefined {
  const { verdict, mark, priority, tstamp } = outcome;
  if (verdict === SHOT) return undefined;
  if (packet.vital && tstamp > packet.now) return 'a vital packet is delayed';
  if (verdict !== UNSPEC) return `the verdict is ${verdict}`;
  if (mark !== MARK) return `the mark is ${mark}`;
  const classes = [MOUSE_CLASS, HEAVY_CLASS];
  if (limit.pacing === 'queue' ? !classes.includes(priority) : priority !== PRIORITY)
    return `the priority is ${priority}`;
  if (packet.vital && priority === HEAVY_CLASS) return 'a vital packet is in the class of heavy flows';
  if (limit.pacing !== 'edt' && tstamp !== 0n) return `tstamp is ${tstamp}`;
  const after = Buffer.from(outcome.packet, 'hex');
  if (!after.equals(withEcnOf(packet.bytes, after))) return 'bytes beside the ECN field changed';
  const isIPv4 = after.readUInt16BE(12) === IPV4;
  if (isIPv4 && !checksumHolds([...after.subarray(14, 34)]))
    return 'the checksum of the IPv4 header is wrong';
  return undefined;
}

/**
 * A vital packet that was dropped though vital packets alone, at the mice's share of the rate, were not too many: those
 * of others must not matter.
 */
export function neglected({ limit }: Scenario, sent: readonly { packet: Packet; outcome: Outcome }[]) {
  const { share } = miceScales(limit);
  const room = bytesIn(limit, vitalRoomOf(limit));
  let backlog = 0n;
  let last = 0n;
  for (const { packet, outcome } of sent) {
    if (!packet.vital) continue;
    const sentMeanwhile = (bytesIn(limit, packet.now - last) * share) / 1024n;
    backlog = backlog > sentMeanwhile ? backlog - sentMeanwhile : 0n;
    last = packet.now;
    const wanted = backlog + BigInt(packet.wire);
    if (passes(outcome)) backlog = wanted;
    else if (wanted <= room) return `a vital packet is dropped with ${backlog} bytes of its kind before it`;
  }
  return undefined;
}

/** When fq, or nothing at all, lets a packet go. */
export const departureOf = ({ now }: Packet, { tstamp }: Outcome): bigint => (tstamp > now ? tstamp : now);

export const passes = ({ verdict }: Outcome): boolean => verdict !== SHOT;

/** So much at one time, ns. */
interface Amount {
  readonly at: bigint;
  readonly amount: number;
}

/** By how much the amounts of any interval exceed what the rate allows in it and the burst; 0 where none does. */
function mostAbove(amounts: readonly Amount[], perSecond: number, burst: number): number {
  const sorted = [...amounts].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  let worst = 0;
  // The most above the rate since the start of any interval that ends here.
  let above = 0;
  let last = sorted[0]?.at ?? 0n;
  for (const { at, amount } of sorted) {
    above = Math.max(0, above - (Number(at - last) * perSecond) / 1e9) + amount;
    worst = Math.max(worst, above);
    last = at;
  }
  return Math.max(0, worst - burst);
}

/** Bytes that left beyond the rate and a part of its burst, in the worst interval. Vital packets are charged, not held. */
export function excess({ limit }: Scenario, passed: readonly Passed[], part = 1): number {
  const held = passed.filter(({ packet }) => !packet.vital);
  const left = held.map(({ packet, departure }) => ({ at: departure, amount: packet.wire }));
  return mostAbove(left, limit.rateBitsPerSecond / 8, part * burstBytes(limit));
}

/** Bytes that were admitted beyond the rate and the bound that counts vital packets as well. */
export function excessWithVital({ limit }: Scenario, passed: readonly Passed[]): number {
  const admitted = passed.map(({ packet }) => ({ at: packet.now, amount: packet.wire }));
  return mostAbove(admitted, limit.rateBitsPerSecond / 8, vitalBurstBytes(limit));
}

/** Packets, segments counting each, that were admitted beyond the packet-rate cap and its burst; 0 without a cap. */
export function excessOfPackets({ limit }: Scenario, passed: readonly Passed[]): number {
  if (limit.packetsPerSecond === undefined) return 0;
  const held = passed.filter(({ packet }) => !packet.vital);
  const admitted = held.map(({ packet }) => ({ at: packet.now, amount: Math.max(packet.segments, 1) }));
  return mostAbove(admitted, limit.packetsPerSecond, packetBurst(limit));
}

/** The first packet that leaves before an earlier one of its flow. */
export function overtaking(passed: readonly Passed[]): string | undefined {
  const latest = new Map<string, bigint>();
  for (const { packet, departure } of passed) {
    const before = latest.get(packet.flow);
    if (before !== undefined && departure < before)
      return `a packet of ${packet.flow} leaves ${before - departure} ns before an earlier one`;
    latest.set(packet.flow, departure);
  }
  return undefined;
}
