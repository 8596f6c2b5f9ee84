/** What fq has room for is all that the program sends on: what it drops has been charged, and the rate is not used. */
import { expect, test } from 'vitest';
import type { Direction } from '../../cni/config/bandwidth.ts';
import { fqOptions } from '../../cni/dataplane/fq.ts';
import type { PacedLimit } from '../../cni/limit.ts';
import { departureOf, passes } from './judge.ts';
import { executionOf, stepOf } from './run.ts';
import { drawn, packetOf, SECOND, START, sentAt } from './traffic.ts';

interface Flood {
  readonly length: number;
  /** Of the rate. */
  readonly times: number;
  readonly ecn: number;
  /** 0: one flow; else ever new ones of so many packets. */
  readonly packetsPerFlow: number;
  readonly direction: Direction;
}

interface Outcome {
  /** Of packets that the program passed on. */
  readonly droppedByFq: number;
  /** What left in the second half of the time, of what the rate allows. */
  readonly goodput: number;
}

/** Two seconds of it into the program, and what that passes on into an fq (net/sched/sch_fq.c) of natra's options. */
function flooded(limit: PacedLimit, { length, times, ecn, packetsPerFlow, direction }: Flood): Outcome {
  const room = fqOptions(limit);
  const execution = executionOf(limit, 5n, 'vm', direction);
  const [start, end] = [START, START + 2n * SECOND];
  const gap = BigInt(Math.round((length * 8e9) / limit.rateBitsPerSecond / times));
  const queues = new Map<number, bigint[]>();
  const all: bigint[] = [];
  const leave = (queue: bigint[], now: bigint): void => {
    while (queue[0] !== undefined && queue[0] <= now) queue.shift();
  };
  let [droppedByFq, left] = [0, 0];
  try {
    for (let now = start, index = 0; now < end; now += gap, index++) {
      const flow = packetsPerFlow === 0 ? 1 : 10 + Math.floor(index / packetsPerFlow);
      const packet = sentAt(now, packetOf('udp4', flow, ecn, length), drawn(index));
      const outcome = execution.run(stepOf(packet));
      if (!passes(outcome)) continue;
      const queue = queues.get(flow) ?? [];
      queues.set(flow, queue);
      leave(queue, now);
      leave(all, now);
      if (all.length >= (room.limit ?? 0) || queue.length >= (room.flowLimit ?? 0)) {
        droppedByFq += 1;
        continue;
      }
      const departure = departureOf(packet, outcome);
      queue.push(departure);
      all.push(departure);
      if (departure >= start + SECOND && departure < end) left += length;
    }
  } finally {
    execution.close();
  }
  return { droppedByFq, goodput: left / (limit.rateBitsPerSecond / 8) };
}

const one = { times: 1.5, ecn: 0, packetsPerFlow: 0, direction: 'ingress' } as const;

test.each([
  // A control: for full packets fq's room was never too small.
  { ...one, length: 1514 },
  { ...one, length: 200 },
  { ...one, length: 200, ecn: 2 },
  { ...one, length: 42 },
  { ...one, length: 200, times: 3, direction: 'egress' as const },
  { ...one, length: 100, packetsPerFlow: 4 },
])('a flood has the rate, however small its packets: %o', (flood) => {
  const { droppedByFq, goodput } = flooded({ rateBitsPerSecond: 20e6, pacing: 'edt' }, flood);
  expect(droppedByFq).toBe(0);
  expect(goodput).toBeGreaterThan(0.97);
  expect(goodput).toBeLessThan(1.01);
});
