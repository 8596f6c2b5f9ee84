/** Interfaces that have no end on the host: macvlan, ipvlan, and a device that was moved into the Pod, as SR-IOV does it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeDirectory } from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { type Node, thisNode } from '../node.ts';
import { statusOf } from '../status/node-status.ts';
import { buildExecutable } from '../testing/build.ts';
import { type CapturedCall, captured, forPod, make } from '../testing/calls.ts';
import type { PodEnds } from '../testing/pod.ts';
import { run } from '../testing/shell.ts';
import { leftovers, snapshot } from '../testing/snapshot.ts';
import { socketIn } from '../testing/traffic.ts';

const id = process.pid.toString(36);
const parent = `nps${id}`;
const SUBNET = '192.0.2';
const PORT = 4000;
const CAP = 4_000_000;

/** A namespace with `eth0` in it; the parent stands for the host's end, which natra must not touch. */
const inside = (name: string): PodEnds => ({
  netns: `natra-ps-${name}-${id}`,
  netnsPath: `/run/netns/natra-ps-${name}-${id}`,
  hostDevice: parent,
  ifname: 'eth0',
});
const pod = inside('a');
const peer = inside('b');

type Make = (owner: PodEnds) => void;

const onParent =
  (kind: string): Make =>
  ({ netns, ifname }) =>
    void run(`ip link add link ${parent} ${ifname} netns ${netns} type ${kind}`);
const moved: Make = ({ netns, ifname }) => {
  const device = `npt${id}`;
  run(`ip tuntap add dev ${device} mode tap`);
  run(`ip link set ${device} netns ${netns} name ${ifname}`);
};

/** By what the kernel can make: not every one has ipvlan. */
const KINDS: readonly (readonly [string, Make])[] = [
  ['macvlan', onParent('macvlan mode bridge')],
  ['ipvlan', onParent('ipvlan mode l2')],
  ['a device moved into the Pod', moved],
];

let node: Node;

function attempt(line: string): boolean {
  try {
    run(line);
    return true;
  } catch {
    return false;
  }
}

function addParent(): void {
  run(`ip link add ${parent} type veth peer name ${parent}p`);
  run(`ip link set ${parent} up`);
  run(`ip link set ${parent}p up`);
}

function hasKind(kind: string): boolean {
  addParent();
  try {
    return attempt(`ip link add link ${parent} npk${id} type ${kind}`);
  } finally {
    attempt(`ip link del ${parent}`);
  }
}

const possible = KINDS.filter(([kind]) => kind !== 'ipvlan' || hasKind(kind));
if (possible.length < KINDS.length) console.log('ipvlan is not tried: this kernel has none');

beforeAll(buildExecutable);
beforeEach(() => {
  addParent();
  for (const { netns } of [pod, peer]) run(`ip netns add ${netns}`);
  node = thisNode({
    NATRA_STATE_DIR: join(mkdtempSync(join(tmpdir(), 'natra-pod-side-')), 'state'),
    NATRA_PIN_DIR: `/sys/fs/bpf/natra-pod-side-${process.pid}`,
    NATRA_LOG: 'off',
  });
});
afterEach(() => {
  make(call('DEL'), node);
  for (const { netns } of [pod, peer]) attempt(`ip netns del ${netns}`);
  attempt(`ip link del ${parent}`);
  rmSync(join(node.stateDirectory, '..'), { recursive: true });
  removeDirectory(node.pinDirectory);
});

function call(CNI_COMMAND: string, options: object = {}): CapturedCall {
  const { env, stdin } = forPod(captured('ctrd1.7-ADD-full'), pod);
  const runtimeConfig = { bandwidth: { ingressRate: CAP, egressRate: CAP } };
  return {
    env: { ...env, CNI_COMMAND },
    stdin: { ...stdin, failurePolicy: 'closed', runtimeConfig, ...options },
  };
}

function up({ netns, ifname }: PodEnds, host: number): void {
  run(`ip -n ${netns} addr add ${SUBNET}.${host}/24 dev ${ifname}`);
  run(`ip -n ${netns} link set ${ifname} up`);
}

describe.each(possible)('%s', (_, makeDevice) => {
  test.each(['tcx', 'clsact'])(
    'is limited on the Pod side in mode %s, and DEL leaves nothing',
    async (attachMode) => {
      makeDevice(pod);
      up(pod, 1);
      const before = snapshot(pod, node);
      expect(make(call('ADD', { attachMode }), node)).toMatchObject({ exitCode: 0 });
      const { limits } = await statusOf(node, 0);
      expect(limits).toMatchObject(
        ['ingress', 'egress'].map((direction) => ({
          direction,
          side: 'pod',
          device: 'eth0',
          attachMode,
          faults: [],
        })),
      );
      expect(make(call('CHECK', { attachMode }), node)).toEqual({ stdout: '', exitCode: 0 });
      expect(make(call('DEL'), node)).toEqual({ stdout: '', exitCode: 0 });
      await expect.poll(() => leftovers(before, snapshot(pod, node)), { timeout: 10_000 }).toBeUndefined();
    },
  );

  test('is refused where attachSide asks for the host side, and nothing is left', () => {
    makeDevice(pod);
    const before = snapshot(pod, node);
    const { exitCode, stdout } = make(call('ADD', { attachSide: 'host' }), node);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code: 7, msg: 'attachSide is not possible here' });
    expect(leftovers(before, snapshot(pod, node))).toBeUndefined();
  });
});

describe('traffic between two Pods on macvlan', () => {
  beforeEach(() => {
    for (const [owner, host] of [
      [pod, 1],
      [peer, 2],
    ] as const) {
      onParent('macvlan mode bridge')(owner);
      up(owner, host);
    }
  });

  test.each<Direction>(['ingress', 'egress'])('is held to the cap of %s', async (direction) => {
    expect(make(call('ADD'), node)).toMatchObject({ exitCode: 0 });
    const { limits } = await statusOf(node, 0);
    const burstBits = (limits.find((limit) => limit.direction === direction)?.burstBytes ?? 0) * 8;
    const ends = [socketIn(pod, `${SUBNET}.1`, PORT), socketIn(peer, `${SUBNET}.2`, PORT)] as const;
    const [receiver, sender] = direction === 'ingress' ? ends : [ends[1], ends[0]];
    const to = `${SUBNET}.${direction === 'ingress' ? 1 : 2}`;
    let [offered, received] = [0, 0];
    receiver.on('message', ({ length }) => {
      received += length * 8;
    });
    const start = performance.now();
    while (performance.now() - start < 2000) {
      for (let packet = 0; packet < 50; packet++) {
        sender.send(new Uint8Array(1400), PORT, to);
        offered += 1400 * 8;
      }
      await pause(5);
    }
    // What the kernel keeps waiting still comes.
    await pause(100);
    const most = burstBits + (CAP * (performance.now() - start)) / 1000;
    for (const socket of ends) socket.close();
    expect(received).toBeLessThanOrEqual(most);
    expect(received).toBeGreaterThan(CAP);
    expect(offered).toBeGreaterThan(2 * received);
  });
});
