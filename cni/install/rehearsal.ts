/** The verbs played through on a Pod that nobody else sees, for V8 to have compiled what they run. */
import {
  closeSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
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
import type * as Plugin from '../plugin.ts';

/** Of what lies on a file system meanwhile; the process's number follows. */
const PREFIX = 'natra-rehearsal-';
const IFNAME = 'eth0';
/** Bits a second, and bits. */
const BANDWIDTH = { ingressRate: 10_000_000, ingressBurst: 2_000_000, egressRate: 10_000_000 };

/** What a runtime asks of a Pod's life, and where natra attaches. */
const CALLS = [
  ['ADD', 'auto'],
  ['CHECK', 'auto'],
  ['DEL', 'auto'],
  ['DEL', 'auto'],
  ['ADD', 'clsact'],
  ['CHECK', 'clsact'],
  ['DEL', 'clsact'],
] as const;

/**
 * Makes the calls by what the verbs' part exports, with the threads that an ADD has, in a network namespace that this process
 * moves to. Throws where one fails; nothing is left either way.
 */
export async function rehearse(verbs: unknown): Promise<void> {
  const podNetns = inNewNetns(() => openRead(OWN_NETNS));
  const stateDirectory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  const pinDirectory = `${BPFFS}/${PREFIX}${process.pid}`;
  removeOthers(stateDirectory);
  const directories = { NATRA_STATE_DIR: stateDirectory, NATRA_PIN_DIR: pinDirectory };
  try {
    moveToNewNetns();
    withRouteSocket((socket) => addPair(socket, 'veth', 'natra0', IFNAME, podNetns));
    for (const [verb, attachMode] of CALLS)
      await play(verbs as typeof Plugin, verb, `/proc/self/fd/${podNetns}`, {
        ...directories,
        NATRA_ATTACH_MODE: attachMode,
      });
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

/** Removes the pins and records of rehearsals that were killed: all but them goes with the process. */
function removeOthers(own: string): void {
  for (const name of (listDirectory(BPFFS) ?? []).filter(isAbandoned)) removeRoot(`${BPFFS}/${name}`);
  for (const name of readdirSync(tmpdir()).filter(isAbandoned)) {
    const path = join(tmpdir(), name);
    if (path !== own && lstatSync(path).uid === process.getuid?.()) rmSync(path, { recursive: true });
  }
}

/** One that bears the number of this process is of another, which has ended. */
function isAbandoned(name: string): boolean {
  const pid = name.startsWith(PREFIX) ? Number.parseInt(name.slice(PREFIX.length), 10) : Number.NaN;
  return pid === process.pid || (Number.isInteger(pid) && !existsSync(`/proc/${pid}`));
}

async function play(
  { serve, stdinOnce }: typeof Plugin,
  verb: string,
  netns: string,
  environment: { readonly NATRA_STATE_DIR: string; readonly [name: string]: string },
): Promise<void> {
  const cniVersion = '1.0.0';
  const variables = {
    CNI_COMMAND: verb,
    CNI_CONTAINERID: 'rehearsal',
    CNI_NETNS: netns,
    CNI_IFNAME: IFNAME,
    CNI_PATH: '/opt/cni/bin',
    CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=natra;K8S_POD_NAME=rehearsal',
    ...environment,
  };
  const prevResult = { cniVersion, interfaces: [{ name: IFNAME, sandbox: netns }], ips: [] };
  const runtimeConfig = { bandwidth: BANDWIDTH };
  const configuration = { cniVersion, name: 'rehearsal', type: 'natra', runtimeConfig, prevResult };
  const directory = environment.NATRA_STATE_DIR;
  const [stdin, stdout] = [join(directory, 'stdin'), join(directory, 'stdout')] as const;
  writeFileSync(stdin, JSON.stringify(configuration));
  const [input, output] = [openSync(stdin, 'r'), openSync(stdout, 'w')];
  try {
    const exitCode = await serve(variables, stdinOnce(input), output);
    if (exitCode !== 0) throw new Error(`rehearse ${verb}: ${readFileSync(stdout, 'utf8')}`);
  } finally {
    closeSync(input);
    closeSync(output);
  }
}
