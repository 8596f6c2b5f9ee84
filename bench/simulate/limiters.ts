/** What stands between a sender and the path: natra's bytecode in the VM, a token bucket filter, or nothing. */
import type { Nanoseconds } from './schedule.ts';

/** One GSO packet of a modelled flow. */
export interface ModelPacket {
  readonly flow: number;
  readonly segments: number;
  /** TCP payload of the whole packet; 0 for a handshake segment. */
  readonly payloadBytes: number;
  readonly ecnCapable: boolean;
}

export type Verdict =
  | { readonly kind: 'drop' }
  /** Leaves at `departure`, which is not before now. */
  | { readonly kind: 'send'; readonly departure: Nanoseconds; readonly marked: boolean };

export interface Limiter {
  admit(packet: ModelPacket, now: Nanoseconds): Verdict;
}

/** Ethernet, IPv4 and TCP with timestamps. */
export const HEADER_BYTES = 14 + 20 + 32;
export const SEGMENT_BYTES = 1448;

export const wireBytesOf = (packet: ModelPacket): number =>
  packet.payloadBytes + packet.segments * HEADER_BYTES;

export const unlimited: Limiter = {
  admit: (_packet, now) => ({ kind: 'send', departure: now, marked: false }),
};

/**
 * tc-tbf as the `bandwidth` plugin sets it up: one FIFO for all flows, a bucket of `burstBytes`, and a queue that holds
 * what 25 ms and the bucket hold (net/sched/sch_tbf.c; limit = rate * latency + burst).
 */
export function tokenBucketFilter(rateBitsPerSecond: number, burstBytes: number): Limiter {
  const bytesPerNs = rateBitsPerSecond / 8 / 1e9;
  const limitBytes = rateBitsPerSecond / 8 / 40 + burstBytes;
  /** When the bucket will have paid for everything queued, as if it had no depth. */
  let clock: Nanoseconds = Number.NEGATIVE_INFINITY;
  return {
    admit(packet, now) {
      const bytes = wireBytesOf(packet);
      clock = Math.max(clock, now - burstBytes / bytesPerNs);
      if ((clock - now) * bytesPerNs + bytes > limitBytes) return { kind: 'drop' };
      clock += bytes / bytesPerNs;
      return { kind: 'send', departure: Math.max(now, clock), marked: false };
    },
  };
}
