/** ipvlan: an interface without an end on the host, so that all that natra does for it is in the Pod. */
import { mkdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Node } from '../../../cni/node.ts';
import { runPlugin } from '../../../cni/plugin.ts';
import { listRecords } from '../../../cni/state/records.ts';
import type { PodEnds } from '../../../cni/testing/pod.ts';
import { run } from '../../../cni/testing/shell.ts';
import { attachedPrograms, leftovers, snapshot } from '../../../cni/testing/snapshot.ts';
import { podCall } from './calls.ts';
import { type Checks, require } from './checks.ts';
import { filesIn } from './programs.ts';

const PARENT = 'natra-ipvlan';
const NETNS = 'natra-guest-ipvlan';
const POD: PodEnds = {
  netns: NETNS,
  netnsPath: `/run/netns/${NETNS}`,
  // Not an end of the Pod's interface: natra must not touch it.
  hostDevice: PARENT,
  ifname: 'eth0',
};
const STATE = '/run/natra-guest-ipvlan';
const RATE = 10e6;
const PATIENCE_MILLISECONDS = 2000;

/** False where the kernel has no such devices. */
function makeInterface(): boolean {
  run(`ip netns add ${NETNS}`);
  run(`ip link add ${PARENT} type bridge`);
  try {
    run(`ip link add link ${PARENT} ${POD.ifname} netns ${NETNS} type ipvlan mode l2`);
  } catch (error) {
    if (String(error).includes('Unknown device type')) return false;
    throw error;
  }
  run(`ip -n ${NETNS} link set ${POD.ifname} up`);
  return true;
}

/** natra in this process: an emulated machine takes seconds to start another. */
async function limit(share: string): Promise<string> {
  const node: Node = {
    stateDirectory: STATE,
    pinDirectory: '/sys/fs/bpf/natra-guest-ipvlan',
    ...filesIn(share),
    log: () => {},
  };
  const call = (verb: 'ADD' | 'CHECK' | 'DEL'): void => {
    const result = {
      cniVersion: '1.0.0',
      interfaces: [{ name: POD.ifname, sandbox: POD.netnsPath }],
      ips: [],
    };
    const called = { netnsPath: POD.netnsPath, result, rateBitsPerSecond: RATE };
    const { env, stdin } = podCall(share, verb, called);
    const { exitCode, stdout } = runPlugin(env, () => JSON.stringify(stdin), node);
    require(exitCode === 0, `${verb}: ${stdout}`);
  };
  const before = snapshot(POD, node);
  call('ADD');
  call('CHECK');
  const attached = attachedPrograms(POD).join(' and ');
  require(attached === 'natra_egress and natra_ingress', `in the Pod there is ${attached || 'no program'}`);
  const [record] = listRecords(node.stateDirectory, () => {});
  const plans = Object.values(record?.directions ?? {});
  require(plans.every(({ side }) => side === 'pod'), 'a direction is limited on the host side');
  call('DEL');
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  while (leftovers(before, snapshot(POD, node)) && Date.now() < deadline) await sleep(10);
  const left = leftovers(before, snapshot(POD, node));
  require(left === undefined, `DEL left ${JSON.stringify(left)}`);
  return plans.map(({ pacing, made }) => [pacing, ...made.map(({ mode }) => mode)].join(', ')).join('; ');
}

export async function checkIpvlan(share: string, checks: Checks): Promise<void> {
  mkdirSync(STATE, { recursive: true });
  try {
    if (!makeInterface()) return;
    await checks.run('ADD to DEL of an ipvlan interface', () => limit(share));
  } finally {
    run(`ip netns del ${NETNS}`);
    run(`ip link del ${PARENT}`);
  }
}
