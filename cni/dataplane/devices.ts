/**
 * The two ends of a Pod's interface. The host end is found by the Pod interface's peer index and by namespace
 * number, never by name or by prevResult: plugins leave it out of their results or name another device.
 */

import {
  closeDescriptor,
  findLink,
  inNetns,
  isErrno,
  type Link,
  netnsidOf,
  openRead,
  RouteSocket,
} from '../../loader/index.ts';
import type { Attachment } from '../config/environment.ts';
import { noNetns } from '../config/netns.ts';
import { CniError, ERROR_CODES } from '../errors.ts';

export interface Devices {
  readonly pod: Link;
  /** Absent where the Pod's interface has no end in natra's own namespace (SR-IOV, macvlan, ipvlan). */
  readonly host?: Link;
}

/** Throws code 100 where the Pod has no such interface, 8 where its namespace is none of the network. */
export function findDevices({ netns, ifname }: Attachment): Devices {
  const pod = findInPod(netns, ifname);
  if (pod === undefined)
    throw new CniError(
      ERROR_CODES.interfaceNotFound,
      `interface ${ifname} not found`,
      `CNI_IFNAME is ${JSON.stringify(ifname)}: there must be an interface of that name in CNI_NETNS ${netns}`,
    );
  const host = findHostEnd(pod, netns);
  return host === undefined ? { pod } : { pod, host };
}

function findInPod(netns: string, ifname: string): Link | undefined {
  try {
    return inNetns(netns, () => withRouteSocket((socket) => findLink(socket, ifname)));
  } catch (error) {
    // setns(2): the descriptor is of another kind of namespace.
    throw isErrno(error, 'EINVAL') && error.object === netns ? noNetns(netns) : error;
  }
}

/** Kinds of devices that come in pairs, one end in the Pod and one on the host. netkit: Linux 6.7. */
const PAIRS: readonly (string | undefined)[] = ['veth', 'netkit'];

function findHostEnd(pod: Link, netns: string): Link | undefined {
  const { kind, peerIfindex } = pod;
  if (!PAIRS.includes(kind) || peerIfindex === undefined) return undefined;
  return withRouteSocket((socket) => {
    const peer = findLink(socket, peerIfindex);
    // The index alone may name an unrelated device here when the peer lies in a third namespace.
    const isPeer =
      peer !== undefined &&
      peer.kind === kind &&
      peer.peerIfindex === pod.ifindex &&
      peer.peerNetnsid !== undefined &&
      peer.peerNetnsid === numberOf(socket, netns);
    return isPeer ? peer : undefined;
  });
}

/** The number by which natra's own namespace knows the one at `path`. */
function numberOf(socket: RouteSocket, path: string): number | undefined {
  const fd = openRead(path);
  try {
    return netnsidOf(socket, fd);
  } finally {
    closeDescriptor(fd);
  }
}

/** Opens a rtnetlink socket in the thread's namespace for the time of `body`. */
export function withRouteSocket<T>(body: (socket: RouteSocket) => T): T {
  const socket = RouteSocket.open();
  try {
    return body(socket);
  } finally {
    socket.close();
  }
}
