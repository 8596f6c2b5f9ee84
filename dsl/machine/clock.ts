/**
 * Time and chance as the machine's programs see them. Both are set by the caller, so that a run repeats exactly.
 */

/** Nanoseconds a jiffy of the modelled kernel lasts: CONFIG_HZ=250. */
const NANOSECONDS_PER_JIFFY = 4_000_000n;

/** Monotonic clocks, in nanoseconds. */
export class Clock {
  /** CLOCK_MONOTONIC: bpf_ktime_get_ns. */
  now: bigint;
  /** CLOCK_MONOTONIC_COARSE: bpf_ktime_get_coarse_ns, the value of the last tick. */
  coarse: bigint;

  constructor(now = 0n, coarse = now) {
    this.now = now;
    this.coarse = coarse;
  }

  /** Sets the exact clock and, as the tick would, the coarse one to the last multiple of `tick` nanoseconds. */
  set(now: bigint, tick = 1n): void {
    this.now = now;
    this.coarse = now - (now % tick);
  }

  /** bpf_jiffies64, counted from the coarse clock. */
  get jiffies(): bigint {
    return this.coarse / NANOSECONDS_PER_JIFFY;
  }
}

/** Pseudo-random 32-bit numbers: xorshift32 (Marsaglia, 2003), the same sequence for the same seed everywhere. */
export class RandomSource {
  #state: number;

  /** `seed`: a u32; 0, which xorshift can't leave, stands for 1. */
  constructor(seed = 1) {
    this.#state = seed >>> 0 || 1;
  }

  /** The next number, 1 to 2^32 - 1. */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }
}
