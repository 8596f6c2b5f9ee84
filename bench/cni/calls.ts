/** Calls of CNI plugins as a runtime makes them, timed from the start of the process to its end. */
import { spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { plainEnvironment } from '../environment.ts';
import type { BenchPod } from './pods.ts';

/** Debian's containernetworking-plugins. */
export const BANDWIDTH = '/usr/lib/cni/bandwidth';

export type Verb = 'ADD' | 'CHECK' | 'DEL' | 'STATUS' | 'VERSION';
export type Directions = 'both' | 'one';

/** Bits a second and bits. */
const RATE = 10_000_000;
const BURST = 2_000_000;

export interface Plugin {
  readonly name: string;
  readonly file: string;
  readonly environment: NodeJS.ProcessEnv;
}

/** natra, and the Node.js that it starts on. */
export interface InstalledNatra extends Plugin {
  readonly node: string;
}

/** The environment and stdin of a call. */
export interface Call {
  readonly environment: NodeJS.ProcessEnv;
  readonly input: string;
}

/** What a runtime gives a plugin for one verb. */
export function callOf(plugin: Plugin, verb: Verb, pod: BenchPod, directions: Directions): Call {
  const cniVersion = verb === 'STATUS' ? '1.1.0' : '1.0.0';
  const ingress = { ingressRate: RATE, ingressBurst: BURST };
  const egress = directions === 'both' ? { egressRate: RATE, egressBurst: BURST } : {};
  const prevResult = {
    cniVersion,
    interfaces: [
      { name: pod.hostDevice, mac: '02:00:00:00:00:01' },
      { name: pod.ifname, mac: '02:00:00:00:00:02', sandbox: pod.netnsPath },
    ],
    ips: [{ interface: 1, address: '10.22.0.2/24' }],
  };
  const configuration = {
    cniVersion,
    name: 'bench',
    type: plugin.name,
    runtimeConfig: { bandwidth: { ...ingress, ...egress } },
    prevResult,
  };
  return {
    environment: {
      ...plugin.environment,
      CNI_COMMAND: verb,
      CNI_CONTAINERID: pod.containerId,
      CNI_NETNS: pod.netnsPath,
      CNI_IFNAME: pod.ifname,
      CNI_PATH: '/usr/lib/cni',
      CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME=pod',
    },
    input: JSON.stringify(configuration),
  };
}

/** Milliseconds of one process; throws where it fails. */
export function time(file: string, argv: readonly string[], { environment, input }: Call): number {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(file, argv, { env: environment, input, encoding: 'utf8' });
  const milliseconds = performance.now() - start;
  if (status !== 0) throw new Error(`${file} ${environment.CNI_COMMAND ?? ''}: ${stdout}${stderr}`);
  return milliseconds;
}

/** natra where `natra install --with-node` has put it, with directories of its own for records and pins. */
export function natraIn(folder: string, stateDirectory: string, pinDirectory: string): InstalledNatra {
  const directories = { NATRA_STATE_DIR: stateDirectory, NATRA_PIN_DIR: pinDirectory };
  const environment = { ...plainEnvironment(), ...directories };
  const file = join(folder, 'bin', 'natra');
  return { name: 'natra', file, environment, node: join(dirname(realpathSync(file)), 'node') };
}
