/** A flow key in the field's words: addresses, protocol, ports. */
import type { Seen } from './flow-key.ts';

/** What tells flows of one protocol between two hosts apart, by the protocol. */
export type Transport =
  | { readonly sourcePort: number; readonly destinationPort: number }
  | { readonly spi: number }
  | { readonly key: number }
  | { readonly type: number; readonly identifier: number }
  | Record<never, never>;

export type Key = {
  readonly ecn: 'not ECT' | 'ECT(1)' | 'ECT(0)' | 'CE';
  /** ARP or neighbour discovery. */
  readonly vital: boolean;
  /** Bytes up to the payload, 0 when unknown. */
  readonly headerBytes: number;
} & (
  | { readonly etherType: number }
  | ({ readonly source: string; readonly destination: string; readonly protocol: number } & Transport)
);

const ECN = ['not ECT', 'ECT(1)', 'ECT(0)', 'CE'] as const;
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);
const WITH_SPI: ReadonlySet<number> = new Set([50, 51]);
const ICMP: ReadonlySet<number> = new Set([1, 58]);
const GRE = 47;

export const address4 = (address: bigint): string =>
  [24n, 16n, 8n, 0n].map((shift) => (address >> shift) & 0xffn).join('.');

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
export function address6(high: bigint, low: bigint): string {
  const whole = (high << 64n) | low;
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((whole >> BigInt(112 - 16 * index)) & 0xffffn),
  );
  let best = { start: 0, length: 1 };
  for (let start = 0; start < groups.length; start += 1) {
    let length = 0;
    while (groups[start + length] === 0) length += 1;
    if (length > best.length) best = { start, length };
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return best.length < 2
    ? text(groups)
    : `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
}

function transportOf(protocol: number, id: number): Transport {
  const high = id >>> 16;
  const low = id & 0xffff;
  if (WITH_PORTS.has(protocol)) return { sourcePort: high, destinationPort: low };
  if (WITH_SPI.has(protocol)) return { spi: id };
  if (protocol === GRE) return { key: id };
  return ICMP.has(protocol) ? { type: high, identifier: low } : {};
}

export function describeKey(seen: Seen): Key {
  const common = {
    ecn: ECN[seen.ecn & 3] ?? ECN[0],
    vital: seen.vital !== 0,
    headerBytes: seen.headerBytes,
  };
  if (seen.version === 0) return { etherType: Number(seen.transport), ...common };
  const protocol = Number(seen.transport >> 32n);
  const [source, destination] =
    seen.version === 4
      ? [address4(seen.sourceLow), address4(seen.destinationLow)]
      : [address6(seen.sourceHigh, seen.sourceLow), address6(seen.destinationHigh, seen.destinationLow)];
  const id = Number(seen.transport & 0xffffffffn);
  return { source, destination, protocol, ...transportOf(protocol, id), ...common };
}
