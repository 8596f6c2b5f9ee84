/** The classifiers under comparison: what each takes a packet's flow for. */
import path from 'node:path';
import { dataplaneSettings } from '../../cni/settings.ts';
import { tcpFrame } from '../dataplane/packets.ts';
import { type Machine, machineOf, type Place } from './machine.ts';

/** Clocks of programs are far from 0, ns. */
const START = 1e12;
const SEED = 0x9e3779b97f4a7c15n;

export interface Verdict {
  readonly heavy: boolean;
  readonly passes: boolean;
}

export interface Classifier {
  readonly name: string;
  /** Memory of the sketch, of one direction of one Pod. */
  readonly sketchBytes: number;
  /** Forgets everything. */
  clear(): void;
  /** `time` is ns since the trace's start. */
  classify(flow: number, bytes: number, time: number): Verdict;
  /** Only whether it passes, for flows whose class nobody asks for: cheaper. */
  passes(flow: number, bytes: number, time: number): boolean;
  close(): void;
}

/** A frame of each length, its flow written anew for each packet. */
class Frames {
  readonly #frame = tcpFrame({ length: 1514 });
  readonly #view = new DataView(this.#frame.buffer);

  of(flow: number, bytes: number): Uint8Array {
    this.#view.setUint16(16, bytes - 14);
    this.#view.setUint32(26, 0x0a000001 + (flow >>> 16));
    this.#view.setUint16(34, flow & 0xffff);
    return this.#frame.subarray(0, bytes);
  }
}

function clear({ globals }: Machine): void {
  new Uint8Array(globals.buffer, globals.byteOffset, globals.byteLength).fill(0);
}

const program = (file: string): string => path.join(import.meta.dirname, file);

/** natra as it limits with departure times. A flow is heavy by the least of its cells, which the program itself shows. */
export function natra(bytesPerSecond: number, where: Place): Classifier {
  const limit = { rateBitsPerSecond: 8 * bytesPerSecond, pacing: 'edt' } as const;
  const config = dataplaneSettings(limit, 'egress');
  const heavyLevel = BigInt(config.heavyLevel ?? 0);
  const machine = machineOf(program('../../programs/limit.ts'), { config: { ...config, seed: SEED } }, where);
  const { offset, length } = machine.place('state', 'cells');
  const cells = new BigUint64Array(machine.globals.buffer, machine.globals.byteOffset + offset, length / 8);
  const frames = new Frames();
  const cellsOf = new Map<number, readonly number[]>();

  /** Its cells are those that one packet of it changes in an empty sketch. */
  const find = (flow: number): readonly number[] => {
    const known = cellsOf.get(flow);
    if (known !== undefined) return known;
    const { buffer, byteOffset, byteLength } = machine.globals;
    const globals = new Uint8Array(buffer, byteOffset, byteLength);
    const kept = globals.slice();
    globals.fill(0);
    machine.passes(frames.of(flow, 1000), START);
    const found: number[] = [];
    cells.forEach((cell, index) => {
      if (cell !== 0n) found.push(index);
    });
    globals.set(kept);
    cellsOf.set(flow, found);
    return found;
  };
  const levelOf = (own: readonly number[], now: bigint): bigint => {
    let least = cells[own[0] ?? 0] ?? 0n;
    for (const index of own) {
      const cell = cells[index] ?? 0n;
      if (cell < least) least = cell;
    }
    return least - now;
  };
  return {
    name: 'natra',
    sketchBytes: length,
    clear: () => clear(machine),
    classify(flow, bytes, time) {
      const own = find(flow);
      const passes = machine.passes(frames.of(flow, bytes), START + time);
      return { heavy: levelOf(own, BigInt(Math.floor(START + time))) > heavyLevel, passes };
    },
    passes: (flow, bytes, time) => machine.passes(frames.of(flow, bytes), START + time),
    close: () => machine.close(),
  };
}

/** Of the reference: 100 ms of C are heavy, mice are free up to four times that a window, a bucket holds 200 ms of C. */
const REFERENCE = { thresholdSeconds: 0.1, budget: 4, burstSeconds: 0.2 };

export function reference(bytesPerSecond: number, where: Place): Classifier {
  const threshold = BigInt(Math.round(REFERENCE.thresholdSeconds * bytesPerSecond));
  const limits = {
    bytesPerNs: BigInt(Math.round((bytesPerSecond * 2 ** 20) / 1e9)),
    burst: BigInt(Math.round(REFERENCE.burstSeconds * bytesPerSecond)),
    threshold,
    budget: BigInt(REFERENCE.budget) * threshold,
  };
  const machine = machineOf(program('programs/reference.ts'), { limits, config: { seed: SEED } }, where);
  const heavy = machine.place('bucket', 'heavy').offset;
  const frames = new Frames();
  const passes = (flow: number, bytes: number, time: number): boolean =>
    machine.passes(frames.of(flow, bytes), START + time);
  return {
    name: 'reference',
    sketchBytes: machine.place('sketch', 'bytes').length + machine.place('sketch', 'interval').length,
    clear: () => clear(machine),
    classify(flow, bytes, time) {
      const passed = passes(flow, bytes, time);
      return { heavy: machine.globals.getUint32(heavy, true) === 1, passes: passed };
    },
    passes,
    close: () => machine.close(),
  };
}
