/** The small programs and the packet that each is measured on. */
import type { Settings } from '../../loader/object/sections.ts';
import { tcpFrame } from '../dataplane/packets.ts';

export interface SmallProgram {
  /** Of its files in programs/. */
  readonly name: string;
  readonly frame: Uint8Array;
  /** For `.rodata`, by variable; with some, the program is measured as made for them too. */
  readonly settings?: Settings;
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

/** 1 Gbit/s, 24 bytes a frame on the wire besides it, no samples taken. */
const LIMIT = {
  nsPerByte: 8n,
  credit: 10_000_000n,
  horizon: 1_000_000_000_000n,
  sample: 0,
  overheadBytes: 24,
  mark: 1,
  drops: 1,
};
/** One of 16 port numbers, and nothing else. */
const FILTER = {
  source: 0,
  sourceMask: 0,
  portBuckets: 16,
  bucket: 5,
  protocol: 0,
  lifetime: 0,
  port: 0,
};

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
  { name: 'policer', frame: tcpFrame(), settings: { limit: LIMIT } },
  { name: 'port-filter', frame: tcpFrame(), settings: { filter: FILTER } },
  { name: 'ce-mark', frame: tcpFrame({ ecn: 2 }) },
];
