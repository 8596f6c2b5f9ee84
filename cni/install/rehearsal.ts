/** The verbs played through on a Pod that nobody else sees, for V8 to have compiled what they run. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  addPair,
  BPFFS,
  closeDescriptor,
  inNewNetns,
  listDirectory,
  listPins,
  moveToNewNetns,
  OWN_NETNS,
  openRead,
  removeDirectory,
  removePins,
} from '../../loader/index.ts';
import { withRouteSocket } from '../dataplane/devices.ts';
import { type Node, thisNode } from '../node.ts';
import type * as Plugin from '../plugin.ts';

const PINS = 'natra-rehearsal-';
const IFNAME = 'eth0';
/** Bits a second, and bits. */
const BANDWIDTH = { ingressRate: 10_000_000, ingressBurst: 2_000_000, egressRate: 10_000_000 };

/** What a runtime asks of a Pod's life, and where natra attaches. CHECK compiles its own: kubelet's runtimes don't call it. */
const CALLS = [
  ['ADD', 'auto'],
  ['DEL', 'auto'],
  ['DEL', 'auto'],
  ['ADD', 'clsact'],
  ['DEL', 'clsact'],
] as const;

/**
 * Makes the calls by what the verbs' part exports, with the threads that an ADD has, in a network namespace that this process
 * moves to. Throws where one fails; nothing is left either way.
 */
export async function rehearse(verbs: unknown): Promise<void> {
  const { runPluginInThreads } = verbs as typeof Plugin;
  const podNetns = inNewNetns(() => openRead(OWN_NETNS));
  const stateDirectory = mkdtempSync(join(tmpdir(), 'natra-rehearsal-'));
  const pinDirectory = `${BPFFS}/${PINS}${process.pid}`;
  removeOthers();
  const node = thisNode({ NATRA_STATE_DIR: stateDirectory, NATRA_PIN_DIR: pinDirectory });
  try {
    moveToNewNetns();
    withRouteSocket((socket) => addPair(socket, 'veth', 'natra0', IFNAME, podNetns));
    for (const [verb, attachMode] of CALLS)
      await play(runPluginInThreads, verb, attachMode, `/proc/self/fd/${podNetns}`, node);
  } finally {
    closeDescriptor(podNetns);
    removeRoot(pinDirectory);
    rmSync(stateDirectory, { recursive: true });
  }
}

function removeRoot(pinDirectory: string): void {
  for (const { key } of listPins(pinDirectory)) removePins(pinDirectory, key);
  removeDirectory(pinDirectory);
}

/** Removes the pins of rehearsals that were killed: all but them goes with the process. */
function removeOthers(): void {
  for (const name of listDirectory(BPFFS) ?? []) {
    const pid = name.startsWith(PINS) ? Number(name.slice(PINS.length)) : Number.NaN;
    if (Number.isInteger(pid) && (pid === process.pid || !isAlive(pid))) removeRoot(`${BPFFS}/${name}`);
  }
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

async function play(
  runPlugin: typeof Plugin.runPluginInThreads,
  verb: string,
  attachMode: string,
  netns: string,
  node: Node,
): Promise<void> {
  const cniVersion = '1.0.0';
  const variables = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: 'rehearsal',
    CNI_NETNS: netns,
    CNI_IFNAME: IFNAME,
    CNI_PATH: '/opt/cni/bin',
    CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=natra;K8S_POD_NAME=rehearsal',
    NATRA_ATTACH_MODE: attachMode,
  };
  const prevResult = { cniVersion, interfaces: [{ name: IFNAME, sandbox: netns }], ips: [] };
  const runtimeConfig = { bandwidth: BANDWIDTH };
  const configuration = { cniVersion, name: 'rehearsal', type: 'natra', runtimeConfig, prevResult };
  const { exitCode, stdout } = await runPlugin(variables, () => JSON.stringify(configuration), node);
  if (exitCode !== 0) throw new Error(`rehearse ${verb}: ${stdout}`);
}
