/** Links: RTM_GETLINK, RTM_DELLINK and RTM_GETNSID (include/uapi/linux/rtnetlink.h, if_link.h, net_namespace.h). */
import { isErrno } from '../errors.ts';
import { Attributes, concat, stringAttribute, u32Attribute } from './attributes.ts';
import type { Message, RouteSocket } from './socket.ts';

const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_GETNSID = 90;

/** struct ifinfomsg: family u8, pad u8, type u16, index i32, flags u32, change u32. */
const IFINFO_BYTES = 16;
const IFINFO_INDEX = 4;
const IFINFO_FLAGS = 8;
const IFF_UP = 1;

const IFLA = {
  ifname: 3,
  mtu: 4,
  link: 5,
  master: 10,
  linkinfo: 18,
  stats64: 23,
  transmitQueues: 31,
  linkNetnsid: 37,
  gsoMaxSegs: 40,
  gsoMaxSize: 41,
} as const;
const IFLA_INFO_KIND = 1;

/** struct rtgenmsg padded to 4. */
const RTGEN_BYTES = 4;
const NETNSA_NSID = 1;
const NETNSA_FD = 3;

export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** `veth`, `bridge`, ...; undefined for physical devices and loopback. */
  readonly kind: string | undefined;
  readonly up: boolean;
  readonly mtu: number;
  /** IFLA_LINK: of a veth, the ifindex of its peer in the peer's namespace. */
  readonly peerIfindex: number | undefined;
  /** IFLA_LINK_NETNSID: the peer's namespace as this one numbers it; undefined when it is this one. */
  readonly peerNetnsid: number | undefined;
  /** ifindex of the bridge or bond that this link belongs to. */
  readonly masterIfindex: number | undefined;
  readonly gsoMaxSize: number | undefined;
  readonly gsoMaxSegments: number | undefined;
  readonly transmitQueues: number | undefined;
  readonly statistics: LinkStatistics | undefined;
}

/** The first fields of struct rtnl_link_stats64. */
export interface LinkStatistics {
  readonly receivedPackets: bigint;
  readonly transmittedPackets: bigint;
  readonly receivedBytes: bigint;
  readonly transmittedBytes: bigint;
  readonly receiveDropped: bigint;
  readonly transmitDropped: bigint;
}

function statisticsOf(attributes: Attributes): LinkStatistics | undefined {
  const at = (index: number): bigint => attributes.u64At(IFLA.stats64, index * 8) ?? 0n;
  if (!attributes.bytes(IFLA.stats64)) return undefined;
  return {
    receivedPackets: at(0),
    transmittedPackets: at(1),
    receivedBytes: at(2),
    transmittedBytes: at(3),
    receiveDropped: at(6),
    transmitDropped: at(7),
  };
}

function linkOf(message: Message): Link {
  const { payload } = message;
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = new Attributes(payload.subarray(IFINFO_BYTES));
  return {
    ifindex: view.getInt32(IFINFO_INDEX, true),
    name: attributes.string(IFLA.ifname) ?? '',
    kind: attributes.nest(IFLA.linkinfo)?.string(IFLA_INFO_KIND),
    up: (view.getUint32(IFINFO_FLAGS, true) & IFF_UP) !== 0,
    mtu: attributes.u32(IFLA.mtu) ?? 0,
    peerIfindex: attributes.u32(IFLA.link),
    peerNetnsid: attributes.i32(IFLA.linkNetnsid),
    masterIfindex: attributes.u32(IFLA.master),
    gsoMaxSize: attributes.u32(IFLA.gsoMaxSize),
    gsoMaxSegments: attributes.u32(IFLA.gsoMaxSegs),
    transmitQueues: attributes.u32(IFLA.transmitQueues),
    statistics: statisticsOf(attributes),
  };
}

/** All links of the socket's namespace. */
export function listLinks(socket: RouteSocket): Link[] {
  const request = new Uint8Array(IFINFO_BYTES);
  return socket.dump(RTM_GETLINK, request, { operation: 'list', object: 'links' }).map(linkOf);
}

/** The link with this name or ifindex; undefined where there is none. */
export function findLink(socket: RouteSocket, which: string | number): Link | undefined {
  const header = new Uint8Array(IFINFO_BYTES);
  if (typeof which === 'number') new DataView(header.buffer).setInt32(IFINFO_INDEX, which, true);
  const name = typeof which === 'string' ? [stringAttribute(IFLA.ifname, which)] : [];
  const object = typeof which === 'number' ? `ifindex ${which}` : which;
  try {
    return linkOf(socket.get(RTM_GETLINK, concat([header, ...name]), { operation: 'find link', object }));
  } catch (error) {
    if (isErrno(error, 'ENODEV')) return undefined;
    throw error;
  }
}

/** Removes a link of the socket's namespace; it may be gone. */
export function deleteLink(socket: RouteSocket, { ifindex, name }: Pick<Link, 'ifindex' | 'name'>): void {
  const request = new Uint8Array(IFINFO_BYTES);
  new DataView(request.buffer).setInt32(IFINFO_INDEX, ifindex, true);
  try {
    socket.change(RTM_DELLINK, 0, request, { operation: 'delete link', object: name });
  } catch (error) {
    if (!isErrno(error, 'ENODEV')) throw error;
  }
}

/**
 * The number by which the socket's namespace knows the namespace behind the descriptor `netnsFd`;
 * undefined where it has given it none.
 */
export function netnsidOf(socket: RouteSocket, netnsFd: number): number | undefined {
  const request = concat([new Uint8Array(RTGEN_BYTES), u32Attribute(NETNSA_FD, netnsFd)]);
  const message = socket.get(RTM_GETNSID, request, {
    operation: 'number the namespace of',
    object: `fd ${netnsFd}`,
  });
  const id = new Attributes(message.payload.subarray(RTGEN_BYTES)).i32(NETNSA_NSID);
  return id === undefined || id < 0 ? undefined : id;
}
