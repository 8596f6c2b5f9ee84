import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Limit } from '../../bench/live/cni.ts';
import type { Direction } from '../../bench/live/phase.ts';
import { summarise } from '../../bench/live/summary.ts';
import { type Limiter, tokenBucketFilter, unlimited } from '../../bench/simulate/limiters.ts';
import { natraLimiter, type SimulatedNatra } from '../../bench/simulate/natra.ts';
import { simulate } from '../../bench/simulate/scenario.ts';
import { VERDICTS } from '../../cni/verdicts.ts';
import { readElf } from '../../dsl/object/elf/read.ts';
import type { DemoReport, PhaseReport, PodReport } from './report.ts';
import { type PodStep, planDemo } from './scenario.ts';
import { renderSvg } from './svg.ts';
import { judge } from './targets.ts';
import { renderReport } from './terminal.ts';

const BUILD = fileURLToPath(new URL('../../build', import.meta.url));
const ROUND_TRIP_MS = 1;

export interface SimulationOptions {
  /** Why there is no live run, in words for the user. */
  readonly reason: string;
  readonly seconds: number;
  readonly json: boolean;
  /** Where the picture goes. */
  readonly svg: string;
}

/** natra's bytecode with departure times, a modelled TBF, or nothing, in front of one direction. */
function limiterOf(step: PodStep, limit: Limit | undefined, direction: Direction): Limiter | SimulatedNatra {
  if (limit === undefined) return unlimited;
  if (step.limiter === 'bandwidth') return tokenBucketFilter(limit.rateBitsPerSecond, limit.burstBits / 8);
  const object = readElf(readFileSync(join(BUILD, 'limit.o')));
  return natraLimiter(object, { ...limit, pacing: 'edt' }, direction);
}

function simulatePod(step: PodStep): { readonly phases: PhaseReport[]; readonly pod: PodReport } {
  const { limiter: limiterName, limit } = step;
  const runs = step.phases.map(({ direction, seconds, micePerSecond }) => {
    const limiter = limiterOf(step, limit, direction);
    const measured = simulate({
      limiter,
      seconds,
      roundTripMs: ROUND_TRIP_MS,
      elephants: 1,
      miceEverySecond: micePerSecond,
      ecnCapable: false,
      local: direction === 'egress',
    });
    const phase: PhaseReport = {
      ...summarise(measured, limit),
      limiter: limiterName,
      rateBitsPerSecond: limit?.rateBitsPerSecond,
      burstBytes: limit && limit.burstBits / 8,
      direction,
      seconds,
    };
    const counts = 'counts' in limiter ? limiter.counts() : undefined;
    const verdicts = VERDICTS.flatMap(({ name, words }) =>
      counts === undefined
        ? []
        : {
            direction,
            verdict: words,
            packets: Number(counts[name].packets),
            bytes: Number(counts[name].bytes),
          },
    );
    return { phase, verdicts };
  });
  const pod: PodReport = {
    limiter: limiterName,
    rateBitsPerSecond: limit?.rateBitsPerSecond,
    addMilliseconds: undefined,
    delMilliseconds: undefined,
    verdicts: runs.flatMap((run) => run.verdicts),
    leftovers: [],
  };
  return { phases: runs.map((run) => run.phase), pod };
}

/**
 * The demo where the kernel cannot take part: the same bytecode in the BPF VM against modelled TCP flows, labelled as
 * a simulation. Resolves with the exit code.
 */
export async function runSimulation(options: SimulationOptions): Promise<number> {
  const startedAt = performance.now();
  process.stderr.write(
    `natra: no live demo here: ${options.reason}\n` +
      'natra: SIMULATION instead: the same bytecode in the BPF VM, in front of modelled TCP flows\n',
  );
  // No elephant without a limit: a model of it would run as fast as the computer does.
  const steps = planDemo(options.seconds, true).filter((step) => step.limit !== undefined);
  const runs = steps.map(simulatePod);
  const report: DemoReport = {
    kernel: 'none: simulated',
    cpus: 1,
    mainPlugin: 'none: simulated',
    bandwidthPlugin: true,
    phases: runs.flatMap((run) => run.phases),
    pods: runs.map((run) => run.pod),
    leftovers: [],
    seconds: (performance.now() - startedAt) / 1000,
    simulatedBecause: options.reason,
  };
  mkdirSync(dirname(options.svg), { recursive: true });
  writeFileSync(options.svg, renderSvg(report));
  process.stdout.write(
    options.json ? `${JSON.stringify({ ...report, targets: judge(report) })}\n` : renderReport(report),
  );
  return 0;
}
