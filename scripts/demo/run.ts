import { existsSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { startRig } from '../../bench/live/rig.ts';
import {
  createTopology,
  joinBridge,
  leaveBridge,
  PLUGIN_DIRECTORY,
  removeTopology,
  sandboxes,
  type Topology,
} from '../../bench/live/topology.ts';
import { livePod, type PodRun } from './pod.ts';
import type { Progress } from './progress.ts';
import type { DemoReport } from './report.ts';
import { planDemo } from './scenario.ts';

export interface DemoOptions {
  /** About how long the whole run takes. */
  readonly seconds: number;
  readonly natraPath: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/** The live demo: all its Pods in turn. Whatever happens, every process, namespace and file of it is gone at the end. */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { progress, signal, natraPath } = options;
  const startedAt = performance.now();
  const hasBandwidthPlugin = existsSync(join(PLUGIN_DIRECTORY, 'bandwidth'));
  progress.doing('making namespaces');
  const topology = await createTopology();
  const runs: PodRun[] = [];
  try {
    progress.doing('starting the traffic generators');
    const rig = await startRig(topology);
    try {
      const { client } = sandboxes(topology);
      const stage = {
        topology,
        rig,
        client: await joinBridge(topology, client),
        natraPath,
        progress,
        signal,
      };
      for (const step of planDemo(options.seconds, hasBandwidthPlugin)) {
        signal.throwIfAborted();
        runs.push(await livePod(stage, step));
      }
      await leaveBridge(topology, client);
    } finally {
      await rig.stop();
    }
  } finally {
    progress.doing('removing the namespaces');
    await removeTopology(topology.stateDirectory);
  }
  return {
    kernel: release(),
    cpus: cpus().length,
    mainPlugin: topology.usesMainPlugin ? `${PLUGIN_DIRECTORY}/bridge` : 'ip (no main CNI plugin installed)',
    bandwidthPlugin: hasBandwidthPlugin,
    phases: runs.flatMap((run) => run.phases),
    pods: runs.map((run) => run.pod),
    leftovers: [...runs.flatMap((run) => run.pod.leftovers), ...leftNamespaces(topology)],
    seconds: (performance.now() - startedAt) / 1000,
  };
}

/** The namespaces of the topology that are still there; all its links and qdiscs live inside. */
function leftNamespaces(topology: Topology): string[] {
  return [topology.node, topology.pod, topology.client]
    .filter(({ path }) => existsSync(path))
    .map(({ name }) => `namespace ${name}`);
}
