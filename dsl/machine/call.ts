/**
 * What each helper of the table (helpers.ts) does, by its name in the language, free of how memory is addressed:
 * the VM resolves pointers, the interpreter references, and both pass plain views here.
 */
import type { Clock, RandomSource } from './clock.ts';
import type { Skb } from './skb.ts';
import {
  l3CsumReplace,
  skbEcnSetCe,
  skbLoadBytes,
  skbPullData,
  skbSetTstamp,
  skbStoreBytes,
} from './skb-helpers.ts';

/** What a helper may look at besides its arguments. */
export interface Machine {
  readonly clock: Clock;
  readonly random: RandomSource;
  /** The CPU that the program runs on. */
  readonly cpu: number;
  /** The packet, for programs that have one. */
  readonly skb: Skb | undefined;
}

/**
 * Arguments in the table's order without the context: scalars as unsigned 64-bit values, and each `ref` with its
 * `size` as one view of the memory.
 */
export interface HelperOperands {
  readonly scalars: readonly bigint[];
  readonly memory: readonly Uint8Array[];
}

type Implementation = (machine: Machine, operands: HelperOperands) => bigint;

const IMPLEMENTATIONS: ReadonlyMap<string, Implementation> = new Map<string, Implementation>([
  ['ktimeGetNs', (machine) => machine.clock.now],
  ['ktimeGetCoarseNs', (machine) => machine.clock.coarse],
  ['jiffies64', (machine) => machine.clock.jiffies],
  ['getPrandomU32', (machine) => BigInt(machine.random.next())],
  ['getSmpProcessorId', (machine) => BigInt(machine.cpu)],
  ['skbLoadBytes', (machine, on) => BigInt(skbLoadBytes(packet(machine), u32(on, 0), view(on, 0)))],
  [
    'skbStoreBytes',
    (machine, on) => BigInt(skbStoreBytes(packet(machine), u32(on, 0), view(on, 0), u64(on, 1))),
  ],
  ['skbPullData', (machine, on) => BigInt(skbPullData(packet(machine), u32(on, 0)))],
  [
    'l3CsumReplace',
    (machine, on) => BigInt(l3CsumReplace(packet(machine), u32(on, 0), u64(on, 1), u64(on, 2), u64(on, 3))),
  ],
  ['skbEcnSetCe', (machine) => BigInt(skbEcnSetCe(packet(machine)))],
  ['skbSetTstamp', (machine, on) => BigInt(skbSetTstamp(packet(machine), u64(on, 0), u32(on, 1)))],
]);

/** Runs the helper `name`; the result is r0 as an unsigned 64-bit value (a negative errno wrapped). */
export function callHelper(machine: Machine, name: string, operands: HelperOperands): bigint {
  const run = IMPLEMENTATIONS.get(name);
  if (run === undefined) throw new Error(`call helper ${name}: the machine model has no such helper`);
  return BigInt.asUintN(64, run(machine, operands));
}

function packet(machine: Machine): Skb {
  if (machine.skb === undefined) throw new Error('call a packet helper: the program runs without a packet');
  return machine.skb;
}

function u32(operands: HelperOperands, index: number): number {
  return Number(BigInt.asUintN(32, operands.scalars[index] ?? 0n));
}

function u64(operands: HelperOperands, index: number): bigint {
  return BigInt.asUintN(64, operands.scalars[index] ?? 0n);
}

function view(operands: HelperOperands, index: number): Uint8Array {
  const memory = operands.memory[index];
  if (memory === undefined) throw new Error(`call a helper: memory argument ${index} is missing`);
  return memory;
}
