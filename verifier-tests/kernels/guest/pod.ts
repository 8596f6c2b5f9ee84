/** A Pod beside a client on a node's network, limited by the natra executable as kubelet would have it. */
import { cpSync } from 'node:fs';
import path from 'node:path';
import { addressOf, type CniResult } from '../../../bench/live/cni.ts';
import { execute, executeOrThrow } from '../../../bench/live/command.ts';
import { inNamespace, type Namespace } from '../../../bench/live/namespace.ts';
import {
  createTopology,
  joinBridge,
  removeTopology,
  routeBy,
  sandboxes,
  type Topology,
  type Transport,
} from '../../../bench/live/topology.ts';
import { BUNDLE, COMPANIONS } from '../../../cni/install/executable.ts';
import { podCall } from './calls.ts';
import { require } from './checks.ts';
import { footprint, requireUnchanged } from './footprint.ts';
import { addNetkit } from './netkit.ts';

/** On the VM's own file system: the shared folder asks the host for every file. */
export const NATRA = '/run/natra-guest-bin';
const STATE = '/run/natra-guest';
const PINS = '/sys/fs/bpf/natra-guest';

/** How natra is to work: its own environment variables. */
export type NatraOptions = Readonly<Record<`NATRA_${string}`, string>>;

/** Puts natra's executable on the guest's own file system and runs it there; throws natra's own error. */
export async function callNatra(
  namespace: Namespace,
  environment: Readonly<Record<string, string | undefined>>,
  input: string,
): Promise<string> {
  const command = inNamespace(namespace, path.join(NATRA, 'natra'), []);
  const { code, stdout, stderr } = await execute(...command, {
    environment: { PATH: process.env.PATH, ...environment },
    input,
  });
  require(code === 0, `natra ${environment.CNI_COMMAND}: ${stdout || stderr}`);
  return stdout;
}

export function installNatra(share: string): void {
  for (const file of [BUNDLE, ...COMPANIONS]) cpSync(path.join(share, file), path.join(NATRA, file));
}

const NETKIT = { host: 'nk-host', pod: 'eth0', hostAddress: '10.23.0.1', podAddress: '10.23.0.2' } as const;

/** Gives one end of a netkit pair its address and a route to the other, with the congestion control named. */
async function bringUp(namespace: Namespace, device: string, own: string, other: string): Promise<void> {
  const script = [
    `ip address add ${own} dev ${device}`,
    `ip link set ${device} up`,
    `ip route replace ${other} dev ${device} src ${own} congctl cubic`,
  ].join('\n');
  await executeOrThrow(...inNamespace(namespace, 'sh', ['-ec', script]));
}

export class LimitedPod {
  readonly topology: Topology;
  /** Of the end that sends in each direction. */
  readonly senderAddress: { readonly ingress: string; readonly egress: string };
  readonly #result: CniResult;
  readonly #share: string;

  private constructor(share: string, topology: Topology, clientAddress: string, pod: CniResult) {
    this.#share = share;
    this.topology = topology;
    this.#result = pod;
    this.senderAddress = { ingress: clientAddress, egress: addressOf(pod) };
  }

  /** A veth pair on a bridge, and the client on another. */
  static async onBridge(share: string): Promise<LimitedPod> {
    installNatra(share);
    const topology = { ...(await createTopology()), usesMainPlugin: false };
    const { pod, client } = sandboxes(topology);
    const joined = await joinBridge(topology, client);
    return new LimitedPod(share, topology, addressOf(joined), await joinBridge(topology, pod));
  }

  /** A netkit pair between the node and the Pod; the client is the node itself. */
  static async onNetkit(share: string): Promise<LimitedPod> {
    const { node, pod, ...rest } = await createTopology();
    const { host, hostAddress, podAddress } = NETKIT;
    addNetkit(node, host, pod, NETKIT.pod);
    await bringUp(node, host, hostAddress, podAddress);
    await bringUp(pod, NETKIT.pod, podAddress, hostAddress);
    const result: CniResult = {
      cniVersion: '1.0.0',
      interfaces: [{ name: host }, { name: NETKIT.pod, sandbox: pod.path }],
      ips: [{ address: `${podAddress}/32`, interface: 1 }],
    };
    const topology = { ...rest, node, pod, client: node, usesMainPlugin: false };
    return new LimitedPod(share, topology, hostAddress, result);
  }

  /** Throws natra's own error. */
  async call(verb: 'ADD' | 'CHECK' | 'DEL', rateBitsPerSecond: number, options: NatraOptions): Promise<void> {
    const { path: netnsPath } = this.topology.pod;
    const called = { netnsPath, result: this.#result, rateBitsPerSecond };
    const { env, stdin } = podCall(this.#share, verb, called, options);
    const environment = { ...env, NATRA_STATE_DIR: STATE, NATRA_PIN_DIR: PINS };
    const stdout = await callNatra(this.topology.node, environment, JSON.stringify(stdin));
    if (verb === 'ADD')
      require(JSON.stringify(JSON.parse(stdout)) ===
        JSON.stringify(this.#result), `ADD changed the result: ${stdout}`);
  }

  /** What TCP does on the routes of a bridge's two ends. */
  async speak(transport: Transport): Promise<void> {
    const { pod, client } = sandboxes(this.topology);
    await routeBy(pod, this.senderAddress.egress, transport);
    await routeBy(client, this.senderAddress.ingress, transport);
  }

  /** Takes its namespaces away, and what is in them. */
  async destroy(): Promise<void> {
    await removeTopology(this.topology.stateDirectory);
  }

  /** Runs `use` between ADD and DEL, and holds DEL to leaving the node as it was. */
  async whileLimited(rate: number, options: NatraOptions, use: () => Promise<void>): Promise<void> {
    const { node, pod, client } = this.topology;
    const places = { namespaces: [node, pod, client], pinDirectory: PINS, stateDirectory: STATE };
    const before = footprint(places);
    await this.call('ADD', rate, options);
    try {
      const made = [...footprint(places)].filter((line) => !before.has(line));
      const programs = made.filter((line) => line.startsWith('bpf program'));
      require(programs.length === 2, `ADD made ${made.join(', ')}`);
      await use();
    } finally {
      await this.call('DEL', rate, options);
    }
    await requireUnchanged(before, places);
  }
}
