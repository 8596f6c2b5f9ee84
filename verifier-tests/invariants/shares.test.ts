import { expect, test } from 'vitest';
import { bytesIn } from '../../cni/limit.ts';
import { type ClosedLoop, closedLoop } from './closed-loop.ts';
import { excess, overtaking, type Passed } from './judge.ts';
import { SECOND, START } from './traffic.ts';

/** 14 segments of GSO, which take 0.65 ms at this rate, as 64 KiB do at 0.8 Gbit/s. */
const FRAME_BYTES = 20_000;
const limit = { rateBitsPerSecond: 250_000_000, pacing: 'edt' as const };

/** What TCP's small queues leave four elephants under way that came out of slow start with windows of 1,201 to 189 segments. */
const UNLIKE = [5, 3, 2, 2];

const elephants = (underWay: readonly number[], seconds: number) =>
  underWay.map((packets, flow) => ({ flow, underWay: packets, seconds }));

const after = (seconds: number, { passed }: ClosedLoop): readonly Passed[] =>
  passed.filter(({ departure }) => departure > START + BigInt(seconds) * SECOND);

const bytesOf = (passed: readonly Passed[]): number =>
  passed.reduce((sum, { packet }) => sum + packet.wire, 0);

function sharesOf(passed: readonly Passed[]): readonly number[] {
  const flows = [...new Set(passed.map(({ packet }) => packet.flow))].sort();
  const all = bytesOf(passed);
  return flows.map((flow) => bytesOf(passed.filter(({ packet }) => packet.flow === flow)) / all);
}

/** How long the packets that come in those seconds wait, on the average; ns. */
function waitOf(passed: readonly Passed[]): number {
  const waits = passed.map(({ packet, departure }) => Number(departure - packet.now));
  return waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
}

test('flows that have unlike amounts under way share evenly, and none is told to by a drop', () => {
  const result = closedLoop(limit, elephants(UNLIKE, 4), FRAME_BYTES, 'vm');
  const late = after(2, result);
  for (const share of sharesOf(late)) {
    expect(share).toBeGreaterThan(0.23);
    expect(share).toBeLessThan(0.27);
  }
  expect(result.dropped).toBe(0);
  expect(bytesOf(late)).toBeGreaterThan(0.99 * Number(bytesIn(limit, 2n * SECOND)));
  expect(excess({ limit, seed: 0n, packets: [] }, result.passed)).toBe(0);
  expect(overtaking(result.passed)).toBeUndefined();
});

test('a flow whose others have ended has the whole rate, and a flow alone waits for its own packets only', () => {
  const [first, ...others] = elephants(UNLIKE, 2);
  const result = closedLoop(
    limit,
    [{ flow: 0, underWay: first?.underWay ?? 0, seconds: 4 }, ...others],
    FRAME_BYTES,
    'vm',
  );
  expect(bytesOf(after(3, result))).toBeGreaterThan(0.99 * Number(bytesIn(limit, SECOND)));
  const packet = (8e9 * bytesOf(result.passed.slice(0, 1))) / limit.rateBitsPerSecond;
  expect(waitOf(after(3, result))).toBeLessThan(5.1 * packet);
});
