import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { summarise } from '../../bench/live/summary.ts';
import { tokenBucketFilter } from '../../bench/simulate/limiters.ts';
import { natraLimiter } from '../../bench/simulate/natra.ts';
import { simulate } from '../../bench/simulate/scenario.ts';
import { compile } from '../../dsl/compiler/compile.ts';
import { runSimulation } from './simulation.ts';

const limit = { rateBitsPerSecond: 10_000_000, burstBits: 2_000_000 };
const traffic = {
  local: true,
  seconds: 6,
  roundTripMs: 1,
  elephants: 1,
  miceEverySecond: 20,
  ecnCapable: false,
};

test('beside a modelled elephant natra holds the cap, and mice wait less than a tenth of what they wait in a TBF', () => {
  const { object } = compile('programs/limit.ts');
  const natra = natraLimiter(object!, { ...limit, pacing: 'edt' }, 'egress');
  const ours = summarise(simulate({ ...traffic, limiter: natra }), limit);
  const theirs = summarise(
    simulate({
      ...traffic,
      local: false,
      limiter: tokenBucketFilter(limit.rateBitsPerSecond, limit.burstBits / 8),
    }),
    limit,
  );
  expect(ours.shareOfCap).toBeGreaterThan(0.9);
  expect(ours.fullestSecond).toBeLessThanOrEqual(ours.allowedSecond!);
  expect(ours.mice.count).toBeGreaterThan(100);
  expect(ours.mice.p99! * 10).toBeLessThan(theirs.mice.p99!);
  expect(natra.counts().paced.packets).toBeGreaterThan(0n);
});

test('the demo by simulation meets every target', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'natra-simulation-'));
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  try {
    const svg = join(folder, 'demo.svg');
    await runSimulation({ reason: 'a test', seconds: 2, json: true, svg });
    expect(readFileSync(svg, 'utf8')).toContain('<svg');
  } finally {
    write.mockRestore();
    rmSync(folder, { recursive: true });
  }
  const { targets } = JSON.parse(written.join(''));
  expect(targets.length).toBeGreaterThan(8);
  expect(targets.filter(({ reached }: { reached: boolean }) => !reached)).toEqual([]);
}, 60_000);
