/** Every verb on one Pod, natra beside `bandwidth` and an empty Node.js, in turns. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { plainEnvironment } from '../environment.ts';
import { median } from '../measure.ts';
import {
  BANDWIDTH,
  callOf,
  type Directions,
  type InstalledNatra,
  type Plugin,
  time,
  type Verb,
} from './calls.ts';
import { type GracePeriods, gracePeriods } from './grace-periods.ts';
import type { BenchPod } from './pods.ts';

export interface Step {
  readonly row: string;
  readonly verb: Verb;
  readonly directions: Directions;
  /** In the place of what natra chooses. */
  readonly attachMode?: 'clsact';
}

/** One round of a plugin: each ADD is followed by what takes it away. */
export const STEPS: readonly Step[] = [
  { row: 'VERSION', verb: 'VERSION', directions: 'both' },
  { row: 'STATUS', verb: 'STATUS', directions: 'both' },
  { row: 'ADD, both directions', verb: 'ADD', directions: 'both' },
  { row: 'CHECK', verb: 'CHECK', directions: 'both' },
  { row: 'DEL, both directions', verb: 'DEL', directions: 'both' },
  { row: 'ADD, one direction', verb: 'ADD', directions: 'one' },
  { row: 'DEL, one direction', verb: 'DEL', directions: 'one' },
  { row: 'ADD, both, by clsact', verb: 'ADD', directions: 'both', attachMode: 'clsact' },
  { row: 'DEL, both, by clsact', verb: 'DEL', directions: 'both', attachMode: 'clsact' },
];

/** Milliseconds, medians. */
export interface Times {
  readonly node: number;
  readonly natra: ReadonlyMap<string, number>;
  /** Empty where Debian's plugin is not installed; it has no STATUS. */
  readonly bandwidth: ReadonlyMap<string, number>;
  /** Of two TCX links made by the kernel alone, and of their end. */
  readonly kernel: GracePeriods;
}

/** `bandwidth` leaves its qdiscs to the end of the Pod's devices, and refuses to find them there. */
function removeQdiscs({ hostDevice }: BenchPod): void {
  for (const parent of ['root', 'ingress']) spawnSync('tc', ['qdisc', 'del', 'dev', hostDevice, parent]);
}

export function timeVerbs(natra: InstalledNatra, pod: BenchPod, rounds: number): Times {
  const bandwidth: Plugin = { name: 'bandwidth', file: BANDWIDTH, environment: plainEnvironment() };
  const plugins = existsSync(BANDWIDTH) ? [natra, bandwidth] : [natra];
  const node: number[] = [];
  const kernel: GracePeriods[] = [];
  const samples = new Map(plugins.map(({ name }) => [name, new Map<string, number[]>()]));
  for (let round = 0; round <= rounds; round++) {
    // The first round reads files into memory.
    const keep = round > 0;
    if (keep) kernel.push(gracePeriods(pod.hostDevice));
    for (const plugin of plugins) {
      const nodeCall = { environment: plainEnvironment(), input: '' };
      const empty = time(natra.node, ['-e', '0'], nodeCall);
      if (keep) node.push(empty);
      for (const { row, verb, directions, attachMode } of STEPS) {
        if (plugin === bandwidth && (verb === 'STATUS' || attachMode !== undefined)) continue;
        const call = callOf(plugin, verb, pod, directions);
        if (attachMode !== undefined) call.environment.NATRA_ATTACH_MODE = attachMode;
        const milliseconds = time(plugin.file, [], call);
        const rows = samples.get(plugin.name);
        if (plugin === bandwidth && verb === 'DEL') removeQdiscs(pod);
        if (keep) rows?.set(row, [...(rows.get(row) ?? []), milliseconds]);
      }
    }
  }
  const medians = (name: string): Map<string, number> =>
    new Map([...(samples.get(name) ?? [])].map(([row, times]) => [row, median(times)]));
  return {
    node: median(node),
    natra: medians('natra'),
    bandwidth: medians('bandwidth'),
    kernel: {
      attachMilliseconds: median(kernel.map(({ attachMilliseconds }) => attachMilliseconds)),
      detachMilliseconds: median(kernel.map(({ detachMilliseconds }) => detachMilliseconds)),
    },
  };
}
