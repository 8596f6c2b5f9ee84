/**
 * The one seam to the kernel: every system call of the loader passes `syscall`, so a hook can watch each
 * one or make it fail.
 */
import type { Region } from './arena.ts';
import { isOpen, koffi } from './koffi.ts';

/** Numbers by architecture: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h. */
const NUMBERS = {
  x64: {
    read: 0,
    close: 3,
    mmap: 9,
    munmap: 11,
    socket: 41,
    sendto: 44,
    recvfrom: 45,
    bind: 49,
    setsockopt: 54,
    execve: 59,
    fcntl: 72,
    flock: 73,
    statfs: 137,
    mount: 165,
    getdents64: 217,
    exit_group: 231,
    openat: 257,
    mkdirat: 258,
    unlinkat: 263,
    unshare: 272,
    dup3: 292,
    prlimit64: 302,
    setns: 308,
    renameat2: 316,
    memfd_create: 319,
    bpf: 321,
    statx: 332,
  },
  arm64: {
    read: 63,
    close: 57,
    mmap: 222,
    munmap: 215,
    socket: 198,
    sendto: 206,
    recvfrom: 207,
    bind: 200,
    setsockopt: 208,
    execve: 221,
    fcntl: 25,
    flock: 32,
    statfs: 43,
    mount: 40,
    getdents64: 61,
    exit_group: 94,
    openat: 56,
    mkdirat: 34,
    unshare: 97,
    dup3: 24,
    unlinkat: 35,
    prlimit64: 261,
    setns: 268,
    renameat2: 276,
    memfd_create: 279,
    bpf: 280,
    statx: 291,
  },
} as const;

export type SyscallName = keyof (typeof NUMBERS)['x64'];

/**
 * Sees every call before the kernel does. A number is taken as the call's result (`-errno` to make it fail)
 * and the kernel isn't asked; `undefined` lets it through.
 */
export type SyscallHook = (name: SyscallName, args: readonly number[]) => number | undefined;

let hook: SyscallHook | undefined;
let numbers: Readonly<Record<SyscallName, number>> | undefined;

type NativeSyscall = ((...args: readonly number[]) => number | bigint) & {
  readonly async: (...args: readonly [...number[], NativeCallback]) => void;
};
type NativeCallback = (error: unknown, result: number | bigint) => void;
let native: NativeSyscall | undefined;

/** Sets or, with `undefined`, removes the hook; gives the previous one. */
export function setSyscallHook(next: SyscallHook | undefined): SyscallHook | undefined {
  const previous = hook;
  hook = next;
  return previous;
}

function numbersOfMachine(): Readonly<Record<SyscallName, number>> {
  if (process.platform !== 'linux' || !(process.arch in NUMBERS)) {
    throw new Error(`natra runs on Linux on x86-64 and arm64, not on ${process.platform} ${process.arch}`);
  }
  return NUMBERS[process.arch as keyof typeof NUMBERS];
}

/** libc's syscall(2) takes up to six longs on both architectures, passed in registers. */
const nativeSyscall = (): NativeSyscall => {
  native ??= koffi()
    .load(null)
    .func('long syscall(long, long, long, long, long, long, long)') as NativeSyscall;
  return native;
};

/** Makes a system call. The result is the kernel's own: a value from 0, or `-errno`. */
export function syscall(name: SyscallName, ...args: readonly number[]): number {
  const taken = hook?.(name, args);
  if (taken !== undefined) return taken;
  numbers ??= numbersOfMachine();
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
  const result = Number(nativeSyscall()(numbers[name], a, b, c, d, e, f));
  return result === -1 ? -koffi().errno() : result;
}

/** What calls in other threads read and write; nothing else need refer to it meanwhile. */
const inUse = new Set<Region>();

/**
 * Makes a system call in a thread of libuv's pool while this one goes on: one that needs nothing of the calling thread's own, such
 * as a network namespace that it is in for a while. A call that fails must have changed nothing: it is made again here, since
 * errno is the other thread's.
 */
export async function syscallInThread(
  name: SyscallName,
  args: readonly number[],
  memory: Region,
): Promise<number> {
  const taken = hook?.(name, args);
  if (taken !== undefined) return taken;
  numbers ??= numbersOfMachine();
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = args;
  const number = numbers[name];
  const result = await new Promise<number>((resolve, reject) => {
    inUse.add(memory);
    nativeSyscall().async(number, a, b, c, d, e, f, (error, value) => {
      inUse.delete(memory);
      if (error) reject(error);
      else resolve(Number(value));
    });
  });
  return result === -1 ? syscall(name, ...args) : result;
}

/**
 * Ends the process at once. Node.js would first take down its threads and V8's heap, some milliseconds' work that the
 * kernel does sooner; what is not yet written to a pipe or file is lost.
 */
export function leave(status: number): never {
  if (isOpen()) syscall('exit_group', status);
  process.exit(status);
}
