/** How long packets had to wait: the histogram of programs/count.ts, and quantiles of it. */

/** Packets that waited less than `below` nanoseconds, and no less than the entry before says. */
export interface DelayCount {
  readonly belowNanoseconds: number;
  readonly packets: number;
}

/** The nth bucket ends where the bits beyond the lowest 10 number n + 1; the last has no end. */
const endOf = (bucket: number): number => 2 ** (bucket + 11);

/** The buckets of the kernel program up to the last that has packets. */
export function delayCounts(buckets: readonly bigint[]): DelayCount[] {
  const counts = buckets.map((packets, bucket) => ({
    belowNanoseconds: endOf(bucket),
    packets: Number(packets),
  }));
  return counts.slice(0, counts.findLastIndex(({ packets }) => packets > 0) + 1);
}

/** The time in ns that at least the share `quantile` of the packets waited less than; undefined where none waited. */
export function delayQuantile(counts: readonly DelayCount[], quantile: number): number | undefined {
  const all = counts.reduce((sum, { packets }) => sum + packets, 0);
  let seen = 0;
  for (const { belowNanoseconds, packets } of counts) {
    seen += packets;
    if (packets > 0 && seen >= all * quantile) return belowNanoseconds;
  }
  return undefined;
}
