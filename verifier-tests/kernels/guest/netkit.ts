/** netkit pairs (Linux 6.7), made by netlink: the `ip` of older distributions doesn't know them. */
import type { Namespace } from '../../../bench/live/namespace.ts';
import { closeDescriptor, inNetns, openRead, RouteSocket } from '../../../loader/index.ts';
import { concat, nested, stringAttribute, u32Attribute } from '../../../loader/netlink/attributes.ts';
import { inNewNetns } from '../../../loader/netns/netns.ts';

const RTM_NEWLINK = 16;
const NLM_F_CREATE_EXCLUSIVE = 0x600;
/** struct ifinfomsg, all zero: a link that is to be made. */
const NEW_LINK = new Uint8Array(16);
/** include/uapi/linux/if_link.h. */
const IFLA = { ifname: 3, linkinfo: 18, netNsFd: 28 } as const;
const IFLA_INFO = { kind: 1, data: 2 } as const;
const IFLA_NETKIT_PEER_INFO = 1;

/** Makes a pair of the default mode (no ARP) in the thread's namespace, its peer in the namespace behind a descriptor. */
function addPair(name: string, peerName: string, peerNetns: number | undefined): void {
  const peer = concat([
    NEW_LINK,
    stringAttribute(IFLA.ifname, peerName),
    ...(peerNetns === undefined ? [] : [u32Attribute(IFLA.netNsFd, peerNetns)]),
  ]);
  const request = concat([
    NEW_LINK,
    stringAttribute(IFLA.ifname, name),
    nested(
      IFLA.linkinfo,
      stringAttribute(IFLA_INFO.kind, 'netkit'),
      nested(IFLA_INFO.data, nested(IFLA_NETKIT_PEER_INFO, peer)),
    ),
  ]);
  const socket = RouteSocket.open();
  try {
    socket.change(RTM_NEWLINK, NLM_F_CREATE_EXCLUSIVE, request, {
      operation: 'make netkit pair',
      object: `${name} and ${peerName}`,
    });
  } finally {
    socket.close();
  }
}

/** Whether this kernel makes such a pair. */
export function hasNetkit(): boolean {
  try {
    inNewNetns(() => addPair('primary', 'peer', undefined));
    return true;
  } catch {
    return false;
  }
}

/** A pair whose primary device is in `node` and whose peer is in `pod`. */
export function addNetkit(node: Namespace, name: string, pod: Namespace, peerName: string): void {
  const fd = openRead(pod.path);
  try {
    inNetns(node.path, () => addPair(name, peerName, fd));
  } finally {
    closeDescriptor(fd);
  }
}
