/** A cumulative count of bytes at a time (seconds, any fixed origin). Series are in order of time. */
export interface Sample {
  readonly time: number;
  readonly bytes: number;
}

/** The place of the last sample at or before a time; -1 before the first. */
function placeOf(samples: readonly Sample[], time: number): number {
  let [low, high] = [-1, samples.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((samples[middle]?.time ?? time) <= time) low = middle;
    else high = middle;
  }
  return low;
}

/** The count at a time, by linear interpolation; before the first and after the last sample it stands still. */
export function bytesAt(samples: readonly Sample[], time: number): number {
  const place = placeOf(samples, time);
  const after = samples[place + 1];
  const before = samples[place] ?? after;
  if (before === undefined) return 0;
  if (after === undefined || after === before) return before.bytes;
  const share = (time - before.time) / (after.time - before.time);
  return before.bytes + share * (after.bytes - before.bytes);
}

/** The count at a time where each sample is told right behind what it counts: it stands still until the next. */
export function countAt(samples: readonly Sample[], time: number): number {
  return (samples[placeOf(samples, time)] ?? samples[0])?.bytes ?? 0;
}

/** The mean rate between two times, in bits per second. */
export function meanRate(samples: readonly Sample[], from: number, to: number): number {
  return ((bytesAt(samples, to) - bytesAt(samples, from)) * 8) / (to - from);
}

/**
 * The most bytes in any window of exactly this length that starts or ends at a sample; the other end is
 * interpolated, so the figure is true to within the bytes of one sampling interval.
 */
export function largestWindow(samples: readonly Sample[], seconds: number): number {
  let largest = 0;
  for (const { time, bytes } of samples) {
    const following = bytesAt(samples, time + seconds) - bytes;
    const preceding = bytes - bytesAt(samples, time - seconds);
    largest = Math.max(largest, following, preceding);
  }
  return largest;
}

/**
 * The smallest burst (bytes) with which a token bucket of the given rate admits the whole series: the largest
 * excess over rate * time in any interval of any length (network calculus' empirical arrival curve).
 */
export function smallestBurst(samples: readonly Sample[], bytesPerSecond: number): number {
  let burst = 0;
  let lowest = Number.POSITIVE_INFINITY;
  for (const { time, bytes } of samples) {
    const excess = bytes - bytesPerSecond * time;
    lowest = Math.min(lowest, excess);
    burst = Math.max(burst, excess - lowest);
  }
  return burst;
}

/** Mean rates (bits per second) of consecutive bins, each with the time of its middle. */
export function binnedRates(
  samples: readonly Sample[],
  from: number,
  to: number,
  bin: number,
): ReadonlyArray<{ readonly time: number; readonly rate: number }> {
  const count = Math.floor((to - from) / bin + 1e-9);
  return Array.from({ length: count }, (_, index) => {
    const start = from + index * bin;
    return { time: start + bin / 2, rate: meanRate(samples, start, start + bin) };
  });
}
