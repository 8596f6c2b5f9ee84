/** The small programs and the packet that each is measured on. */
import { tcpFrame } from '../dataplane/packets.ts';

export interface SmallProgram {
  /** Of its files in programs/. */
  readonly name: string;
  readonly frame: Uint8Array;
}

const IPV4 = 14;

/** The frame with the right checksum in its IPv4 header (RFC 1071). */
function withChecksum(frame: Uint8Array): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset);
  let sum = 0;
  for (let word = 0; word < 10; word++) sum += view.getUint16(IPV4 + word * 2);
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(IPV4 + 10, ~sum & 0xffff);
  return frame;
}

/** Two no-operations, timestamps and the segment size behind them. */
function withOptions(frame: Uint8Array): Uint8Array {
  frame.set([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 3, 3, 7, 1, 2, 4, 5, 180], 54);
  return frame;
}

export const SMALL: readonly SmallProgram[] = [
  { name: 'tcp-port', frame: tcpFrame() },
  { name: 'vlan-walk', frame: tcpFrame({ vlanTags: 2 }) },
  { name: 'protocol-counter', frame: tcpFrame() },
  { name: 'flow-counter', frame: tcpFrame() },
  { name: 'token-bucket', frame: tcpFrame() },
  { name: 'checksum', frame: withChecksum(tcpFrame()) },
  { name: 'payload-sum', frame: tcpFrame({ length: 256 }) },
  { name: 'flow-hash', frame: tcpFrame() },
  { name: 'tcp-options', frame: withOptions(tcpFrame()) },
  { name: 'ce-mark', frame: tcpFrame({ ecn: 2 }) },
];
