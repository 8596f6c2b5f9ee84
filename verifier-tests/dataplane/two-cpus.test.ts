/** Two CPUs at one Pod's limit at once. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { dataplaneSettings, type Limit, type Pacing } from '../../cni/settings.ts';
import { VERDICTS } from '../../cni/verdicts.ts';
import { compile } from '../../dsl/compiler/index.ts';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';

const HAMMER = path.join(import.meta.dirname, 'hammer.ts');
const CPUS = [0, 1] as const;
/** Until the bucket's credit is used up; then how long is measured, ms. */
const WARM_UP = 700;
const MEASURED = 1000;
/** Reading the counters of both CPUs takes a moment, in which some packets pass. */
const TOLERANCE = 1.005;
const RATE = 1_000_000_000;

/** Wire bytes that passed so far, by CPU. */
function passed({ maps }: LoadedProgram): number[] {
  const sums: number[] = [];
  VERDICTS.forEach(({ name }, number) => {
    if (name.startsWith('dropped')) return;
    const key = new Uint8Array(Uint32Array.of(number).buffer);
    maps.counters?.lookupPerCpu(key)?.forEach((cpu, index) => {
      const bytes = new DataView(cpu.buffer, cpu.byteOffset, cpu.byteLength).getBigUint64(8, true);
      sums[index] = (sums[index] ?? 0) + Number(bytes);
    });
  });
  return sums;
}

interface Outcome {
  /** What passed over what may pass in that time, once there is no credit left: at most 1. */
  readonly share: number;
  /** CPUs on which something passed. */
  readonly cpus: number;
}

interface Load {
  /** That of each CPU. */
  readonly flows: number;
  readonly length: number;
  readonly settings?: Record<string, bigint>;
}

/** One large flow on each. */
const ELEPHANTS: Load = { flows: 1, length: 1514 };
/**
 * Small packets that are all taken for mice's, so that nothing but the clocks they share holds them. They may wait for less than they
 * send in the time before it is measured, however busy the machine is.
 */
const MICE: Load = {
  ...{ flows: 64, length: 60 },
  settings: { heavyLevel: (1n << 37n) - 1n, handOverShift: 31n, shiftLimit: 0n, mouseHorizon: 1n << 24n },
};

/** Both CPUs send, each flows of its own, far more than the limit. */
async function hammered(limit: Limit, baseline: '5.10' | '5.12', load: Load): Promise<Outcome> {
  const { object } = compile('programs/limit.ts', { baseline });
  if (object === undefined) throw new Error('programs/limit.ts does not compile');
  const program = loadProgram(object, 'limit', {
    settings: { config: { ...dataplaneSettings(limit, 'egress'), seed: 3n, ...load.settings } },
  });
  try {
    const children = CPUS.map((cpu) => {
      const argv = [
        '-c',
        String(cpu),
        process.execPath,
        '--import',
        'tsx',
        HAMMER,
        ...[1000 * cpu, load.flows, load.length, WARM_UP + MEASURED + 300].map(String),
      ];
      return spawn('taskset', argv, { stdio: ['pipe', 'pipe', 'inherit', program.fd] });
    });
    await Promise.all(children.map(async ({ stdout }) => stdout && once(stdout, 'data')));
    const exits = Promise.all(children.map((child) => once(child, 'exit')));
    for (const { stdin } of children) stdin?.write('go\n');
    await pause(WARM_UP);
    const start = process.hrtime.bigint();
    const before = passed(program);
    await pause(MEASURED);
    const after = passed(program);
    const nanoseconds = Number(process.hrtime.bigint() - start);
    expect((await exits).map(([code]) => code)).toEqual([0, 0]);
    const bytes = after.map((each, cpu) => each - (before[cpu] ?? 0));
    const allowed = (nanoseconds * limit.rateBitsPerSecond) / 8e9;
    return {
      share: bytes.reduce((sum, each) => sum + each, 0) / allowed,
      cpus: bytes.filter((each) => each > 0).length,
    };
  } finally {
    program.close();
  }
}

const PACINGS: readonly Pacing[] = ['police', 'edt'];

describe.each([
  ['elephants', ELEPHANTS],
  ['mice', MICE],
] as const)('two CPUs together have the rate and no more: %s', (name, load) => {
  test.each(PACINGS)('%s', async (pacing) => {
    const { share, cpus } = await hammered({ rateBitsPerSecond: RATE, pacing }, '5.12', load);
    expect(cpus).toBe(Math.min(CPUS.length, availableParallelism()));
    process.stdout.write(`two CPUs, ${name}, ${pacing}: ${(share * 100).toFixed(2)}% of the rate\n`);
    expect(share).toBeLessThanOrEqual(TOLERANCE);
    expect(share).toBeGreaterThan(0.5);
  });
});

describe.each([
  ['elephants', ELEPHANTS],
  ['mice', MICE],
] as const)('without atomics that fetch they exceed it by no more than a tenth: %s', (name, load) => {
  test.each(PACINGS)('%s', async (pacing) => {
    const { share } = await hammered({ rateBitsPerSecond: RATE, pacing }, '5.10', load);
    process.stdout.write(
      `two CPUs, linux 5.10's build, ${name}, ${pacing}: ${(share * 100).toFixed(2)}% of the rate\n`,
    );
    expect(share).toBeLessThanOrEqual(1.1);
    expect(share).toBeGreaterThan(0.5);
  });
});
