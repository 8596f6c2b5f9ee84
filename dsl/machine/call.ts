/**
 * What each helper of the table (helpers.ts) does, by its name in the language, free of how memory is addressed:
 * the VM resolves pointers, the interpreter references, and both pass plain views here.
 */
import type { Clock, RandomSource } from './clock.ts';
import type { Packet } from './packet.ts';
import { Skb } from './skb.ts';
import {
  l3CsumReplace,
  skbEcnSetCe,
  skbLoadBytes,
  skbLoadBytesRelative,
  skbPullData,
  skbSetTstamp,
  skbStoreBytes,
} from './skb-helpers.ts';
import { XdpBuff } from './xdp.ts';

/** What a helper may look at besides its arguments. */
export interface Machine {
  readonly clock: Clock;
  readonly random: RandomSource;
  /** The CPU that the program runs on. */
  readonly cpu: number;
  /** The packet, for programs that have one. */
  readonly packet: Packet | undefined;
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
  ['skbLoadBytes', (machine, on) => BigInt(skbLoadBytes(skb(machine), u32(on, 0), view(on, 0)))],
  [
    'skbStoreBytes',
    (machine, on) => BigInt(skbStoreBytes(skb(machine), u32(on, 0), view(on, 0), u64(on, 1))),
  ],
  ['skbPullData', (machine, on) => BigInt(skbPullData(skb(machine), u32(on, 0)))],
  [
    'l3CsumReplace',
    (machine, on) => BigInt(l3CsumReplace(skb(machine), u32(on, 0), u64(on, 1), u64(on, 2), u64(on, 3))),
  ],
  ['skbEcnSetCe', (machine) => BigInt(skbEcnSetCe(skb(machine)))],
  ['redirect', (machine, on) => redirect(machine, u64(on, 1))],
  ['xdpAdjustHead', (machine, on) => BigInt(xdp(machine).adjustHead(i32(on, 0)))],
  ['xdpAdjustTail', (machine, on) => BigInt(xdp(machine).adjustTail(i32(on, 0)))],
  ['getSocketCookie', (machine) => skb(machine).socketCookie],
  [
    'skbLoadBytesRelative',
    (machine, on) => BigInt(skbLoadBytesRelative(skb(machine), u32(on, 0), view(on, 0), u32(on, 1))),
  ],
  ['skbSetTstamp', (machine, on) => BigInt(skbSetTstamp(skb(machine), u64(on, 0), u32(on, 1)))],
]);

/** Runs the helper `name`; the result is r0 as an unsigned 64-bit value (a negative errno wrapped). */
export function callHelper(machine: Machine, name: string, operands: HelperOperands): bigint {
  const run = IMPLEMENTATIONS.get(name);
  if (run === undefined) throw new Error(`call helper ${name}: the machine model has no such helper`);
  return BigInt.asUintN(64, run(machine, operands));
}

/** What bpf_redirect gives: the verdict that makes the kernel act on it, or that drops where the flags are unknown. */
const REDIRECT = { xdp: 4n, classifier: 7n } as const;
const DROP = { xdp: 0n, classifier: 2n } as const;
const F_INGRESS = 1n;

function redirect(machine: Machine, flags: bigint): bigint {
  const kind = machine.packet instanceof XdpBuff ? 'xdp' : 'classifier';
  const known = kind === 'xdp' ? 0n : F_INGRESS;
  return (flags & ~known) === 0n ? REDIRECT[kind] : DROP[kind];
}

function skb(machine: Machine): Skb {
  if (machine.packet instanceof Skb) return machine.packet;
  throw new Error('call a helper on an skb: the program runs without one');
}

function xdp(machine: Machine): XdpBuff {
  if (machine.packet instanceof XdpBuff) return machine.packet;
  throw new Error('call a helper on an XDP packet: the program runs without one');
}

function i32(operands: HelperOperands, index: number): number {
  return Number(BigInt.asIntN(32, operands.scalars[index] ?? 0n));
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
