import { describe, expect, test } from 'vitest';
import { limitStatus, verdictsOf } from '../testing/limit-status.ts';
import { metrics } from './metrics.ts';
import type { LimitStatus, NodeStatus } from './node-status.ts';

const about = { namespace: 'team-a', pod: 'web', containerId: 'c1', interface: 'eth0' };
const POD = 'namespace="team-a",pod="web",container_id="c1",interface="eth0"';
const LIMIT = `${POD},direction="egress"`;

const limit = limitStatus({
  ...about,
  verdicts: verdictsOf((_, index) => ({ packets: BigInt(index), bytes: BigInt(100 * index) })),
  delays: [
    { belowNanoseconds: 2048, packets: 3 },
    { belowNanoseconds: 4096, packets: 4 },
  ],
});
const status: NodeStatus = { limits: [limit], unlimited: [], notes: [] };

/** Without the line that tells the release. */
const samples = async (of: NodeStatus): Promise<string[]> =>
  (await metrics(of))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('natra_build_info'));

test('a limit has its packets and bytes by verdict, its cap, and whether it is in force', async () => {
  expect(await samples(status)).toEqual(
    expect.arrayContaining([
      `natra_packets_total{${LIMIT},verdict="dropped"} 5`,
      `natra_bytes_total{${LIMIT},verdict="dropped"} 500`,
      `natra_cap_bits_per_second{${LIMIT}} 10000000`,
      `natra_in_force{${LIMIT}} 1`,
    ]),
  );
  const gone = { ...status, limits: [{ ...limit, faults: ['gone'] }] };
  expect(await samples(gone)).toContain(`natra_in_force{${LIMIT}} 0`);
  const unseen = { ...status, limits: [{ ...limit, unseen: 'EPERM' }] };
  expect((await samples(unseen)).join()).not.toContain('natra_in_force');
});

test('programs of others that come before are counted where that can be told', async () => {
  expect(await samples(status)).toContain(`natra_earlier_programs{${LIMIT}} 0`);
  const met = { ...status, limits: [{ ...limit, earlier: ['one by tcx', 'u32 by clsact'] }] };
  expect(await samples(met)).toContain(`natra_earlier_programs{${LIMIT}} 2`);
  const unseen = { ...status, limits: [{ ...limit, earlier: undefined }] };
  expect((await samples(unseen)).join()).not.toContain('natra_earlier_programs');
});

test('how full the sketch is shows as the chance of a new flow to be taken for a heavy one, where it can be read', async () => {
  const sketch = { heavyShares: [0.5, 0.5, 0.5, 0.5], falseHeavy: 0.0625 };
  const filled = { ...status, limits: [{ ...limit, sketch }] };
  expect(await samples(filled)).toContain(`natra_false_heavy_ratio{${LIMIT}} 0.0625`);
  expect((await samples(status)).join()).not.toContain('natra_false_heavy_ratio');
});

describe('how long packets had to wait', () => {
  const delaysOf = async (more: Partial<LimitStatus>): Promise<string[]> =>
    (await samples({ ...status, limits: [{ ...limit, ...more }] })).filter((line) =>
      line.startsWith('natra_delay_seconds'),
    );
  const boundsOf = (lines: readonly string[]): (string | undefined)[] =>
    lines.map((line) => /le="([^"]*)"/.exec(line)?.[1]);

  test('each bucket counts all that waited no longer, in seconds', async () => {
    const delays = [2 ** 12, 2 ** 16, 2 ** 17, 2 ** 34].map((belowNanoseconds) => ({
      belowNanoseconds,
      packets: 2,
    }));
    const found = await delaysOf({ delays });
    expect(found.slice(0, 3)).toEqual([
      `natra_delay_seconds_bucket{${LIMIT},le="0.000065536"} 4`,
      `natra_delay_seconds_bucket{${LIMIT},le="0.000131072"} 6`,
      `natra_delay_seconds_bucket{${LIMIT},le="0.000262144"} 6`,
    ]);
    expect(found.slice(-3)).toEqual([
      `natra_delay_seconds_bucket{${LIMIT},le="2.147483648"} 6`,
      `natra_delay_seconds_bucket{${LIMIT},le="+Inf"} 8`,
      `natra_delay_seconds_count{${LIMIT}} 8`,
    ]);
  });

  test('the bounds are the same whatever has been counted, as Prometheus needs them', async () => {
    const found = boundsOf(await delaysOf({}));
    expect(boundsOf(await delaysOf({ delays: [] }))).toEqual(found);
    expect(found).toHaveLength(18);
  });

  test('nothing is said of it where nothing waits, or where it can not be read', async () => {
    expect(await delaysOf({ pacing: 'police', delays: [] })).toEqual([]);
    expect(await delaysOf({ verdicts: undefined, delays: [] })).toEqual([]);
  });
});

test('an ADD that failed under failurePolicy "open" is told of', async () => {
  const failure = { at: '2026-01-01T00:00:00.000Z', error: 'EPERM', wanted: {} };
  const failed: NodeStatus = { limits: [], unlimited: [{ ...about, ...failure }], notes: [] };
  expect(await samples(failed)).toEqual([`natra_add_failed{${POD}} 1`]);
});

test('each metric is described before its samples, once', async () => {
  const lines = (await metrics(status)).split('\n');
  for (const name of ['natra_packets_total', 'natra_delay_seconds', 'natra_add_failed', 'natra_build_info'])
    expect(
      lines.filter((line) => line.startsWith(`# HELP ${name} `) || line.startsWith(`# TYPE ${name} `)),
    ).toHaveLength(2);
  expect(lines.indexOf('# TYPE natra_in_force gauge')).toBe(
    lines.findIndex((line) => line.startsWith('natra_in_force{')) - 1,
  );
  expect(lines.at(-1)).toBe('');
});

test('names are written so that no Pod can forge a line', async () => {
  const forged = { ...limit, pod: 'a"} 1\nnatra_in_force{pod="b\\' };
  const found = await samples({ ...status, limits: [forged] });
  expect(found).toContain(
    String.raw`natra_in_force{namespace="team-a",pod="a\"} 1\nnatra_in_force{pod=\"b\\",container_id="c1",interface="eth0",direction="egress"} 1`,
  );
});
