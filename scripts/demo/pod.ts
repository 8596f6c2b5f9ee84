import { rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { PIN_DIRECTORY } from '../../bench/live/abandoned.ts';
import {
  addressOf,
  type CniResult,
  callPlugin,
  limiterConfiguration,
  type Sandbox,
} from '../../bench/live/cni.ts';
import {
  type KernelObject,
  objectsOf,
  pinsBelow,
  stillThere,
  trafficControl,
} from '../../bench/live/kernel-objects.ts';
import { pause, runPhase } from '../../bench/live/phase.ts';
import type { Rig } from '../../bench/live/rig.ts';
import { summarise } from '../../bench/live/summary.ts';
import {
  joinBridge,
  leaveBridge,
  PLUGIN_DIRECTORY,
  sandboxes,
  type Topology,
} from '../../bench/live/topology.ts';
import { describeProgress, type Progress } from './progress.ts';
import { describePhase, describePod, type PhaseReport, type PodReport } from './report.ts';
import type { PhaseStep, PodStep } from './scenario.ts';
import { readVerdicts, type VerdictCount } from './verdicts.ts';

/** What every Pod of the demo shares. */
export interface Stage {
  readonly topology: Topology;
  readonly rig: Rig;
  readonly client: CniResult;
  readonly natraPath: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

export interface PodRun {
  readonly pod: PodReport;
  readonly phases: readonly PhaseReport[];
}

/** Between two elephants: what is queued of the first drains. */
const QUIET_SECONDS = 0.3;
/** What queues still hold when a Pod goes is lost: its last phase has this long to drain. */
const DRAIN_SECONDS = 0.5;
/** A program goes after an RCU grace period; one that is there later than this has been left. */
const RELEASE_SECONDS = 3;

/** One Pod's life, as a runtime leads it: main plugin, limiter, traffic, limiter's DEL, main plugin's DEL. */
export async function livePod(stage: Stage, step: PodStep): Promise<PodRun> {
  const { topology, progress } = stage;
  const { pod } = sandboxes(topology);
  progress.doing(`${describePod(step)}: creating the Pod`);
  const joined = await joinBridge(topology, pod);
  try {
    return step.limiter === 'none' || step.limit === undefined
      ? await unlimitedPod(stage, step, joined)
      : await limitedPod(stage, step, pod, joined);
  } finally {
    await leaveBridge(topology, pod);
  }
}

async function unlimitedPod(stage: Stage, step: PodStep, joined: CniResult): Promise<PodRun> {
  const phases = await loadPod(stage, step, joined);
  const none = { addMilliseconds: undefined, delMilliseconds: undefined, verdicts: [], leftovers: [] };
  return { pod: { limiter: step.limiter, rateBitsPerSecond: undefined, ...none }, phases };
}

async function limitedPod(stage: Stage, step: PodStep, pod: Sandbox, joined: CniResult): Promise<PodRun> {
  const { topology, natraPath, progress } = stage;
  const { limiter, limit } = step;
  if (limit === undefined) throw new Error(`${limiter} needs a limit`);
  const path = limiter === 'natra' ? natraPath : join(PLUGIN_DIRECTORY, limiter);
  const configuration = limiterConfiguration(limiter, limit, joined);
  // Directories of the demo's own, so that a node's real Pods are neither seen nor touched.
  const variables = {
    NATRA_FAILURE_POLICY: 'closed',
    NATRA_STATE_DIR: join(topology.stateDirectory, 'natra'),
    NATRA_PIN_DIR: PIN_DIRECTORY,
  };
  const call = (verb: 'ADD' | 'DEL') => callPlugin(topology.node, path, verb, pod, configuration, variables);
  const before = await trafficControlOf(topology);
  let added = false;
  try {
    const add = await call('ADD');
    added = true;
    progress.done(`${describePod(step)}: ADD took ${add.milliseconds.toFixed(0)} ms`);
    const objects = limiter === 'natra' ? await objectsOf(PIN_DIRECTORY, [topology.node, topology.pod]) : [];
    const phases = await loadPod(stage, step, joined);
    const verdicts: readonly VerdictCount[] = readVerdicts(objects);
    const del = await call('DEL');
    added = false;
    // Upstream's plugin leaves its qdiscs to die with the interface; only natra is held to its promise.
    const leftovers = limiter === 'natra' ? await leftBehind(topology, before, objects) : [];
    const report = {
      limiter,
      rateBitsPerSecond: limit.rateBitsPerSecond,
      addMilliseconds: add.milliseconds,
      delMilliseconds: del.milliseconds,
      verdicts,
      leftovers,
    };
    return { pod: report, phases };
  } finally {
    if (added) await call('DEL').catch(() => {});
    if (limiter === 'natra') removeEmpty(PIN_DIRECTORY);
  }
}

async function loadPod(stage: Stage, step: PodStep, joined: CniResult): Promise<readonly PhaseReport[]> {
  const reports: PhaseReport[] = [];
  for (const [index, phase] of step.phases.entries()) {
    if (index > 0) await pause(QUIET_SECONDS, stage.signal);
    reports.push(await loadDirection(stage, step, phase, joined, index));
  }
  await pause(DRAIN_SECONDS, stage.signal);
  return reports;
}

async function loadDirection(
  { rig, client, progress, signal }: Stage,
  step: PodStep,
  { direction, seconds, micePerSecond }: PhaseStep,
  joined: CniResult,
  seed: number,
): Promise<PhaseReport> {
  const title = `${describePod(step)}, ${direction}`;
  const addresses = { client: addressOf(client), pod: addressOf(joined) };
  const load = { elephants: 1, micePerSecond, clients: 0, floodBytesPerSecond: 0 };
  const measured = await runPhase(
    rig,
    { direction, seconds, load, seed, addresses },
    (now) => progress.doing(describeProgress(title, seconds, now)),
    signal,
  );
  const report: PhaseReport = {
    limiter: step.limiter,
    rateBitsPerSecond: step.limit?.rateBitsPerSecond,
    burstBytes: step.limit && step.limit.burstBits / 8,
    direction,
    seconds,
    ...summarise(measured, step.limit),
  };
  progress.done(describePhase(title, report));
  return report;
}

async function trafficControlOf({ node, pod }: Topology): Promise<readonly string[]> {
  const [inNode, inPod] = await Promise.all([trafficControl(node), trafficControl(pod)]);
  return [...inNode.map((line) => `${line} (node)`), ...inPod.map((line) => `${line} (Pod)`)];
}

/** What DEL should have removed and did not: kernel objects, pins, qdiscs, filters, links. */
async function leftBehind(
  topology: Topology,
  before: readonly string[],
  objects: readonly KernelObject[],
): Promise<readonly string[]> {
  const deadline = performance.now() + RELEASE_SECONDS * 1000;
  let alive = stillThere(objects);
  while (alive.length > 0 && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    alive = stillThere(objects);
  }
  const after = await trafficControlOf(topology);
  return [
    ...alive.map(({ kind, id, name }) => `${kind} ${id} ${name}`),
    ...pinsBelow(PIN_DIRECTORY).map((path) => `pin ${path}`),
    ...after.filter((line) => !before.includes(line)),
    ...before.filter((line) => !after.includes(line)).map((line) => `${line} is gone`),
  ];
}

function removeEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It was never made, or holds pins, which are reported.
  }
}
