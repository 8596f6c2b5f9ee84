/**
 * A node for a container runtime: a network namespace in place of the machine's, and folders of its own for plugins,
 * configuration and state, into which `natra install` has put natra. Pods get their interface from Debian's `bridge`.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Node, thisNode } from '../../cni/node.ts';
import type { NodeStatus } from '../../cni/status/node-status.ts';
import { run } from '../../cni/testing/shell.ts';
import { removeDirectory } from '../../loader/index.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PLUGINS = '/usr/lib/cni';
const SUBNET = '10.99.0';
/** The node's address on the bridge that its Pods are on. */
export const GATEWAY = `${SUBNET}.1`;
const BRIDGE = 'cni0';
/** Of the list, by which podman finds it. */
export const NETWORK = 'natra-test';

export interface RuntimeNode {
  /** Everything of the node lies below it. */
  readonly folder: string;
  readonly netns: string;
  readonly binDirectory: string;
  readonly confDirectory: string;
  /** What a runtime's process is to be given, so that natra, its child, keeps to this node's directories. */
  readonly environment: NodeJS.ProcessEnv;
  readonly natra: Node;
  /** The command and its arguments, to be run on this node. */
  command(line: readonly string[]): [string, string[]];
  /** A cgroup of the node's own, from the root of the hierarchy. */
  readonly cgroup: string;
  /** Interfaces of the node other than its bridge and loopback. */
  interfaces(): string[];
  remove(): void;
}

let made = 0;

/** Bits a second and bits, in the plugin's own configuration: for runtimes that pass no limits of a container's. */
export interface StaticLimits {
  readonly ingressRate?: number;
  readonly ingressBurst?: number;
  readonly egressRate?: number;
  readonly egressBurst?: number;
}

/** Makes a node and installs natra there in the place of `bandwidth`. Needs root and a built `dist/`. */
export function makeRuntimeNode(limits: StaticLimits = {}): RuntimeNode {
  const folder = mkdtempSync(join(tmpdir(), 'natra-node-'));
  const name = `nrt-${process.pid}-${made++}`;
  const netns = `/run/netns/${name}`;
  const binDirectory = join(folder, 'bin');
  const confDirectory = join(folder, 'net.d');
  const directories = {
    NATRA_STATE_DIR: join(folder, 'natra'),
    NATRA_PIN_DIR: `/sys/fs/bpf/${name}`,
  };
  const remove = (): void => {
    spawnSync('ip', ['netns', 'del', name]);
    removeCgroup(name);
    for (const mount of mountsBelow(folder)) spawnSync('umount', ['--lazy', mount]);
    rmSync(folder, { recursive: true, force: true });
    removeDirectory(directories.NATRA_PIN_DIR);
  };
  try {
    run(`ip netns add ${name}`);
    run(`ip -n ${name} link set lo up`);
    mkdirSync(binDirectory);
    mkdirSync(confDirectory);
    for (const plugin of ['bridge', 'host-local', 'loopback'])
      symlinkSync(join(PLUGINS, plugin), join(binDirectory, plugin));
    writeFileSync(join(confDirectory, '10-test.conflist'), chain(join(folder, 'addresses'), limits));
    const install = ['install', '--replace-bandwidth', '--with-node'];
    const folders = [`--cni-bin-dir=${binDirectory}`, `--conf-dir=${confDirectory}`];
    execFileSync(join(ROOT, 'dist', 'natra'), [...install, ...folders], { stdio: 'pipe' });
  } catch (error) {
    remove();
    throw error;
  }
  return {
    folder,
    netns,
    binDirectory,
    confDirectory,
    environment: { PATH: process.env.PATH, ...directories },
    natra: thisNode(directories),
    command: (line) => ['nsenter', [`--net=${netns}`, ...line]],
    cgroup: `/${name}`,
    interfaces: () =>
      (JSON.parse(run(`ip -j -n ${name} link show`)) as { ifname: string }[])
        .map(({ ifname }) => ifname)
        .filter((each) => each !== BRIDGE && each !== 'lo'),
    remove,
  };
}

/** The list as a cluster has it before natra comes. */
function chain(dataDir: string, limits: StaticLimits): string {
  const bridge = {
    type: 'bridge',
    bridge: BRIDGE,
    isGateway: true,
    ipam: { type: 'host-local', dataDir, ranges: [[{ subnet: `${SUBNET}.0/24` }]] },
  };
  const bandwidth = { type: 'bandwidth', capabilities: { bandwidth: true }, ...limits };
  return JSON.stringify({ cniVersion: '1.0.0', name: NETWORK, plugins: [bridge, bandwidth] }, null, 2);
}

/** Names of the records that natra keeps on the node. */
export const recordsOn = ({ natra }: RuntimeNode): string[] =>
  existsSync(natra.stateDirectory)
    ? readdirSync(natra.stateDirectory).filter((name) => name.endsWith('.json'))
    : [];

/** What a runtime that was killed leaves mounted, innermost first. */
const mountsBelow = (folder: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mount) => mount.startsWith(`${folder}/`))
    .reverse();

/** Runtimes make the cgroup that they are told of, in each hierarchy, and leave it when its last container ends. */
function removeCgroup(name: string): void {
  const hierarchies = readdirSync('/sys/fs/cgroup', { withFileTypes: true })
    .filter((each) => each.isDirectory())
    .map((each) => `/sys/fs/cgroup/${each.name}`);
  const own = ['/sys/fs/cgroup', ...hierarchies]
    .map((each) => join(each, name))
    .filter((each) => existsSync(each));
  if (own.length > 0) spawnSync('find', [...own, '-type', 'd', '-delete']);
}

/** What `natra status` says on the node. */
export function statusOn(node: RuntimeNode): NodeStatus {
  const [command, argv] = node.command([join(node.binDirectory, 'natra'), 'status', '--json']);
  return JSON.parse(execFileSync(command, argv, { encoding: 'utf8', env: node.environment }));
}
