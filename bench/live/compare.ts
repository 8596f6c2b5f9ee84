/** One row under each limiter in turn: idle, no limit, the `bandwidth` plugin, natra. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { PIN_DIRECTORY } from './abandoned.ts';
import { addressOf, type CniResult, callPlugin, type Limit, limiterConfiguration } from './cni.ts';
import { type Load, pause, runPhase } from './phase.ts';
import type { Rig } from './rig.ts';
import { CAPS, loadOf, MICE_ALONE, type Row } from './rows.ts';
import { type PhaseSummary, summarise } from './summary.ts';
import { joinBridge, leaveBridge, PLUGIN_DIRECTORY, routeBy, sandboxes, type Topology } from './topology.ts';
import { meanRate } from './window.ts';

export const LIMITERS = ['idle', 'none', 'bandwidth', 'natra'] as const;
/** `idle`: mice alone, without a limit; `none`: the row's load without a limit. */
export type LimiterName = (typeof LIMITERS)[number];

/** A burst is 200 ms of its cap, whoever limits. */
const BURST_SECONDS = 0.2;
const QUIET_SECONDS = 0.3;

export interface Bench {
  readonly topology: Topology;
  readonly rig: Rig;
  readonly client: CniResult;
  readonly natraPath: string;
  /** Of LIMITERS; those that have no part in a row are left out there. */
  readonly limiters: readonly LimiterName[];
  /** Of a phase under a limit; one without takes half as long. */
  readonly seconds: number;
  readonly signal: AbortSignal;
  /** Waits while the phase runs, as it must be waited here. */
  readonly during?: <T>(row: Row, body: () => Promise<T>) => Promise<T>;
}

export interface Figures extends Omit<PhaseSummary, 'series'> {
  /** All bytes on the wire over what the cap allows, after the warm-up; undefined without a limit. */
  readonly wireShare: number | undefined;
}

export interface RowResult {
  readonly row: Row;
  readonly figures: Partial<Record<LimiterName, Figures>>;
}

/** Who takes part in a row: the idle link only where mice come at their own pace, the plugin only where it is. */
function limitersOf({ load }: Row): readonly LimiterName[] {
  return LIMITERS.filter((limiter) => {
    if (limiter === 'idle') return load !== 'clients';
    if (limiter === 'none') return load !== 'flood';
    return limiter !== 'bandwidth' || existsSync(join(PLUGIN_DIRECTORY, limiter));
  });
}

export async function compare(bench: Bench, row: Row): Promise<RowResult> {
  const figures: Partial<Record<LimiterName, Figures>> = {};
  for (const limiter of limitersOf(row).filter((each) => bench.limiters.includes(each))) {
    bench.signal.throwIfAborted();
    figures[limiter] = await measure(bench, row, limiter);
  }
  return { row, figures };
}

async function measure(bench: Bench, row: Row, limiter: LimiterName): Promise<Figures> {
  const { topology, client, natraPath } = bench;
  const sandbox = sandboxes(topology);
  const joined = await joinBridge(topology, sandbox.pod);
  try {
    await routeBy(sandbox.pod, addressOf(joined), row);
    await routeBy(sandbox.client, addressOf(client), row);
    if (limiter === 'idle') return await load(bench, row, joined, undefined, MICE_ALONE);
    if (limiter === 'none') return await load(bench, row, joined, undefined, loadOf(row));
    const rateBitsPerSecond = CAPS[row.cap];
    const limit = { rateBitsPerSecond, burstBits: rateBitsPerSecond * BURST_SECONDS };
    const path = limiter === 'natra' ? natraPath : join(PLUGIN_DIRECTORY, limiter);
    const configuration = limiterConfiguration(limiter, limit, joined);
    const variables = {
      NATRA_FAILURE_POLICY: 'closed',
      NATRA_STATE_DIR: join(topology.stateDirectory, 'natra'),
      NATRA_PIN_DIR: PIN_DIRECTORY,
    };
    const call = (verb: 'ADD' | 'DEL') =>
      callPlugin(topology.node, path, verb, sandbox.pod, configuration, variables);
    await call('ADD');
    try {
      return await load(bench, row, joined, limit, loadOf(row));
    } finally {
      await call('DEL');
    }
  } finally {
    await leaveBridge(topology, sandbox.pod);
  }
}

async function load(
  bench: Bench,
  row: Row,
  joined: CniResult,
  limit: Limit | undefined,
  traffic: Load,
): Promise<Figures> {
  const { rig, client, signal } = bench;
  const seconds = limit === undefined ? Math.max(1.5, bench.seconds / 2) : bench.seconds;
  const addresses = { client: addressOf(client), pod: addressOf(joined) };
  const plan = { direction: row.direction, seconds, load: traffic, seed: 1, addresses };
  const phase = () => runPhase(rig, plan, () => {}, signal);
  const measured = await (bench.during === undefined ? phase() : bench.during(row, phase));
  if (limit !== undefined) await pause(QUIET_SECONDS, signal);
  const { series: _, ...summary } = summarise(measured, limit);
  const from = measured.startedAt + Math.min(1, seconds / 4);
  const wireRate = meanRate(measured.wire, from, measured.endedAt);
  return { ...summary, wireShare: limit && wireRate / limit.rateBitsPerSecond };
}
