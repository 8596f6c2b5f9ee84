import { readFileSync } from 'node:fs';
import { monotonicSeconds } from './clock.ts';
import type { Sample } from './window.ts';

/** What a namespace's IP layer received, and what its TCP sent again. All cumulative. */
export interface IpCounters {
  /** skbs; a GSO packet counts once. */
  readonly packets: number;
  /** Bytes of those skbs from the IP header on; a GSO packet counts its headers once. */
  readonly octets: number;
  /** Packets as they are on a wire; a GSO packet counts its segments. */
  readonly segments: number;
  readonly congestionMarked: number;
  readonly retransmitted: number;
  /** Tail loss probes (RFC 8985). */
  readonly lossProbes: number;
}

const ETHERNET_HEADER = 14;
/** What every further segment of a GSO packet repeats: IPv4 without options, and TCP with timestamps or UDP. */
export const SEGMENT_HEADERS = { tcp: 20 + 32, udp: 20 + 8 } as const;

/** Processor time of the whole machine since its boot, in ticks. */
export interface ProcessorTime {
  readonly busy: number;
  readonly all: number;
}

/** The first line of /proc/stat: user, nice, system, idle, iowait and others. */
export function processorTime(): ProcessorTime {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  const all = ticks.reduce((sum, each) => sum + each, 0);
  return { busy: all - (ticks[3] ?? 0) - (ticks[4] ?? 0), all };
}

/**
 * Bytes on the wire (from the Ethernet header, as `wire_len` counts them), from the receiver's counters alone:
 * a veth carries GSO packets whole, so interface counters miss the headers of all segments but the first.
 */
export function wireBytes(
  { packets, octets, segments }: IpCounters,
  segmentHeaders: number = SEGMENT_HEADERS.tcp,
): number {
  return octets + segments * ETHERNET_HEADER + (segments - packets) * segmentHeaders;
}

/**
 * The counters of the network namespace that a process lives in. The ECN counters count segments
 * (net/ipv4/ip_input.c, ip_rcv_core: IPSTATS_MIB_NOECTPKTS by gso_segs); InReceives and InOctets count skbs.
 */
export function readCounters(pid: number): IpCounters {
  const snmp = readTable(readFileSync(`/proc/${pid}/net/snmp`, 'utf8'));
  const netstat = readTable(readFileSync(`/proc/${pid}/net/netstat`, 'utf8'));
  const of = (table: ReadonlyMap<string, number>, name: string): number => {
    const value = table.get(name);
    if (value === undefined)
      throw new Error(`read the counters of process ${pid}: the kernel has no ${name}`);
    return value;
  };
  const congestionMarked = of(netstat, 'IpExt.InCEPkts');
  return {
    packets: of(snmp, 'Ip.InReceives'),
    octets: of(netstat, 'IpExt.InOctets'),
    segments:
      of(netstat, 'IpExt.InNoECTPkts') +
      of(netstat, 'IpExt.InECT0Pkts') +
      of(netstat, 'IpExt.InECT1Pkts') +
      congestionMarked,
    congestionMarked,
    retransmitted: of(snmp, 'Tcp.RetransSegs'),
    lossProbes: of(netstat, 'TcpExt.TCPLossProbes'),
  };
}

/**
 * Segments that TCP sent again for a loss. A probe is mostly a segment sent again, to ask whether there was a loss; where it is
 * a new one (tcp_send_loss_probe, net/ipv4/tcp_output.c), it is taken off all the same.
 */
export const resentBetween = (before: IpCounters, after: IpCounters): number =>
  Math.max(0, after.retransmitted - before.retransmitted - (after.lossProbes - before.lossProbes));

/** Samples the wire bytes that reach a namespace until stopped; `samples` grows as it runs. */
export class WireSampler {
  readonly samples: Sample[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #read: () => IpCounters;
  readonly #segmentHeaders: number;
  readonly #origin: number;

  /** `segmentHeaders`: of the GSO packets that most of the traffic consists of. */
  constructor(read: () => IpCounters, milliseconds = 20, segmentHeaders: number = SEGMENT_HEADERS.tcp) {
    this.#read = read;
    this.#segmentHeaders = segmentHeaders;
    this.#origin = wireBytes(read(), segmentHeaders);
    this.#take();
    this.#timer = setInterval(() => this.#take(), milliseconds);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#take();
  }

  #take(): void {
    const bytes = wireBytes(this.#read(), this.#segmentHeaders) - this.#origin;
    this.samples.push({ time: monotonicSeconds(), bytes });
  }
}

/** The kernel's two-line tables (`Name: columns` then `Name: values`) as `Name.column` -> value. */
export function readTable(text: string): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  const lines = text.trimEnd().split('\n');
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const [name = '', ...columns] = (lines[index] ?? '').split(' ');
    const values = (lines[index + 1] ?? '').split(' ').slice(1);
    columns.forEach((column, position) => {
      table.set(`${name.slice(0, -1)}.${column}`, Number(values[position]));
    });
  }
  return table;
}
