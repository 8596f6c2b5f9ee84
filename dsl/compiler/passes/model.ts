/** A small model of what a classifier has at hand, for tests to run IR on. */
import { evaluateProgram, Memory } from '../ir/evaluate.ts';
import type { IrFunction } from '../ir/ir.ts';

/** Where the context has the packet's start and end. */
export const DATA = 76;
export const DATA_END = 80;
/** bpf_skb_pull_data, in the model too the one helper that moves the packet. */
export const PULL = 39;
const CONTEXT_BYTES = 192;
const PACKET_BYTES = 64;
/** What stale pointers see. */
const STALE = 0xee;

/** What a run leaves behind: its result, the memory that others see, and the helper calls in order. */
export interface Outcome {
  readonly result: bigint;
  readonly context: string;
  readonly bss: string;
  readonly calls: readonly string[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Runs an entry function on memory filled from `seed`. Gives nothing when it doesn't end soon. */
export function run(fn: IrFunction, seed: Uint8Array): Outcome | undefined {
  const filled = (length: number): Uint8Array =>
    Uint8Array.from({ length }, (_, i) => seed[i % seed.length] ?? 0);
  const memory = new Memory();
  const context = filled(CONTEXT_BYTES);
  const bss = new Uint8Array(64);
  const sections = { '.bss': memory.place(bss), '.rodata': memory.place(filled(64)), '.data': 0n };
  const start = memory.place(context);
  let packet: Uint8Array = new Uint8Array(0);
  const placePacket = (bytes: Uint8Array): void => {
    packet.fill(STALE);
    packet = bytes;
    const address = memory.place(packet);
    memory.write(start + BigInt(DATA), 4, address);
    memory.write(start + BigInt(DATA_END), 4, address + BigInt(packet.length));
  };
  placePacket(filled(PACKET_BYTES));
  const calls: string[] = [];
  const helper = (id: number, values: readonly bigint[]): bigint => {
    calls.push(`${id}(${values.slice(1).join(', ')})`);
    if (id === PULL) {
      placePacket(packet.slice());
    }
    return BigInt(calls.length);
  };
  const map = (name: string): bigint => {
    throw new Error(`the model has no map ${name}`);
  };
  try {
    const section = (name: '.rodata' | '.data' | '.bss'): bigint => sections[name];
    const environment = { memory, helper, section, map, fuel: 200 };
    const result = evaluateProgram({ name: fn.name, functions: [fn] }, [start], environment);
    // The packet's addresses are the model's own.
    context.fill(0, DATA, DATA_END + 4);
    return { result, context: hex(context), bss: hex(bss), calls };
  } catch (error) {
    if (error instanceof Error && error.message.includes('fuel')) {
      return undefined;
    }
    throw error;
  }
}
