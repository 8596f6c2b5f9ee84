/**
 * Generated traffic, the same on every machine for a seed. Times are ns from the trace's start, rates are shares of the
 * cap C, and every packet is one segment.
 */
import { randomNumbers } from '../live/statistics.ts';

export interface Trace {
  readonly flows: number;
  /** ns, rising. */
  readonly times: Float64Array;
  /** Of each packet: which flow it belongs to, from 0. */
  readonly flow: Uint32Array;
  /** Of each packet: bytes on the wire. */
  readonly bytes: Uint16Array;
}

export interface TraceOptions {
  readonly seed: number;
  /** C. */
  readonly bytesPerSecond: number;
}

const SECOND = 1e9;
/** A full packet of 1448 bytes of payload is 1514 bytes with its headers. */
const PACKET = 1000;

interface Packet {
  readonly time: number;
  readonly flow: number;
  readonly bytes: number;
}

function traceOf(packets: readonly Packet[]): Trace {
  const order = packets.map((_, index) => index);
  const at = (index: number): number => packets[index]?.time ?? 0;
  order.sort((a, b) => at(a) - at(b) || a - b);
  const sorted = order.flatMap((index) => packets[index] ?? []);
  return {
    flows: packets.reduce((most, { flow }) => Math.max(most, flow + 1), 0),
    times: Float64Array.from(sorted, ({ time }) => time),
    flow: Uint32Array.from(sorted, ({ flow }) => flow),
    bytes: Uint16Array.from(sorted, ({ bytes }) => bytes),
  };
}

const exponential = (random: () => number, mean: number): number => -mean * Math.log(1 - random());

/** `bytes` of one flow from `start` on at a steady rate, with gaps that vary evenly between half and 1.5 times their mean. */
function* steady(
  random: () => number,
  flow: number,
  start: number,
  bytes: number,
  bytesPerSecond: number,
  end: number,
): Generator<Packet> {
  let time = start;
  for (let left = bytes; left > 0 && time < end; left -= PACKET) {
    const size = Math.max(60, Math.min(PACKET, left));
    yield { time, flow, bytes: size };
    time += ((size / bytesPerSecond) * SECOND * (1 + 2 * random())) / 2;
  }
}

const WEB = { seconds: 30, load: 0.8, medianBytes: 12_000, sigma: 1.8, leastRate: 0.02, mostRate: 1 };

/**
 * Web traffic: transfers arrive by a Poisson process, their sizes are log-normal with a heavy tail (median 12 KB, mean
 * 60 KB, at most 4 s of C), each at its own rate between 0.02 and 1 C, log-uniform; together 0.8 C on average.
 */
export function webMix({ seed, bytesPerSecond }: TraceOptions): Trace {
  const random = randomNumbers(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const end = WEB.seconds * SECOND;
  const meanBytes = WEB.medianBytes * Math.exp(WEB.sigma ** 2 / 2);
  const gap = (meanBytes / (WEB.load * bytesPerSecond)) * SECOND;
  const packets: Packet[] = [];
  let flow = 0;
  for (let time = exponential(random, gap); time < end; time += exponential(random, gap)) {
    const bytes = Math.min(WEB.medianBytes * Math.exp(WEB.sigma * normal()), 4 * bytesPerSecond);
    const rate = WEB.leastRate * (WEB.mostRate / WEB.leastRate) ** random() * bytesPerSecond;
    packets.push(...steady(random, flow++, time, bytes, rate, end));
  }
  return traceOf(packets);
}

const ZIPF = { seconds: 30, load: 0.9, flows: 10_000, exponent: 1.2 };

/** Packets by a Poisson process at 0.9 C, each of one of 10,000 flows by Zipf's law with exponent 1.2. */
export function zipf({ seed, bytesPerSecond }: TraceOptions): Trace {
  const random = randomNumbers(seed);
  const cumulative = new Float64Array(ZIPF.flows);
  let sum = 0;
  for (let rank = 0; rank < ZIPF.flows; rank++) {
    sum += (rank + 1) ** -ZIPF.exponent;
    cumulative[rank] = sum;
  }
  const pick = (): number => {
    const target = random() * sum;
    let low = 0;
    for (let high = ZIPF.flows - 1; low < high; ) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? sum) < target) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const gap = (PACKET / (ZIPF.load * bytesPerSecond)) * SECOND;
  const packets: Packet[] = [];
  for (let time = 0; time < ZIPF.seconds * SECOND; time += exponential(random, gap))
    packets.push({ time, flow: pick(), bytes: PACKET });
  return traceOf(packets);
}

const ON_OFF = { seconds: 30, flows: 20, onSeconds: 1, offSeconds: 3, leastPeak: 0.02, mostPeak: 0.4 };

/** Twenty flows that send for a second on average and are silent for three, each at its own peak of 0.02 to 0.4 C. */
export function onOff({ seed, bytesPerSecond }: TraceOptions): Trace {
  const random = randomNumbers(seed);
  const end = ON_OFF.seconds * SECOND;
  const packets: Packet[] = [];
  for (let flow = 0; flow < ON_OFF.flows; flow++) {
    const peak = ON_OFF.leastPeak * (ON_OFF.mostPeak / ON_OFF.leastPeak) ** random() * bytesPerSecond;
    let time = exponential(random, ON_OFF.offSeconds * SECOND);
    while (time < end) {
      const seconds = exponential(random, ON_OFF.onSeconds);
      packets.push(...steady(random, flow, time, seconds * peak, peak, end));
      time += (seconds + exponential(random, ON_OFF.offSeconds)) * SECOND;
    }
  }
  return traceOf(packets);
}

const PERSISTENT = { seconds: 60, flows: 60, rate: 0.01 };

/** Sixty flows of 1% of C each, for a minute: none is ever heavy. */
export function persistent({ seed, bytesPerSecond }: TraceOptions): Trace {
  const random = randomNumbers(seed);
  const rate = PERSISTENT.rate * bytesPerSecond;
  const end = PERSISTENT.seconds * SECOND;
  const packets: Packet[] = [];
  for (let flow = 0; flow < PERSISTENT.flows; flow++) {
    const start = random() * (PACKET / rate) * SECOND;
    packets.push(...steady(random, flow, start, Number.POSITIVE_INFINITY, rate, end));
  }
  return traceOf(packets);
}
