/** Pods come and go, and what lies in the kernel between them stays the same. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import type { CniResult } from '../../../bench/live/cni.ts';
import { executeOrThrow } from '../../../bench/live/command.ts';
import { pinsBelow } from '../../../bench/live/kernel-objects.ts';
import { inNamespace, type Namespace } from '../../../bench/live/namespace.ts';
import { DIRECTIONS } from '../../../cni/config/bandwidth.ts';
import type { Node } from '../../../cni/node.ts';
import { runPlugin } from '../../../cni/plugin.ts';
import { burstBytes } from '../../../cni/settings.ts';
import { findLink, inNetns, listIds, RouteSocket } from '../../../loader/index.ts';
import type { GuestPlan, SoakSample } from '../report.ts';
import { type Call, type CalledPod, gcCall, podCall } from './calls.ts';
import { type Checks, require } from './checks.ts';
import { trafficControl } from './footprint.ts';
import { callNatra, installNatra } from './pod.ts';
import { filesIn } from './programs.ts';
import { receivedBy, startWorker } from './soak-traffic.ts';

const STATE = '/run/natra-soak';
const PINS = '/sys/fs/bpf/natra-soak';
const BRIDGE = 'cni0';
/** Pods at a time, and how long each has traffic. */
const PODS = 3;
const TRAFFIC_SECONDS = 4;
/** In every so-many rounds natra is an executable, as for kubelet; else a call, which is quicker in an emulator. */
const EXECUTABLE_ROUNDS = 4;
/** Before the first sample: what the kernel makes once and keeps. */
const WARM_UP_ROUNDS = 2;
/** Most that memory may grow from the middle of the soak to its end; the kernel's own caches breathe by as much. */
const TOLERATED_KIB = 2048;

const OPTIONS: readonly Readonly<Record<string, string>>[] = [
  {},
  { NATRA_ATTACH_MODE: 'clsact' },
  { NATRA_EDT_PACING: 'off' },
  { NATRA_VLAN_TAGS: 'off', NATRA_IP_FAMILIES: 'ipv4' },
  { NATRA_EDT_PACING: 'off', NATRA_ATTACH_SIDE: 'host' },
];
const RATES = [5e6, 20e6, 100e6];
/** How a Pod's end reaches natra. */
const ENDINGS = ['DEL', 'namespace gone, then DEL', 'namespace gone, then GC'] as const;

interface SoakPod extends CalledPod {
  readonly namespace: Namespace;
  readonly containerId: string;
  readonly hostDevice: string;
  /** The last part of its addresses. */
  readonly number: number;
  readonly options: Readonly<Record<string, string>>;
}

const shell = (namespace: Namespace, lines: readonly string[]): Promise<string> =>
  executeOrThrow(...inNamespace(namespace, 'sh', ['-ec', lines.join('\n')]));

async function makeNamespace(name: string): Promise<Namespace> {
  await executeOrThrow('ip', ['netns', 'add', name]);
  return { name, path: `/run/netns/${name}` };
}

/** An interface on the bridge with an address of each family, alone, in a VLAN, and in a VLAN within one. */
async function join(node: Namespace, namespace: Namespace, hostDevice: string, host: number): Promise<void> {
  await shell(node, [
    `ip link add ${hostDevice} type veth peer name eth0 netns ${namespace.name}`,
    `ip link set ${hostDevice} master ${BRIDGE} up`,
  ]);
  await shell(namespace, [
    'ip link set lo up',
    'ip link add link eth0 name vlan5 type vlan id 5',
    'ip link add link eth0 name outer type vlan proto 802.1ad id 6',
    'ip link add link outer name inner type vlan id 7',
    `ip address add 10.40.0.${host}/24 dev eth0`,
    `ip address add fd40::${host}/64 dev eth0 nodad`,
    `ip address add 10.45.0.${host}/24 dev vlan5`,
    `ip address add fd47::${host}/64 dev inner nodad`,
    'for each in eth0 vlan5 outer inner; do ip link set $each up; done',
  ]);
}

const CLIENT = 2;
const CLIENT_ADDRESSES = [`10.40.0.${CLIENT}`, `fd40::${CLIENT}`, `10.45.0.${CLIENT}`, `fd47::${CLIENT}`];

/** Bytes that a Pod got from the client and brought to it. What it brought is counted behind every place for a program. */
interface Carried {
  readonly ingress: number;
  readonly egress: number;
}

class Soak {
  #pods = 0;
  #rounds = 0;
  readonly #share: string;
  readonly #node: Namespace;
  readonly #client: Worker;
  readonly #natra: Node;

