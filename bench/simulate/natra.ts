/** natra itself as a limiter of modelled flows: its bytecode in the BPF VM, packet by packet. */
import type { Direction } from '../../cni/config/bandwidth.ts';
import { dataplaneSettings, type Limit } from '../../cni/settings.ts';
import { type Count, VERDICTS, type VerdictName } from '../../cni/verdicts.ts';
import { Clock, isValueMap, RandomSource, Skb } from '../../dsl/machine/index.ts';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { createVm } from '../../dsl/vm/index.ts';
import { sectionContents } from '../../loader/object/sections.ts';
import { HEADER_BYTES, type Limiter, SEGMENT_BYTES } from './limiters.ts';

const TC_ACT_SHOT = 2n;
/** CONFIG_HZ=250: the coarse clock's tick. */
const TICK = 4_000_000n;
const SEED = 0x9e3779b97f4a7c15n;
const ECT_0 = 2;
const SERVER_PORT = 8080;

/** Ethernet, IPv4 and TCP headers of a flow: the Pod 10.0.0.2 and a client whose port names the flow. */
function headers(flow: number, totalBytes: number, ecnCapable: boolean): Uint8Array {
  const bytes = new Uint8Array(totalBytes);
  const view = new DataView(bytes.buffer);
  view.setUint16(12, 0x0800);
  view.setUint8(14, 0x45);
  view.setUint8(15, ecnCapable ? ECT_0 : 0);
  view.setUint16(16, Math.min(totalBytes - 14, 0xffff));
  view.setUint8(22, 64);
  view.setUint8(23, 6);
  view.setUint32(26, 0x0a000002);
  view.setUint32(30, 0x0a000100 + Math.floor(flow / 28_000));
  view.setUint16(34, SERVER_PORT);
  view.setUint16(36, 32_768 + (flow % 28_000));
  view.setUint8(46, ((HEADER_BYTES - 34) / 4) << 4);
  return bytes;
}

export interface SimulatedNatra extends Limiter {
  readonly counts: () => Readonly<Record<VerdictName, Count>>;
  /** BPF instructions run so far. */
  readonly steps: () => number;
}

/**
 * A fresh limiter from the one program of an object, programs/limit.ts or another version of it. A Pod's own TCP, on its way out,
 * is told otherwise than one that sends to it.
 */
export function natraLimiter(object: ObjectImage, limit: Limit, direction: Direction): SimulatedNatra {
  const [{ name: program } = {}] = object.programs;
  if (program === undefined) throw new Error('simulate: the object has no program');
  const clock = new Clock();
  const vm = createVm(object, { clock, random: new RandomSource(1) });
  const rodata = object.sections.find((section) => section.name === '.rodata');
  if (rodata === undefined) throw new Error(`simulate ${program}: the object has no settings`);
  const settings = { config: { ...dataplaneSettings(limit, direction), seed: SEED } };
  vm.sections.get('.rodata')?.set(sectionContents(rodata, settings));
  let steps = 0;
  return {
    admit(packet, now) {
      const bytes = headers(packet.flow, HEADER_BYTES + packet.payloadBytes, packet.ecnCapable);
      const skb = new Skb(bytes, {
        linearLength: HEADER_BYTES,
        gsoSegs: packet.segments,
        gsoSize: SEGMENT_BYTES,
      });
      clock.set(BigInt(Math.floor(now)), TICK);
      const run = vm.run(program, skb);
      steps += run.steps;
      if (run.r0 === TC_ACT_SHOT) return { kind: 'drop' };
      const departure = limit.pacing === 'edt' ? Math.max(now, Number(skb.tstamp)) : now;
      return { kind: 'send', departure, marked: packet.ecnCapable && ((skb.data[15] ?? 0) & 3) === 3 };
    },
    counts: () => readCounts(vm.maps.get('counters')),
    steps: () => steps,
  };
}

function readCounts(map: ReturnType<ReturnType<typeof createVm>['maps']['get']>): Record<VerdictName, Count> {
  if (map === undefined || !isValueMap(map)) throw new Error('simulate: the object has no counters');
  const key = new Uint8Array(4);
  const counts = VERDICTS.map(({ name }, verdict) => {
    new DataView(key.buffer).setUint32(0, verdict, true);
    const value = map.lookup(key);
    const view = new DataView((value ?? new Uint8Array(16)).slice().buffer);
    return [name, { packets: view.getBigUint64(0, true), bytes: view.getBigUint64(8, true) }] as const;
  });
  return Object.fromEntries(counts) as Record<VerdictName, Count>;
}
