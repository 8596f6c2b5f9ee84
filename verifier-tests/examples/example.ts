/** The example programs: compiled from their source, and packets for them. */
import path from 'node:path';
import { compile, formatDiagnostic } from '../../dsl/compiler/index.ts';
import type { ModuleTree } from '../../dsl/compiler/tree/tree.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import type { Step } from '../differential/world.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Compiles programs/examples/NAME.ts, its clock in memory when asked for. */
export function example(
  name: string,
  seams: 'kernel' | 'memory' = 'kernel',
): { object: ObjectImage; tree: ModuleTree } {
  const { object, tree, diagnostics } = compile(`programs/examples/${name}.ts`, { root, seams });
  if (object === undefined || tree === undefined)
    throw new Error(diagnostics.map((one) => formatDiagnostic(one, new Map())).join('\n'));
  return { object, tree };
}

export interface Ipv4Packet {
  readonly protocol: number;
  readonly source?: number;
  readonly destinationPort?: number;
  /** Of the fragment, in units of 8 bytes. */
  readonly fragmentOffset?: number;
  /** 32-bit words of options. */
  readonly optionWords?: number;
  /** Bytes of the whole frame. */
  readonly length?: number;
}

const IPV4 = 14;

/** An Ethernet frame with an IPv4 packet. */
export function ipv4(packet: Ipv4Packet): Uint8Array {
  const words = 5 + (packet.optionWords ?? 0);
  const length = packet.length ?? 64 + words * 4;
  const bytes = new Uint8Array(Math.max(length, IPV4 + words * 4 + 4));
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  view.setUint8(IPV4, 0x40 | words);
  view.setUint16(IPV4 + 6, packet.fragmentOffset ?? 0);
  view.setUint8(IPV4 + 9, packet.protocol);
  view.setUint32(IPV4 + 12, packet.source ?? 0x0a000001);
  view.setUint16(IPV4 + words * 4 + 2, packet.destinationPort ?? 0);
  return bytes.slice(0, length);
}

/** An Ethernet frame with an IPv6 packet. */
export function ipv6(nextHeader: number): Uint8Array {
  const bytes = new Uint8Array(80);
  bytes.set([0x86, 0xdd, 0x60], 12);
  bytes[IPV4 + 6] = nextHeader;
  return bytes;
}

/** One packet through a program at a time, ns. */
export const step = (program: string, packet: Uint8Array, now = 0n): Step => ({
  program,
  packet,
  fields: {},
  now,
  coarse: now,
  ticks: now,
  random: 0,
});
