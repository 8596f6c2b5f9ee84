/** Packets for measuring: whole Ethernet frames. */

const ETH_P_IP = 0x0800;
const ETH_P_IPV6 = 0x86dd;
const ETH_P_8021Q = 0x8100;

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
