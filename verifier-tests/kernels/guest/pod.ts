/** A Pod beside a client on a node's bridge, limited by the natra executable as kubelet would have it. */
import { cpSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { addressOf, type CniResult } from '../../../bench/live/cni.ts';
import { execute } from '../../../bench/live/command.ts';
import { inNamespace } from '../../../bench/live/namespace.ts';
import { createTopology, joinBridge, sandboxes, type Topology } from '../../../bench/live/topology.ts';
import type { CapturedCall } from '../../../cni/testing/calls.ts';
import { require } from './checks.ts';
import { footprint, requireUnchanged } from './footprint.ts';

/** On the VM's own file system: the shared folder asks the host for every file. */
const NATRA = '/run/natra-guest-bin';
const STATE = '/run/natra-guest';
const PINS = '/sys/fs/bpf/natra-guest';
const ADD_FIXTURE = 'kubelet1.36-ctrd2.2-cni1.1-ADD';
const DEL_FIXTURE = 'kubelet1.36-ctrd2.2-cni1.1-DEL-with-netns';

/** How natra is to work: its own environment variables. */
export type NatraOptions = Readonly<Record<`NATRA_${string}`, string>>;

export class LimitedPod {
  readonly topology: Topology;
  /** Of the end that sends in each direction. */
  readonly senderAddress: { readonly ingress: string; readonly egress: string };
  readonly #result: CniResult;

  private constructor(topology: Topology, client: CniResult, pod: CniResult) {
    this.topology = topology;
    this.#result = pod;
    this.senderAddress = { ingress: addressOf(client), egress: addressOf(pod) };
  }

  static async create(share: string): Promise<LimitedPod> {
    for (const file of ['natra', 'koffi.node', 'package.json'])
      cpSync(path.join(share, file), path.join(NATRA, file));
    const topology = { ...(await createTopology()), usesMainPlugin: false };
    const { pod, client } = sandboxes(topology);
    const joined = await joinBridge(topology, client);
    return new LimitedPod(topology, joined, await joinBridge(topology, pod));
  }

  /** The captured call of kubelet with this Pod's namespace, result and rate. Throws natra's own error. */
  async call(verb: 'ADD' | 'CHECK' | 'DEL', rate: number, options: NatraOptions): Promise<void> {
    const fixture = verb === 'DEL' ? DEL_FIXTURE : ADD_FIXTURE;
    const file = path.join(process.cwd(), 'cni', 'fixtures', `${fixture}.json`);
    const { env, stdin } = JSON.parse(readFileSync(file, 'utf8')) as CapturedCall;
    const bandwidth = {
      IngressRate: rate,
      IngressBurst: 4294967295,
      EgressRate: rate,
      EgressBurst: 4294967295,
    };
    const configuration = { ...stdin, prevResult: this.#result, runtimeConfig: { bandwidth } };
    const environment = {
      PATH: process.env.PATH,
      ...env,
      ...options,
      CNI_COMMAND: verb,
      CNI_NETNS: this.topology.pod.path,
      NATRA_FAILURE_POLICY: 'closed',
      NATRA_STATE_DIR: STATE,
      NATRA_PIN_DIR: PINS,
    };
    const command = inNamespace(this.topology.node, path.join(NATRA, 'natra'), []);
    const { code, stdout, stderr } = await execute(...command, {
      environment,
      input: JSON.stringify(configuration),
    });
    require(code === 0, `natra ${verb}: ${stdout || stderr}`);
    if (verb === 'ADD')
      require(JSON.stringify(JSON.parse(stdout)) ===
        JSON.stringify(this.#result), `ADD changed the result: ${stdout}`);
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
