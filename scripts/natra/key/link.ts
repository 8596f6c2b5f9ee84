/**
 * Packets of links that are not Ethernet, given an Ethernet header for the one that they have: what the dataplane would see
 * of them on a Pod's device. The link types are those of https://www.tcpdump.org/linktypes.html.
 */
import type { CapturedPacket } from './capture.ts';

/** LINKTYPE_*. */
const LINK = {
  null: 0,
  ethernet: 1,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const;

const ETHERTYPE = { ipv4: 0x0800, ipv6: 0x86dd } as const;
/** Two addresses and the EtherType. */
const ETHERNET_HEADER = 14;
const TYPE_AT = 12;
/** AF_INET6 of Linux, NetBSD, FreeBSD and macOS; AF_INET is 2 on all. */
const FAMILIES: ReadonlyMap<number, number> = new Map([
  [2, ETHERTYPE.ipv4],
  ...[10, 24, 28, 30].map((family) => [family, ETHERTYPE.ipv6] as const),
]);
/** ARPHRD_* of devices whose packets have no EtherType: GRE, radiotap, netlink, and Frame Relay. */
const WITHOUT_ETHERTYPE: ReadonlySet<number> = new Set([770, 778, 803, 824]);

/** What stands in front of a packet's own bytes. */
interface Head {
  readonly bytes: number;
  /** Absent where it can't be told. */
  readonly etherType?: number | undefined;
}

const u16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

function ipHead(bytes: Uint8Array): Head {
  const version = (bytes[0] ?? 0) >> 4;
  if (version === 4) return { bytes: 0, etherType: ETHERTYPE.ipv4 };
  return version === 6 ? { bytes: 0, etherType: ETHERTYPE.ipv6 } : { bytes: 0 };
}

/** The address family in the byte order of the machine that captured, or in the network's: it is below 256 in both. */
function familyHead(bytes: Uint8Array): Head {
  const family = u16(bytes, 0) === 0 ? u16(bytes, 2) : (bytes[0] ?? 0);
  return { bytes: 4, etherType: FAMILIES.get(family) };
}

/** `tcpdump -i any`: the device's type, and the EtherType where such devices have one. */
function cookedHead(bytes: Uint8Array, header: number, deviceAt: number, typeAt: number): Head {
  if (WITHOUT_ETHERTYPE.has(u16(bytes, deviceAt))) return { bytes: header };
  return { bytes: header, etherType: u16(bytes, typeAt) };
}

function headOf({ bytes, linkType }: CapturedPacket): Head | undefined {
  switch (linkType) {
    case LINK.raw:
      return ipHead(bytes);
    case LINK.ipv4:
      return { bytes: 0, etherType: ETHERTYPE.ipv4 };
    case LINK.ipv6:
      return { bytes: 0, etherType: ETHERTYPE.ipv6 };
    case LINK.null:
    case LINK.loop:
      return familyHead(bytes);
    case LINK.linuxCooked:
      return cookedHead(bytes, 16, 2, 14);
    case LINK.linuxCooked2:
      return cookedHead(bytes, 20, 8, 0);
    default:
      return undefined;
  }
}

/** The packet on an Ethernet link, from and to address 0 where it was on another. Throws where that has no meaning. */
export function onEthernet(packet: CapturedPacket): CapturedPacket {
  const { bytes, length, linkType } = packet;
  if (linkType === LINK.ethernet) return packet;
  const head = headOf(packet);
  if (head === undefined)
    throw new Error(
      `link type ${linkType} is neither Ethernet, Linux cooked (113, 276), raw IP (101, 228, 229) nor BSD loopback (0, 108)`,
    );
  if (bytes.length < head.bytes)
    throw new Error(`its link header of ${head.bytes} bytes is cut to ${bytes.length}`);
  if (head.etherType === undefined)
    throw new Error(`link type ${linkType}: it is no packet of a network protocol`);
  const own = bytes.subarray(head.bytes);
  const frame = new Uint8Array(ETHERNET_HEADER + own.length);
  frame[TYPE_AT] = head.etherType >> 8;
  frame[TYPE_AT + 1] = head.etherType & 0xff;
  frame.set(own, ETHERNET_HEADER);
  return { ...packet, bytes: frame, length: length - head.bytes + ETHERNET_HEADER, linkType: LINK.ethernet };
}
