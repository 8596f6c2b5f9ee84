/** bpf(2) itself: commands, and the two refusals that a second attempt mends. */
import { ERRNO } from '../errors.ts';
import { type Region, withScratch } from '../native/arena.ts';
import { syscall } from '../native/syscall.ts';
import type { LongCall } from '../native/work.ts';

/** enum bpf_cmd, include/uapi/linux/bpf.h. */
export const COMMAND = {
  mapCreate: 0,
  mapLookup: 1,
  mapUpdate: 2,
  mapDelete: 3,
  mapGetNextKey: 4,
  programLoad: 5,
  objectPin: 6,
  objectGet: 7,
  testRun: 10,
  programGetNextId: 11,
  mapGetNextId: 12,
  programGetFdById: 13,
  mapGetFdById: 14,
  objectGetInfo: 15,
  programQuery: 16,
  btfLoad: 18,
  mapFreeze: 22,
  mapLookupBatch: 24,
  linkCreate: 28,
  linkUpdate: 29,
  linkGetFdById: 30,
  linkGetNextId: 31,
  linkDetach: 34,
} as const;
export type Command = keyof typeof COMMAND;

/**
 * The verifier gives EAGAIN when a signal is pending (kernel/bpf/verifier.c, do_check), and begins anew after it. However many
 * come, one attempt fits between two of them in the end, unless somebody sends them faster than the verifier works.
 */
const PATIENCE_MILLISECONDS = 5000;

/** include/uapi/asm-generic/resource.h. */
const RLIMIT_MEMLOCK = 8;
let memlockRaised = false;

/** One bpf(2) call. The result is the kernel's own: a value from 0, or `-errno`. */
export function bpf(command: Command, attributes: Region): number {
  const call = (): number => syscall('bpf', COMMAND[command], attributes.address, attributes.bytes.length);
  let result = call();
  if (result !== -ERRNO.EAGAIN) return result;
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  while (result === -ERRNO.EAGAIN && Date.now() < deadline) result = call();
  return result;
}

/** The same as a step of work; `attributes` and what they point to have to last as long as it takes. */
export const bpfCall = (command: Command, attributes: Region): LongCall => ({
  kind: 'call',
  name: 'bpf',
  args: [COMMAND[command], attributes.address, attributes.bytes.length],
  memory: attributes,
});

/**
 * Kernels before 5.11 charge maps and programs to RLIMIT_MEMLOCK, 64 KiB by default, and refuse with EPERM
 * or ENOMEM when it is used up. Calls again once with the limit raised.
 */
export function withMemlock(call: () => number): number {
  const result = call();
  if (memlockRaised || (result !== -ERRNO.EPERM && result !== -ERRNO.ENOMEM)) return result;
  if (!raiseMemlock()) return result;
  memlockRaised = true;
  return call();
}

function raiseMemlock(): boolean {
  return withScratch((memory) => {
    const limit = memory.allocate(16);
    limit.bytes.fill(0xff); // RLIM_INFINITY, soft and hard
    return syscall('prlimit64', 0, RLIMIT_MEMLOCK, limit.address, 0) === 0;
  });
}

/** Kernel object names: at most 15 characters of [A-Za-z0-9_.] (kernel/bpf/syscall.c, bpf_obj_name_cpy). */
export function kernelName(name: string): string {
  return name.replace(/[^A-Za-z0-9_.]/g, '_').slice(0, 15);
}

/** Writes an ASCII name into a zeroed field of 16 bytes. */
export function writeName(region: Region, offset: number, name: string): void {
  region.bytes.set(new TextEncoder().encode(kernelName(name)), offset);
}

/** Writes a pointer, or any other u64 that fits a number. */
export function writePointer(region: Region, offset: number, address: number): void {
  region.view.setBigUint64(offset, BigInt(address), true);
}