  constructor(share: string, node: Namespace, client: Worker) {
    this.#share = share;
    this.#node = node;
    this.#client = client;
    this.#natra = { ...filesIn(share), stateDirectory: STATE, pinDirectory: PINS, log: () => {} };
  }

  /** One round: Pods are made and limited, have traffic, and go, each another way. */
  async round(): Promise<void> {
    const byExecutable = this.#rounds++ % EXECUTABLE_ROUNDS === 0;
    const pods: SoakPod[] = [];
    for (let index = 0; index < PODS; index++) pods.push(await this.#makePod());
    for (const pod of pods) await this.#call(podCall(this.#share, 'ADD', pod, pod.options), byExecutable);
    const workers = await Promise.all(
      pods.map(({ netnsPath }) => startWorker({ role: 'pod', netnsPath, addresses: CLIENT_ADDRESSES })),
    );
    const before = await this.#carried(pods);
    const started = performance.now();
    await sleep(1000 * TRAFFIC_SECONDS);
    const after = await this.#carried(pods);
    const seconds = (performance.now() - started) / 1000;
    for (const [index, pod] of pods.entries()) judge(pod, before[index], after[index], seconds);
    for (const pod of pods) await this.#call(podCall(this.#share, 'CHECK', pod, pod.options), false);
    await Promise.all(workers.map((worker) => worker.terminate()));
    for (const [index, pod] of pods.entries())
      await this.#end(pod, ENDINGS[(this.#rounds + index) % ENDINGS.length] ?? 'DEL', byExecutable);
  }

  async #makePod(): Promise<SoakPod> {
    const made = this.#pods++;
    const number = 10 + (made % 90);
    const hostDevice = `vs${made}`;
    const namespace = await makeNamespace(`natra-soak-${made}`);
    await join(this.#node, namespace, hostDevice, number);
    const result: CniResult = {
      cniVersion: '1.1.0',
      interfaces: [{ name: hostDevice }, { name: 'eth0', sandbox: namespace.path }],
      ips: [{ address: `10.40.0.${number}/24`, interface: 1 }],
    };
    return {
      namespace,
      netnsPath: namespace.path,
      hostDevice,
      number,
      result,
      containerId: createHash('sha256').update(String(made)).digest('hex'),
      rateBitsPerSecond: RATES[made % RATES.length] ?? 5e6,
      options: OPTIONS[made % OPTIONS.length] ?? {},
    };
  }

  async #call({ env, stdin }: Call, byExecutable: boolean): Promise<void> {
    const input = JSON.stringify(stdin);
    if (byExecutable) {
      await callNatra(this.#node, { ...env, NATRA_STATE_DIR: STATE, NATRA_PIN_DIR: PINS }, input);
      return;
    }
    const { exitCode, stdout } = inNetns(this.#node.path, () => runPlugin(env, () => input, this.#natra));
    require(exitCode === 0, `${env.CNI_COMMAND}: ${stdout}`);
  }

  async #carried(pods: readonly SoakPod[]): Promise<Carried[]> {
    const received = await receivedBy(this.#client);
    return inNetns(this.#node.path, () => {
      const socket = RouteSocket.open();
      try {
        return pods.map(({ hostDevice, number }) => ({
          ingress: Number(findLink(socket, hostDevice)?.statistics?.transmittedBytes ?? 0n),
          egress: received.get(String(number)) ?? 0,
        }));
      } finally {
        socket.close();
      }
    });
  }

  async #end(pod: SoakPod, ending: (typeof ENDINGS)[number], byExecutable: boolean): Promise<void> {
    const takeAway = (): Promise<string> => executeOrThrow('ip', ['netns', 'delete', pod.namespace.name]);
    if (ending !== 'DEL') await takeAway();
    const call = ending.endsWith('GC') ? gcCall(this.#share) : podCall(this.#share, 'DEL', pod, pod.options);
    await this.#call(call, byExecutable);
    if (ending === 'DEL') await takeAway();
  }

  get pods(): number {
    return this.#pods;
  }
}

/** Something went through, and no more than the cap and its burst; neither counter has the headers of GSO segments. */
function judge(pod: SoakPod, before: Carried | undefined, after: Carried | undefined, seconds: number): void {
  const { rateBitsPerSecond, options } = pod;
  const allowed = (rateBitsPerSecond / 8) * seconds + burstBytes({ rateBitsPerSecond, pacing: 'police' });
  for (const direction of DIRECTIONS) {
    const bytes = (after?.[direction] ?? 0) - (before?.[direction] ?? 0);
    const what = `${direction} of ${rateBitsPerSecond} bit/s with ${JSON.stringify(options)}`;
    require(bytes > 0, `${what}: no traffic`);
    require(bytes <=
      allowed, `${what}: ${bytes} bytes in ${seconds.toFixed(1)} s, ${allowed.toFixed(0)} allowed`);
  }
}

/** Kernel memory that no process and no file owns, KiB (Documentation/filesystems/proc.rst). */
const MEMORY = { SUnreclaim: 'slab', Percpu: 'percpu', VmallocUsed: 'vmalloc' } as const;

function memory(): Record<string, number> {
  const text = readFileSync('/proc/meminfo', 'utf8');
  return Object.fromEntries(
    Object.entries(MEMORY).map(([field, name]) => [
      `${name}, KiB`,
      Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0),
    ]),
  );
}

