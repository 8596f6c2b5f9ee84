/** A pretended Pod: a network namespace joined to the test's own by a veth pair. */
import { execFileSync } from 'node:child_process';
import { readText } from '../native/files.ts';
import { findLink } from '../netlink/links.ts';
import { RouteSocket } from '../netlink/socket.ts';
import { inNetns, inOptionalNetns } from '../netns/netns.ts';

let made = 0;

export interface Pod {
  /** Path of the Pod's namespace. */
  readonly netns: string;
  /** IPv4 addresses of the two ends. */
  readonly hostAddress: string;
  readonly podAddress: string;
  readonly hostIfindex: number;
  readonly podIfindex: number;
  /** Sends one UDP packet of `length` bytes, Ethernet header included, from the Pod to the host's end. */
  sendFromPod(length: number): void;
  /** As `sendFromPod`, the other way. */
  sendFromHost(length: number): void;
  /** UDP packets that reached the Pod's stack; nothing listens, so all count as without a port. */
  received(): number;
  remove(): void;
}

const ip = (...args: string[]): void => {
  execFileSync('ip', args, { stdio: 'pipe' });
};

/** UDP over IPv4 over Ethernet. */
const HEADER_BYTES = 14 + 20 + 8;

function sendUdp(netns: string | undefined, address: string, length: number): void {
  // bash writes one printf to /dev/udp as one datagram.
  const script = `printf '%0${length - HEADER_BYTES}d' 0 > /dev/udp/${address}/9`;
  if (netns === undefined) execFileSync('bash', ['-c', script]);
  else execFileSync('ip', ['netns', 'exec', netns, 'bash', '-c', script]);
}

const ifindexOf = (netns: string | undefined, name: string): number =>
  inOptionalNetns(netns, () => {
    const socket = RouteSocket.open();
    try {
      return findLink(socket, name)?.ifindex ?? 0;
    } finally {
      socket.close();
    }
  });

/** UDP datagrams without a port in the calling thread's namespace, from /proc/net/snmp. */
function withoutPort(): number {
  const [names = '', values = ''] = readText('/proc/thread-self/net/snmp')
    .split('\n')
    .filter((line) => line.startsWith('Udp:'));
  return Number(values.split(' ')[names.split(' ').indexOf('NoPorts')]);
}

/** Makes a Pod with names and addresses that no other test process uses. */
export function makePod(): Pod {
  made += 1;
  const name = `lt${process.pid}x${made}`;
  const subnet = `10.${(process.pid >> 8) & 0xff}.${process.pid & 0xff}`;
  const host = `${subnet}.${made * 4 + 1}`;
  const pod = `${subnet}.${made * 4 + 2}`;
  const netns = `/run/netns/${name}`;
  ip('netns', 'add', name);
  ip('link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('addr', 'add', `${host}/30`, 'dev', name);
  ip('link', 'set', name, 'up');
  ip('-n', name, 'addr', 'add', `${pod}/30`, 'dev', 'eth0');
  ip('-n', name, 'link', 'set', 'eth0', 'up');
  return {
    netns,
    hostAddress: host,
    podAddress: pod,
    hostIfindex: ifindexOf(undefined, name),
    podIfindex: ifindexOf(netns, 'eth0'),
    sendFromPod: (length) => sendUdp(name, host, length),
    sendFromHost: (length) => sendUdp(undefined, pod, length),
    received: () => inNetns(netns, withoutPort),
    remove: () => {
      ip('netns', 'del', name);
      // The pair goes with the namespace, but only when the kernel gets to it.
      try {
        ip('link', 'del', name);
      } catch {
        return;
      }
    },
  };
}
