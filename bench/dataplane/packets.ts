/** Packets for measuring: whole Ethernet frames. */

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;
const ETH_P_ARP = 0x0806;
const IPPROTO_HOPOPTS = 0;
const IPPROTO_TCP = 6;
const IPPROTO_DSTOPTS = 60;
/** Offset of what follows the header of IPv6. */
const TRANSPORT_OF_IPV6 = 54;

export interface FrameOptions {
  /** Bytes of the whole frame. */
  readonly length?: number;
  readonly version?: 4 | 6;
  readonly vlanTags?: 0 | 1 | 2;
  /** The ECN field. */
  readonly ecn?: 0 | 1 | 2 | 3;
  /** Names the flow: its source port and, beyond 16 bits, its source address. */
  readonly flow?: number;
}

/** A TCP segment with the given headers. */
export function tcpFrame(options: FrameOptions = {}): Uint8Array {
  const { length = 100, version = 4, vlanTags = 0, ecn = 0, flow = 1 } = options;
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  let at = 12;
  for (let tag = 0; tag < vlanTags; tag++, at += 4) {
    view.setUint16(at, ETH_P_8021Q);
    view.setUint16(at + 2, 100 + tag);
  }
  view.setUint16(at, version === 4 ? ETH_P_IP : ETH_P_IPV6);
  at += 2;
  if (version === 4) {
    view.setUint8(at, 0x45);
    view.setUint8(at + 1, ecn);
    view.setUint16(at + 2, length - at);
    view.setUint8(at + 8, 64);
    view.setUint8(at + 9, 6);
    view.setUint32(at + 12, 0x0a000001 + (flow >>> 16));
    view.setUint32(at + 16, 0x0a000002);
    at += 20;
  } else {
    view.setUint16(at, 0x6000 | (ecn << 4));
    view.setUint16(at + 4, length - at - 40);
    view.setUint8(at + 6, 6);
    view.setUint8(at + 7, 64);
    view.setUint32(at + 8, 0xfd000000);
    view.setUint32(at + 20, 1 + (flow >>> 16));
    view.setUint32(at + 24, 0xfd000000);
    view.setUint32(at + 36, 2);
    at += 40;
  }
  view.setUint16(at, flow & 0xffff);
  view.setUint16(at + 2, 443);
  view.setUint8(at + 12, 0x50);
  return bytes;
}

/** An ARP request. */
export function arpFrame(): Uint8Array {
  const bytes = new Uint8Array(60);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, ETH_P_ARP);
  view.setUint16(14, 1);
  view.setUint16(16, ETH_P_IP);
  view.setUint16(18, 0x0604);
  view.setUint16(20, 1);
  return bytes;
}

/** Any but the first fragment of an IPv4 packet. */
export function fragmentFrame(): Uint8Array {
  const bytes = tcpFrame({ length: 1514 });
  new DataView(bytes.buffer).setUint16(20, 0x00b9);
  return bytes;
}

/** IPv6 with hop-by-hop and destination options in front of TCP. */
export function extensionsFrame(): Uint8Array {
  const plain = tcpFrame({ version: 6 });
  const bytes = new Uint8Array(plain.length + 16);
  bytes.set(plain.subarray(0, TRANSPORT_OF_IPV6));
  bytes[20] = IPPROTO_HOPOPTS;
  bytes.set([IPPROTO_DSTOPTS, 0, 1, 4, 0, 0, 0, 0, IPPROTO_TCP, 0, 1, 4, 0, 0, 0, 0], TRANSPORT_OF_IPV6);
  bytes.set(plain.subarray(TRANSPORT_OF_IPV6), TRANSPORT_OF_IPV6 + 16);
  return bytes;
}
