/** What IP carries: headers with a few bytes of payload. */
import { u16, u32 } from './words.ts';

export interface Transport {
  readonly name: string;
  /** IP protocol number. */
  readonly protocol: number;
  readonly bytes: readonly number[];
}

/** Ports, SPIs and keys have four different bytes, so that no confusion of bytes passes unseen. */
const PORTS = [...u16(0x8182), ...u16(0x8384)];
const PAYLOAD = new Array<number>(24).fill(0xee);

function tcp(name: string, optionBytes: number, dataOffset = 5 + optionBytes / 4): Transport {
  const fixed = [...PORTS, ...u32(1), ...u32(2), dataOffset << 4, 0x10, ...u16(512), ...u32(0)];
  return { name, protocol: 6, bytes: [...fixed, ...new Array<number>(optionBytes).fill(1), ...PAYLOAD] };
}

function icmp(name: string, protocol: 1 | 58, type: number): Transport {
  return { name, protocol, bytes: [type, 0, ...u16(0), ...u16(0x9192), ...u16(7), ...PAYLOAD] };
}

const GRE = { checksum: 0x8000, routing: 0x4000, key: 0x2000, sequence: 0x1000 } as const;

/** RFC 2890, with RFC 1701's routing: an empty list of sources. */
function gre(flags: readonly (keyof typeof GRE)[]): Transport {
  const has = (flag: keyof typeof GRE): boolean => flags.includes(flag);
  const word = flags.reduce((all, flag) => all | GRE[flag], 0);
  return {
    name: `GRE ${flags.length === 0 ? 'alone' : `with ${flags.join(', ')}`}`,
    protocol: 47,
    bytes: [
      ...u16(word),
      ...u16(0x1234),
      ...(has('checksum') || has('routing') ? u32(0) : []),
      ...(has('key') ? u32(0xa1a2a3a4) : []),
      ...(has('sequence') ? u32(0xb1b2b3b4) : []),
      ...(has('routing') ? u32(0) : []),
      ...PAYLOAD,
    ],
  };
}

const everyGre = Array.from({ length: 16 }, (_, bits) =>
  gre((['checksum', 'routing', 'key', 'sequence'] as const).filter((_flag, index) => (bits >> index) & 1)),
);

const innerUdp = [...PORTS, ...u16(8), ...u16(0)];
const inner4 = [
  ...[0x45, 0, ...u16(28), ...u32(0), 64, 17, ...u16(0)],
  ...[192, 168, 7, 1, 192, 168, 7, 2],
  ...innerUdp,
];
const inner6 = [
  ...[0x60, 0, 0, 0, ...u16(8), 17, 64],
  ...[0xfd, ...new Array<number>(14).fill(0), 1, 0xfd, ...new Array<number>(14).fill(0), 2],
  ...innerUdp,
];

export const TRANSPORTS: readonly Transport[] = [
  tcp('TCP', 0),
  tcp('TCP with 12 bytes of options', 12),
  tcp('TCP with 40 bytes of options', 40),
  tcp('TCP with a data offset of 0', 0, 0),
  tcp('TCP with a data offset of 15 that is not there', 0, 15),
  { name: 'UDP', protocol: 17, bytes: [...PORTS, ...u16(32), ...u16(0), ...PAYLOAD] },
  { name: 'UDP of length 0', protocol: 17, bytes: [...PORTS, ...u16(0), ...u16(0), ...PAYLOAD] },
  { name: 'UDP of length 60000', protocol: 17, bytes: [...PORTS, ...u16(60000), ...u16(0), ...PAYLOAD] },
  { name: 'UDP-Lite', protocol: 136, bytes: [...PORTS, ...u16(8), ...u16(0), ...PAYLOAD] },
  // A DATA chunk (RFC 9260 section 3.3.1).
  {
    name: 'SCTP',
    protocol: 132,
    bytes: [
      ...PORTS,
      ...u32(9),
      ...u32(0),
      0,
      3,
      ...u16(24),
      ...u32(1),
      ...u32(0),
      ...u32(0),
      ...u32(0),
      0,
      0,
    ],
  },
  // DataAck, extended sequence numbers (RFC 4340 section 5.1).
  {
    name: 'DCCP',
    protocol: 33,
    bytes: [...PORTS, 6, 0, ...u16(0), 9, 0, ...u16(0), ...u32(1), ...u32(0), ...u32(1), ...PAYLOAD],
  },
  icmp('ICMP echo request', 1, 8),
  icmp('ICMP echo reply', 1, 0),
  icmp('ICMP unreachable', 1, 3),
  icmp('ICMP timestamp', 1, 13),
  icmp('ICMPv6 echo request', 58, 128),
  icmp('ICMPv6 echo reply', 58, 129),
  icmp('ICMPv6 packet too big', 58, 2),
  icmp('ICMPv6 multicast report', 58, 143),
  ...[133, 134, 135, 136, 137].map((type) => icmp(`ICMPv6 neighbour discovery ${type}`, 58, type)),
  ...everyGre,
  // RFC 2637 section 4.1: payload length and call identifier in place of the key.
  {
    name: 'GRE of PPTP',
    protocol: 47,
    bytes: [...u16(0x3001), ...u16(0x880b), ...u16(24), ...u16(0xa3a4), ...u32(1), ...PAYLOAD],
  },
  { name: 'ESP', protocol: 50, bytes: [...u32(0xc1c2c3c4), ...u32(1), ...PAYLOAD] },
  {
    name: 'AH',
    protocol: 51,
    bytes: [6, 4, 0, 0, ...u32(0xd1d2d3d4), ...u32(1), ...u32(0), ...u32(0), ...u32(0), ...tcp('', 0).bytes],
  },
  { name: 'IPv4', protocol: 4, bytes: inner4 },
  { name: 'IPv6', protocol: 41, bytes: inner6 },
  { name: 'nothing next', protocol: 59, bytes: PAYLOAD },
  { name: 'an experiment', protocol: 253, bytes: PAYLOAD },
];