const namesIn = (directory: string): string[] => (existsSync(directory) ? readdirSync(directory) : []);

function objects(node: Namespace): Record<string, number> {
  return {
    programs: listIds('program').length,
    maps: listIds('map').length,
    links: listIds('link').length,
    'devices, qdiscs and filters': trafficControl(node).length,
    pins: pinsBelow(PINS).length,
    records: namesIn(STATE).filter((name) => name.endsWith('.json')).length,
    namespaces: namesIn('/run/netns').length,
  };
}

/** Waits for what the kernel frees in its own time (RCU, namespaces, bpf work), and lets go of caches. */
async function settle(node: Namespace, wanted: Readonly<Record<string, number>>): Promise<void> {
  const differs = (): boolean => {
    const now = objects(node);
    return Object.entries(wanted).some(([name, count]) => now[name] !== count);
  };
  for (let tries = 0; tries < 50 && differs(); tries++) await sleep(100);
  await sleep(500);
  writeFileSync('/proc/sys/vm/drop_caches', '3');
}

async function makeNode(): Promise<{ readonly node: Namespace; readonly client: Worker }> {
  const node = await makeNamespace('natra-soak-node');
  await shell(node, ['ip link set lo up', `ip link add ${BRIDGE} type bridge`, `ip link set ${BRIDGE} up`]);
  const client = await makeNamespace('natra-soak-client');
  await join(node, client, 'vclient', CLIENT);
  const worker = await startWorker({ role: 'client', netnsPath: client.path, addresses: [] });
  return { node, client: worker };
}

export async function checkSoak(share: string, checks: Checks, { soakSeconds }: GuestPlan): Promise<void> {
  installNatra(share);
  const { node, client } = await makeNode();
  const soak = new Soak(share, node, client);
  const withoutPods = objects(node);
  const started = performance.now();
  const elapsed = (): number => (performance.now() - started) / 1000;
  const samples: SoakSample[] = [];
  await checks.run('Pods come and go within their limits', async () => {
    for (let rounds = 1; elapsed() < soakSeconds || samples.length < 3; rounds++) {
      await soak.round();
      const { soak: kept } = checks;
      process.stdout.write(`${soak.pods} Pods have come and gone in ${elapsed().toFixed(0)} s\n`);
      if (rounds < WARM_UP_ROUNDS) continue;
      await settle(node, withoutPods);
      const sample = { seconds: elapsed(), pods: soak.pods, counts: { ...objects(node), ...memory() } };
      samples.push(sample);
      kept.push(sample);
    }
    return `${soak.pods} Pods in ${elapsed().toFixed(0)} s`;
  });
  await checks.run('what lies in the kernel without Pods stays the same', () =>
    judgeSamples(withoutPods, samples),
  );
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;

/** Objects to the last one, from before the first Pod on; memory by the medians of the middle third and of the last. */
function judgeSamples(withoutPods: Readonly<Record<string, number>>, samples: readonly SoakSample[]): string {
  const last = samples.at(-1);
  if (last === undefined) throw new Error('there are no samples');
  for (const [name, count] of Object.entries(withoutPods))
    require(last.counts[name] === count, `${name}: ${count} at the start, ${last.counts[name]} at the end`);
  const third = Math.ceil(samples.length / 3);
  const growths = Object.values(MEMORY).map((name) => {
    const of = (some: readonly SoakSample[]): number =>
      median(some.map(({ counts }) => counts[`${name}, KiB`] ?? 0));
    const growth = of(samples.slice(-third)) - of(samples.slice(-2 * third, -third));
    require(growth <= TOLERATED_KIB, `${name} grew by ${growth} KiB from the middle of the soak to its end`);
    return `${name} ${growth >= 0 ? '+' : ''}${growth} KiB`;
  });
  return `${samples.length} samples: objects the same, ${growths.join(', ')}`;
}
