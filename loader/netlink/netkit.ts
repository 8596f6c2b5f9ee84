/** netkit pairs (Linux 6.7, drivers/net/netkit.c): what some main plugins give a Pod in place of veth. */
import { concat, nested, stringAttribute, u32Attribute } from './attributes.ts';
import { FLAG, type RouteSocket } from './socket.ts';

const RTM_NEWLINK = 16;
/** struct ifinfomsg, all zero: a link that is to be made. */
const NEW_LINK = new Uint8Array(16);
/** include/uapi/linux/if_link.h. */
const IFLA = { ifname: 3, linkinfo: 18, netNsFd: 28 } as const;
const IFLA_INFO = { kind: 1, data: 2 } as const;
const IFLA_NETKIT_PEER_INFO = 1;

/**
 * Makes a pair of the default mode (no ARP) in the socket's namespace; its peer may go into the one behind the
 * descriptor `peerNetns`.
 */
export function addNetkit(socket: RouteSocket, name: string, peerName: string, peerNetns?: number): void {
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
  socket.change(RTM_NEWLINK, FLAG.create | FLAG.exclusive, request, {
    operation: 'make netkit pair',
    object: `${name} and ${peerName}`,
    hint: (errno) => (errno === 'EOPNOTSUPP' ? 'netkit needs linux 6.7 with CONFIG_NETKIT' : undefined),
  });
}
