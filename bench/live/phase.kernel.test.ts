import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, type CniResult } from './cni.ts';
import { executeOrThrow } from './command.ts';
import { inNamespace } from './namespace.ts';
import { type Direction, type PhaseMeasurement, runPhase } from './phase.ts';
import { type Rig, startRig } from './rig.ts';
import { summarise } from './summary.ts';
import {
  createTopology,
  joinBridge,
  leaveBridge,
  removeTopology,
  sandboxes,
  type Topology,
} from './topology.ts';

const limit = { rateBitsPerSecond: 20_000_000, burstBits: 800_000 };
const seconds = 3;
const load = { elephants: 1, micePerSecond: 30, clients: 0, floodBytesPerSecond: 0 };

describe.each([
  ['the main CNI plugin where it is installed', (topology: Topology) => topology],
  ['ip alone', (topology: Topology) => ({ ...topology, usesMainPlugin: false })],
])('a Pod joined by %s', (_, made) => {
  let topology: Topology;
  let rig: Rig;
  let addresses: Readonly<Record<'client' | 'pod', string>>;
  let result: CniResult;

  beforeAll(async () => {
    topology = made(await createTopology());
    const { pod, client } = sandboxes(topology);
    const clientResult = await joinBridge(topology, client);
    result = await joinBridge(topology, pod);
    addresses = { client: addressOf(clientResult), pod: addressOf(result) };
    rig = await startRig(topology);
  });

  afterAll(async () => {
    await rig?.stop();
    await removeTopology(topology.stateDirectory);
    expect(await executeOrThrow('ip', ['netns', 'list'])).not.toContain(topology.pod.name);
  });

  function phase(direction: Direction): Promise<PhaseMeasurement> {
    const plan = { direction, seconds, load, seed: 1, addresses };
    return runPhase(rig, plan, () => {}, new AbortController().signal);
  }

  it('reports the interfaces and addresses that it has', async () => {
    expect(result.interfaces.map((link) => link.sandbox)).toEqual([undefined, undefined, topology.pod.path]);
    const printed = await executeOrThrow(
      ...inNamespace(topology.pod, 'ip', ['-j', 'address', 'show', 'eth0']),
    );
    expect(printed).toContain(addressOf(result));
    expect(printed).toContain(result.interfaces[2]?.mac ?? 'no mac');
  });

  it('measures a token bucket of the kernel as what it is', async () => {
    const hostLink = result.interfaces[1]?.name ?? '';
    const tbf = `qdisc add dev ${hostLink} root tbf rate 20mbit burst 100kb latency 25ms`;
    await executeOrThrow(...inNamespace(topology.node, 'tc', tbf.split(' ')));
    const measured = await phase('ingress');
    const summary = summarise(measured, limit);
    expect(summary.shareOfCap).toBeGreaterThan(0.95);
    expect(summary.shareOfCap).toBeLessThan(1.05);
    // The slack is what passes between two samples; a busy machine takes them late.
    const gaps = measured.wire.map(({ time }, index) => time - (measured.wire[index - 1]?.time ?? time));
    const slack = (Math.max(...gaps) * limit.rateBitsPerSecond) / 8;
    expect(summary.fullestSecond).toBeLessThan((summary.allowedSecond ?? 0) + slack);
    expect(summary.burstUsed).toBeLessThan(150_000);
    expect(summary.mice.count).toBeGreaterThan(50);
    expect(summary.mice.failed).toBe(0);
    await executeOrThrow(...inNamespace(topology.node, 'tc', ['qdisc', 'del', 'dev', hostLink, 'root']));
  });

  it('carries far more than any cap of the comparison when nothing limits it', async () => {
    const summary = summarise(await phase('egress'), undefined);
    expect(summary.goodput).toBeGreaterThan(1e9);
    expect(summary.shareOfCap).toBeUndefined();
  });

  it('stops at once when told to, and takes the next phase', async () => {
    const controller = new AbortController();
    const plan = { direction: 'ingress', seconds: 30, load, seed: 1, addresses } as const;
    const running = runPhase(rig, plan, () => controller.abort(new Error('enough')), controller.signal);
    await expect(running).rejects.toThrow('enough');
  });

  it('takes the Pod off the bridge again', async () => {
    await leaveBridge(topology, sandboxes(topology).pod);
    const links = await executeOrThrow(...inNamespace(topology.pod, 'ip', ['-j', 'link']));
    expect(links).not.toContain('eth0');
  });
});
