/** A few packets that programs are tried on: of both IP versions, tagged and not, large and small, and others. */

const ETHERNET = '020000000001020000000002';
const TCP = '8000' + '01bb' + '00000001' + '00000001' + '5010' + '0200' + '0000' + '0000';
const UDP = '1f90' + '0035' + '0020' + '0000';

function ipv4(protocol: string, ecn: string, length: number): string {
  return `45${ecn}${length.toString(16).padStart(4, '0')}0001000040${protocol}00000a0000010a000002`;
}
const ipv6 = (protocol: string, length: number): string =>
  `60000000${length.toString(16).padStart(4, '0')}${protocol}40${'fd00'.padEnd(28, '0')}0001${'fd00'.padEnd(28, '0')}0002`;

/** From the Ethernet header on, filled with zeros to `length` bytes. */
function frame(hex: string, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(Buffer.from(ETHERNET + hex, 'hex'));
  return bytes;
}

export interface SamplePacket {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export const PACKETS: readonly SamplePacket[] = [
  { name: 'IPv4, TCP, 1514 bytes', bytes: frame(`0800${ipv4('06', '02', 1500)}${TCP}`, 1514) },
  { name: 'IPv4, TCP, 60 bytes', bytes: frame(`0800${ipv4('06', '00', 46)}${TCP}`, 60) },
  { name: 'IPv4, UDP', bytes: frame(`0800${ipv4('11', '00', 86)}${UDP}`, 100) },
  { name: 'IPv6, TCP', bytes: frame(`86dd${ipv6('06', 1446)}${TCP}`, 1500) },
  { name: 'IPv6, ICMPv6', bytes: frame(`86dd${ipv6('3a', 32)}8700${'00'.repeat(22)}`, 86) },
  { name: '802.1Q, IPv4, TCP', bytes: frame(`810000640800${ipv4('06', '00', 146)}${TCP}`, 164) },
  { name: '802.1ad, 802.1Q, IPv6, UDP', bytes: frame(`88a80064810000c886dd${ipv6('11', 60)}${UDP}`, 122) },
  { name: 'ARP', bytes: frame(`08060001080006040001${'00'.repeat(20)}`, 60) },
];

/** Times between packets, ns: bursts and pauses. */
export const GAPS: readonly bigint[] = [0n, 0n, 1_000n, 120_000n, 0n, 4_000_000n, 30_000_000n];
/** ns. A busy host's monotonic clock: programs may not assume that it starts at 0. */
export const START = 1_000_000_000_000n;
