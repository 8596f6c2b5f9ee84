import { existsSync } from 'node:fs';
import { execute, executeOrThrow } from './command.ts';

/** A named network namespace of ours. */
export interface Namespace {
  readonly name: string;
  /** The bind mount that holds it, as a runtime passes it in CNI_NETNS. */
  readonly path: string;
}

/** Where `ip netns` keeps its bind mounts. */
export const NAMESPACE_DIRECTORY = '/run/netns';

/**
 * What every measurement depends on and what differs between machines. The first keeps an elephant's round
 * trip time and threshold from reaching the next connection; ECN is left to the applications' wish (2 is the
 * kernel's default: accept, do not ask).
 */
const TCP_SETTINGS: ReadonlyArray<readonly [name: string, value: string]> = [
  ['net/ipv4/tcp_no_metrics_save', '1'],
  ['net/ipv4/tcp_ecn', '2'],
  ['net/ipv4/tcp_sack', '1'],
  ['net/ipv4/tcp_timestamps', '1'],
  ['net/ipv4/tcp_window_scaling', '1'],
  ['net/ipv4/tcp_mtu_probing', '0'],
  ['net/ipv4/tcp_rmem', '4096 131072 6291456'],
  ['net/ipv4/tcp_wmem', '4096 16384 4194304'],
  // Neighbour and router discovery would add packets that no flow of the measurement sent.
  ['net/ipv6/conf/all/disable_ipv6', '1'],
  ['net/ipv6/conf/default/disable_ipv6', '1'],
];

/** The command line that runs a program in the namespace. `ip netns exec` would hide /sys/fs/bpf (it mounts a new /sys). */
export function inNamespace(
  namespace: Namespace,
  file: string,
  args: readonly string[],
): readonly [file: string, args: readonly string[]] {
  return ['nsenter', [`--net=${namespace.path}`, file, ...args]];
}

/** Creates `natra-live-PID-ROLE` with loopback up and the TCP settings pinned. */
export async function createNamespace(role: string): Promise<Namespace> {
  const name = `natra-live-${process.pid}-${role}`;
  await executeOrThrow('ip', ['netns', 'add', name]);
  const namespace = { name, path: `${NAMESPACE_DIRECTORY}/${name}` };
  const lines = TCP_SETTINGS.map(
    ([setting, value]) => `[ ! -e /proc/sys/${setting} ] || echo '${value}' > /proc/sys/${setting}`,
  );
  const [file, args] = inNamespace(namespace, 'sh', ['-ec', ['ip link set lo up', ...lines].join('\n')]);
  await executeOrThrow(file, args);
  return namespace;
}

/** Deletes the namespace by name; its links go with it as soon as no process is left inside. */
export async function removeNamespace(name: string): Promise<void> {
  if (existsSync(`${NAMESPACE_DIRECTORY}/${name}`)) await executeOrThrow('ip', ['netns', 'delete', name]);
}

/** Why namespaces cannot be made here, in the kernel's words, or undefined when they can. */
export async function whyNoNamespaces(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const name = `natra-live-${process.pid}-probe`;
  const added = await execute('ip', ['netns', 'add', name]).catch((error: Error) => ({
    code: -1,
    stderr: error.message,
  }));
  if (added.code !== 0) return added.stderr.trim();
  await removeNamespace(name);
  return undefined;
}
