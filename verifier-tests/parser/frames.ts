/** Frames of every combination of link, network and transport headers, whole, cut short, and with false lengths. */
import { NETWORKS, type Network } from './networks.ts';
import { TRANSPORTS, type Transport } from './transports.ts';
import { u16 } from './words.ts';

export interface Frame {
  /** Which headers it has, for reports. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What a dissector is given in its place: the same frame with its lengths told rightly. */
  readonly honest?: Uint8Array;
  /** Bytes that are left of the transport header and its payload. */
  readonly transportBytes: number;
}

const MACS = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2] as const;

/** Tags in front of the EtherType, outermost first. */
const LINKS: Readonly<Record<string, readonly number[]>> = {
  untagged: [],
  '802.1Q': [0x8100],
  '802.1ad': [0x88a8],
  QinQ: [0x88a8, 0x8100],
  '802.1Q twice': [0x8100, 0x8100],
  '802.1ad within 802.1Q': [0x8100, 0x88a8],
};

const header = (tags: readonly number[], type: number): readonly number[] => [
  ...MACS,
  ...tags.flatMap((tag, index) => [...u16(tag), ...u16(0x2000 | (index + 5))]),
  ...u16(type),
];

function frameOf(link: string, tags: readonly number[], network: Network, transport: Transport): Frame {
  const start = header(tags, network.type);
  const name = `${link}, ${network.name}, ${transport.name}`;
  const bytes = Uint8Array.from([...start, ...network.wrap(transport)]);
  const { honest } = network;
  const transportBytes = transport.bytes.length;
  return honest === undefined
    ? { name, bytes, transportBytes }
    : { name, bytes, transportBytes, honest: Uint8Array.from([...start, ...honest(transport)]) };
}

/** Every combination, whole. */
export function* wholeFrames(): Generator<Frame> {
  for (const [link, tags] of Object.entries(LINKS)) {
    for (const network of NETWORKS) {
      for (const transport of TRANSPORTS) yield frameOf(link, tags, network, transport);
    }
  }
}

/** SCTP's common header: a dissector gives no ports unless all of it is there. */
const SCTP = { protocol: 132, ports: 4 } as const;

/** Every combination under one link layer, cut at each of the first bytes of the transport header. */
export function* cutTransports(most: number): Generator<Frame> {
  for (const network of NETWORKS) {
    for (const transport of TRANSPORTS) {
      const { name, bytes } = frameOf('untagged', [], network, transport);
      if (network.honest !== undefined) continue;
      for (let left = 0; left < Math.min(most, transport.bytes.length); left += 1) {
        const cut = bytes.slice(0, bytes.length - transport.bytes.length + left);
        const portsAlone = transport.protocol === SCTP.protocol && left >= SCTP.ports;
        yield {
          name: `${name}, ${left} bytes of it`,
          bytes: cut,
          transportBytes: left,
          honest: portsAlone ? bytes : cut,
        };
      }
    }
  }
}

/** Where a dissector needs a frame cut to see what can be seen of one that has `left` bytes of its network layer. */
function wholeHeaders({ ends, suffices }: Network, left: number): number {
  const [fixed = 0] = ends;
  if (left < fixed) return left;
  const start = ends.findLast((end) => end <= left) ?? fixed;
  return left - start < suffices ? start : (ends.find((end) => end > left) ?? start);
}

/** Every combination of link and network headers, cut at each byte from the Ethernet header's end on. */
export function* cutNetworks(): Generator<Frame> {
  const [transport] = TRANSPORTS;
  if (transport === undefined) return;
  for (const [link, tags] of Object.entries(LINKS)) {
    for (const network of NETWORKS) {
      if (network.honest !== undefined) continue;
      const { name, bytes } = frameOf(link, tags, network, transport);
      const start = header(tags, network.type).length;
      for (let length = MACS.length + 2; length < bytes.length - transport.bytes.length; length += 1) {
        const seen = length < start ? length : start + wholeHeaders(network, length - start);
        yield {
          name: `${name}, cut at ${length}`,
          bytes: bytes.slice(0, length),
          transportBytes: 0,
          honest: bytes.slice(0, seen),
        };
      }
    }
  }
}

/** What isn't IP, or says so wrongly. */
export function* otherFrames(): Generator<Frame> {
  const payload = Array.from({ length: 46 }, (_, index) => index);
  const types: Readonly<Record<string, number>> = {
    ARP: 0x0806,
    LLDP: 0x88cc,
    MPLS: 0x8847,
    PPPoE: 0x8864,
    'no known protocol': 0x1234,
    'another no known protocol': 0xfffe,
    'IPv4 of version 0': 0x0800,
    'IPv6 of version 0': 0x86dd,
  };
  const lengths: Readonly<Record<string, number>> = {
    '802.3': 46,
    '802.3 of length 10': 10,
    '802.3 of length 0': 0,
  };
  for (const [link, tags] of Object.entries(LINKS)) {
    for (const [name, type] of Object.entries({ ...types, ...lengths })) {
      const bytes = Uint8Array.from([...header(tags, type), ...payload]);
      yield { name: `${link}, ${name}`, bytes, transportBytes: 0 };
    }
  }
}

/** The whole frame of this name. */
export function frameNamed(name: string): Uint8Array {
  for (const frames of [wholeFrames(), otherFrames()]) {
    for (const frame of frames) if (frame.name === name) return frame.bytes;
  }
  throw new Error(`no frame is named ${name}`);
}
