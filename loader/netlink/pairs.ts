/** Pairs of devices, one end for a Pod: veth (drivers/net/veth.c) and netkit (Linux 6.7, drivers/net/netkit.c). */
import { concat, nested, stringAttribute, u32Attribute } from './attributes.ts';
import { FLAG, type RouteSocket } from './socket.ts';

const RTM_NEWLINK = 16;
/** struct ifinfomsg, all zero: a link that is to be made. */
const NEW_LINK = new Uint8Array(16);
/** include/uapi/linux/if_link.h. */
const IFLA = { ifname: 3, linkinfo: 18, netNsFd: 28 } as const;
const IFLA_INFO = { kind: 1, data: 2 } as const;
/** VETH_INFO_PEER and IFLA_NETKIT_PEER_INFO. */
const PEER_INFO = 1;

/**
 * Makes a pair in the socket's namespace; its peer may go into the one behind the descriptor `peerNetns`. netkit has its
 * default mode (no ARP).
 */
export function addPair(
  socket: RouteSocket,
  kind: 'veth' | 'netkit',
  name: string,
  peerName: string,
  peerNetns?: number,
): void {
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
      stringAttribute(IFLA_INFO.kind, kind),
      nested(IFLA_INFO.data, nested(PEER_INFO, peer)),
    ),
  ]);
  socket.change(RTM_NEWLINK, FLAG.create | FLAG.exclusive, request, {
    operation: `make ${kind} pair`,
    object: `${name} and ${peerName}`,
    hint: (errno) =>
      errno === 'EOPNOTSUPP' && kind === 'netkit' ? 'netkit needs linux 6.7 with CONFIG_NETKIT' : undefined,
  });
}
