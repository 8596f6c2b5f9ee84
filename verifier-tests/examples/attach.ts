/** Where the example programs run with real traffic: devices, sockets, and connections of a Pod. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { PROGRAM_TYPES } from '../../dsl/object/image.ts';
import { ATTACH_TYPE, tryCreateTcxLink } from '../../loader/bpf/link.ts';
import { check } from '../../loader/errors.ts';
import { withScratch } from '../../loader/native/arena.ts';
import { closeDescriptor, openRead, readText } from '../../loader/native/files.ts';
import { syscall } from '../../loader/native/syscall.ts';
import type { Pod } from '../../loader/testing/pod.ts';

const HOOKS = {
  xdp: PROGRAM_TYPES.xdp.attachType,
  ingress: ATTACH_TYPE.tcxIngress,
  egress: ATTACH_TYPE.tcxEgress,
} as const;

/** Attaches a program to a device of the thread's namespace until the function that it gives is called. */
export function attachToDevice(hook: keyof typeof HOOKS, ifindex: number, programFd: number): () => void {
  const link = tryCreateTcxLink({ programFd, ifindex, attachType: HOOKS[hook] });
  const fd = check(link, 'attach program', `${hook} of device ${ifindex}`);
  return () => closeDescriptor(fd);
}

/** Where cgroup2 is mounted. Throws where it isn't. */
export function cgroup2Mount(): string {
  const mounts = readText('/proc/self/mounts').split('\n');
  const [, mountPoint] = mounts.find((line) => line.split(' ')[2] === 'cgroup2')?.split(' ') ?? [];
  if (mountPoint === undefined) throw new Error('attach to a cgroup: cgroup2 is not mounted');
  return mountPoint;
}

const CGROUP_HOOKS = {
  ingress: PROGRAM_TYPES.cgroupSkbIngress.attachType,
  egress: PROGRAM_TYPES.cgroupSkbEgress.attachType,
} as const;

/** Attaches a program to a cgroup by its directory until the function that it gives is called. */
export function attachToCgroup(
  hook: keyof typeof CGROUP_HOOKS,
  directory: string,
  programFd: number,
): () => void {
  const target = openRead(directory);
  try {
    // The target of BPF_LINK_CREATE is a device's number or a descriptor, in the same place.
    const link = tryCreateTcxLink({ programFd, ifindex: target, attachType: CGROUP_HOOKS[hook] });
    const fd = check(link, 'attach program', `${hook} of ${directory}`);
    return () => closeDescriptor(fd);
  } finally {
    closeDescriptor(target);
  }
}

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
/** htons(ETH_P_ALL). */
const EVERY_PROTOCOL = 0x0300;
const SOL_SOCKET = 1;
const SO_ATTACH_BPF = 50;
const MSG_DONTWAIT = 0x40;
const LARGEST = 2048;

export interface PacketSocket {
  /** The next packet from its network header on, as far as the filter keeps it; undefined when there is none. */
  receive(): Uint8Array | undefined;
  close(): void;
}

/** A packet socket of the thread's namespace behind this filter. */
export function filteredPacketSocket(programFd: number): PacketSocket {
  const fd = check(
    syscall('socket', AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, EVERY_PROTOCOL),
    'open',
    'a packet socket',
  );
  withScratch((memory) => {
    const option = memory.allocate(4);
    option.view.setUint32(0, programFd, true);
    check(
      syscall('setsockopt', fd, SOL_SOCKET, SO_ATTACH_BPF, option.address, 4),
      'attach filter',
      'a packet socket',
    );
  });
  return {
    receive: () =>
      withScratch((memory) => {
        const buffer = memory.allocate(LARGEST);
        const length = syscall('recvfrom', fd, buffer.address, LARGEST, MSG_DONTWAIT, 0, 0);
        return length < 0 ? undefined : buffer.bytes.slice(0, length);
      }),
    close: () => closeDescriptor(fd),
  };
}

/** Opens a TCP connection from the Pod to the host's end and closes it; whether somebody answered. */
export function connectFromPod(pod: Pod, port: number): boolean {
  const script = `exec 3<>/dev/tcp/${pod.hostAddress}/${port}`;
  try {
    execFileSync('ip', ['netns', 'exec', path.basename(pod.netns), 'bash', '-c', script], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
