/** The heaviest flows of a direction, from the table that the kernel program keeps (programs/flows.ts). */
import { bytesIn, type Limit } from '../limit.ts';

/** One place of the table as the kernel has it. */
export interface FlowEntry {
  readonly hash: number;
  readonly since: number;
  readonly transport: bigint;
  readonly sourceHigh: bigint;
  readonly sourceLow: bigint;
  readonly destinationHigh: bigint;
  readonly destinationLow: bigint;
  readonly quanta: bigint;
  readonly last: bigint;
}

export interface Flow {
  /** `tcp`, `udp` or whatever /etc/protocols calls it, else the number; `ethernet` where there is no IP header. */
  readonly protocol: string;
  /** Address, with the port where the protocol has ports. Without an IP header the EtherType alone, as 0x0806. */
  readonly source: string;
  readonly destination: string;
  /** Of the key where it isn't two ports: SPI, GRE key, ICMP type and identifier. */
  readonly id: number | undefined;
  /** Wire bytes since it was noticed, estimated from samples. */
  readonly bytes: number;
  /** Between the two readings. */
  readonly bitsPerSecond: number;
}

/** 2^18 ns of the rate are one sample; see programs/flows.ts. */
const QUANTUM = 1n << 18n;
const PROTOCOLS: Readonly<Record<number, string>> = {
  1: 'icmp',
  4: 'ipip',
  6: 'tcp',
  17: 'udp',
  33: 'dccp',
  41: 'ipv6',
  47: 'gre',
  50: 'esp',
  51: 'ah',
  58: 'icmpv6',
  132: 'sctp',
  136: 'udplite',
};
const WITH_PORTS: ReadonlySet<string> = new Set(['tcp', 'udp', 'dccp', 'sctp', 'udplite']);

/** The table at one time. */
export interface FlowReading {
  /** Of the monotonic clock, ns. */
  readonly at: bigint;
  readonly flows: readonly FlowEntry[];
}

/** The flows that were heavy between two readings, the heaviest first. */
export function flowsBetween(first: FlowReading, second: FlowReading, limit: Limit): Flow[] {
  const nanoseconds = Number(second.at - first.at);
  return second.flows
    .flatMap((entry) => {
      const before = first.flows.find(({ hash, since }) => hash === entry.hash && since === entry.since);
      const quanta = entry.quanta - (before?.quanta ?? 0n);
      if (entry.hash === 0 || quanta === 0n || nanoseconds <= 0) return [];
      const bitsPerSecond = Math.round((Number(bytesIn(limit, quanta * QUANTUM)) * 8e9) / nanoseconds);
      return [flowOf(entry, bitsPerSecond, limit)];
    })
    .sort((a, b) => b.bitsPerSecond - a.bitsPerSecond);
}

function flowOf(entry: FlowEntry, bitsPerSecond: number, limit: Limit): Flow {
  const { transport } = entry;
  const version = transport >> 56n;
  const id = Number(transport & 0xffffffffn);
  const number = Number((transport >> 32n) & 0xffn);
  const amount = { bytes: Number(bytesIn(limit, entry.quanta * QUANTUM)), bitsPerSecond };
  if (version === 0n)
    return {
      protocol: 'ethernet',
      source: `0x${id.toString(16).padStart(4, '0')}`,
      destination: '',
      id: undefined,
      ...amount,
    };
  const protocol = PROTOCOLS[number] ?? String(number);
  const hasPorts = WITH_PORTS.has(protocol);
  const [sourcePort, destinationPort] = hasPorts ? [id >>> 16, id & 0xffff] : [undefined, undefined];
  return {
    protocol,
    source: endpoint(version, entry.sourceHigh, entry.sourceLow, sourcePort),
    destination: endpoint(version, entry.destinationHigh, entry.destinationLow, destinationPort),
    id: hasPorts || id === 0 ? undefined : id,
    ...amount,
  };
}

/** `10.0.0.1:443`, `[2001:db8::1]:443`; the fragments of a flow have no ports, and port 0 stands for that. */
function endpoint(version: bigint, high: bigint, low: bigint, port: number | undefined): string {
  const address = version === 4n ? ipv4(low) : ipv6(high, low);
  if (port === undefined) return address;
  return version === 4n ? `${address}:${port}` : `[${address}]:${port}`;
}

const ipv4 = (address: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');

/** RFC 5952: the longest run of two zero groups or more is left out. */
export function ipv6(high: bigint, low: bigint): string {
  const groups = [high, low].flatMap((half) => [48n, 32n, 16n, 0n].map((shift) => (half >> shift) & 0xffffn));
  const text = groups.map((group) => group.toString(16)).join(':');
  const zeros = [...text.matchAll(/\b0(?::0)+\b/g)].sort((a, b) => b[0].length - a[0].length)[0];
  if (zeros === undefined) return text;
  const before = text.slice(0, zeros.index).replace(/:$/, '');
  const after = text.slice(zeros.index + zeros[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}
