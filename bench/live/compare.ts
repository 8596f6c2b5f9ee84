/** One case: the Pod joins, is limited, carries its load and leaves again. */
import { join } from 'node:path';
import { PIN_DIRECTORY } from './abandoned.ts';
import { type Case, type Figures, loadOfCase, secondsOf } from './cases.ts';
import { addressOf, type CniResult, callPlugin, type Limit, limiterConfiguration } from './cni.ts';
import { pause, runPhase } from './phase.ts';
import type { Rig } from './rig.ts';
import { CAPS, type CapName, type Row } from './rows.ts';
import { summarise } from './summary.ts';
import { joinBridge, leaveBridge, PLUGIN_DIRECTORY, routeBy, sandboxes, type Topology } from './topology.ts';
import { meanRate } from './window.ts';

/** A burst is 200 ms of its cap, whoever limits. */
const BURST_SECONDS = 0.2;
/** What is still queued goes before the limiter does. */
const QUIET_SECONDS = 0.3;

export interface Bench {
  readonly topology: Topology;
  readonly rig: Rig;
  readonly client: CniResult;
  readonly natraPath: string;
  /** Of a phase under a limit, if not the case's own. */
  readonly seconds: number | undefined;
  readonly signal: AbortSignal;
  /** Waits while the phase runs, as it must be waited here. */
  readonly during?: <T>(row: Row, body: () => Promise<T>) => Promise<T>;
}

export function limitAt(cap: CapName): Limit {
  const rateBitsPerSecond = CAPS[cap];
  return { rateBitsPerSecond, burstBits: rateBitsPerSecond * BURST_SECONDS };
}

const limitOf = ({ limiter, row }: Case): Limit | undefined =>
  limiter === 'idle' || limiter === 'none' ? undefined : limitAt(row.cap);

export async function measure(bench: Bench, each: Case): Promise<Figures> {
  const { topology, client, natraPath, signal } = bench;
  const { limiter, row } = each;
  signal.throwIfAborted();
  const sandbox = sandboxes(topology);
  // For every case: the plugin leaves its qdiscs to a device that is about to go.
  const pod = await joinBridge(topology, sandbox.pod);
  try {
    await routeBy(sandbox.pod, addressOf(pod), row);
    await routeBy(sandbox.client, addressOf(client), row);
    const limit = limitOf(each);
    if (limit === undefined) return await carry(bench, each, pod, limit);
    const path = limiter === 'natra' ? natraPath : join(PLUGIN_DIRECTORY, limiter);
    const configuration = limiterConfiguration(limiter, limit, pod);
    const variables = {
      NATRA_FAILURE_POLICY: 'closed',
      NATRA_STATE_DIR: join(topology.stateDirectory, 'natra'),
      NATRA_PIN_DIR: PIN_DIRECTORY,
    };
    const call = (verb: 'ADD' | 'DEL') =>
      callPlugin(topology.node, path, verb, sandbox.pod, configuration, variables);
    await call('ADD');
    try {
      return await carry(bench, each, pod, limit);
    } finally {
      await call('DEL');
    }
  } finally {
    await leaveBridge(topology, sandbox.pod);
  }
}

async function carry(
  { rig, client, signal, during, seconds: stated }: Bench,
  each: Case,
  pod: CniResult,
  limit: Limit | undefined,
): Promise<Figures> {
  const { row } = each;
  const seconds = secondsOf(each, stated);
  const addresses = { client: addressOf(client), pod: addressOf(pod) };
  const plan = { direction: row.direction, seconds, load: loadOfCase(each), seed: 1, addresses };
  const phase = async () => {
    const seen = await runPhase(rig, plan, () => {}, signal);
    if (limit !== undefined) await pause(QUIET_SECONDS, signal);
    return seen;
  };
  const measured = await (during === undefined ? phase() : during(row, phase));
  const { series: _, ...summary } = summarise(measured, limit);
  const from = measured.startedAt + Math.min(1, seconds / 4);
  const wireRate = meanRate(measured.wire, from, measured.endedAt);
  const { floodBitsPerSecond, busy } = measured;
  return { ...summary, wireShare: limit && wireRate / limit.rateBitsPerSecond, floodBitsPerSecond, busy };
}
