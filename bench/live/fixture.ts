/** Figures as a row at 10 Mbit/s might have them, for tests. */
import type { Figures } from './cases.ts';

export const figuresOf = (changes: Partial<Figures> = {}): Figures => ({
  goodput: 9.5e6,
  shareOfCap: 0.99,
  wireShare: 1,
  fairness: 1,
  firstSecond: 1_300_000,
  fullestSecond: 1_400_000,
  allowedSecond: 1_500_000,
  burstUsed: 150_000,
  mice: { count: 200, failed: 0, p50: 0.001, p99: 0.004 },
  retransmitted: 0,
  congestionMarked: 0,
  floodBitsPerSecond: 0,
  busy: 0.2,
  ...changes,
});
