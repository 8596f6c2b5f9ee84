/** Packets and bytes by verdict, one copy a CPU. */
import { percpuArrayMap, struct, type u32, u64 } from '../dsl/lang/index.ts';
import { VERDICTS } from './verdicts.ts';

const Counter = struct({ packets: u64, bytes: u64 });

export const counters = percpuArrayMap({ value: Counter, maxEntries: VERDICTS });

export function count(verdict: u32, bytes: u64): void {
  const counter = counters.lookup(verdict);
  if (counter === undefined) return;
  counter.packets += 1n;
  counter.bytes += bytes;
}
