/** File system calls of the loader: small, synchronous, and through the one seam. */
import { check, ERRNO, KernelError } from '../errors.ts';
import { textOf, withScratch } from './arena.ts';
import { syscall } from './syscall.ts';

/** include/uapi/linux/fcntl.h and asm-generic/fcntl.h; these values agree on x86-64 and arm64. */
const AT_FDCWD = -100;
const AT_REMOVEDIR = 0x200;
const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
/** arch/arm64/include/uapi/asm/fcntl.h has a value of its own. */
const O_DIRECTORY = process.arch === 'arm64' ? 0o40000 : 0o200000;
/** statx(2): basic statistics, which include the inode. */
const STATX_BASIC_STATS = 0x7ff;
/** flock(2). */
const LOCK_EX = 2;
const LOCK_NB = 4;
const STATX_BYTES = 256;
const AT_STATX_SYNC_AS_STAT = 0;
/** getdents64(2), include/linux/dirent.h: d_ino u64, d_off s64, d_reclen u16, d_type u8, d_name. */
const DIRENT = { length: 16, name: 19 } as const;

/** Opens a file or directory for reading. */
export function openRead(path: string, flags = 0): number {
  return withScratch((memory) =>
    check(
      syscall('openat', AT_FDCWD, memory.string(path).address, O_RDONLY | O_CLOEXEC | flags, 0),
      'open',
      path,
    ),
  );
}

/** Closes a descriptor. close(2) frees it even where it reports an error, so there is nothing to do about one. */
export function closeDescriptor(fd: number): void {
  syscall('close', fd);
}

/**
 * Runs `body` while this process alone holds the lock of a file or directory. The lock ends with the
 * descriptor, so a process that dies gives it up.
 */
export function withFileLock<T>(path: string, body: () => T): T {
  const fd = openRead(path);
  try {
    check(syscall('flock', fd, LOCK_EX), 'lock', path);
    return body();
  } finally {
    closeDescriptor(fd);
  }
}

/**
 * Takes the lock of a file for this process alone, and gives what ends it; undefined where another has it. The lock
 * ends with the descriptor, so a process that dies gives it up.
 */
export function tryFileLock(path: string): (() => void) | undefined {
  const fd = openRead(path);
  const result = syscall('flock', fd, LOCK_EX | LOCK_NB);
  if (result >= 0) return () => closeDescriptor(fd);
  closeDescriptor(fd);
  if (result === -ERRNO.EAGAIN) return undefined;
  throw new KernelError({ operation: 'lock', object: path, errno: -result });
}

/** The contents of a small file, such as one of procfs or sysfs. */
export function readText(path: string): string {
  const fd = openRead(path);
  try {
    return withScratch((memory) => {
      const buffer = memory.allocate(64 * 1024);
      let filled = 0;
      for (;;) {
        const room = buffer.bytes.length - filled;
        const read = check(syscall('read', fd, buffer.address + filled, room), 'read', path);
        filled += read;
        if (read === 0 || filled === buffer.bytes.length) break;
      }
      return new TextDecoder().decode(buffer.bytes.slice(0, filled));
    });
  } finally {
    closeDescriptor(fd);
  }
}

/** Makes a directory. Whether it is new: false where it exists already. */
export function makeDirectory(path: string, mode: number): boolean {
  return withScratch((memory) => {
    const result = syscall('mkdirat', AT_FDCWD, memory.string(path).address, mode);
    if (result === -ERRNO.EEXIST) return false;
    check(result, 'make directory', path);
    return true;
  });
}

function unlink(path: string, flags: number, operation: string): boolean {
  return withScratch((memory) => {
    const result = syscall('unlinkat', AT_FDCWD, memory.string(path).address, flags);
    if (result === -ERRNO.ENOENT) return false;
    check(result, operation, path);
    return true;
  });
}

/** Removes a file. False where there is none. */
export const removeFile = (path: string): boolean => unlink(path, 0, 'remove');

/** Removes an empty directory. False where there is none. */
export const removeDirectory = (path: string): boolean => unlink(path, AT_REMOVEDIR, 'remove directory');

/** Gives a file another path on the same file system; what was there before is replaced in the same instant. */
export function renameFile(from: string, to: string): void {
  withScratch((memory) => {
    const [source, target] = [memory.string(from).address, memory.string(to).address];
    check(syscall('renameat2', AT_FDCWD, source, AT_FDCWD, target, 0), 'rename', `${from} to ${to}`);
  });
}

/** Names in a directory, sorted; undefined where there is nothing. Throws ENOTDIR for what is no directory. */
export function listDirectory(path: string): string[] | undefined {
  let fd: number;
  try {
    // Without O_DIRECTORY the kernel would open what is there first, and a pinned object can't be (EIO).
    fd = openRead(path, O_DIRECTORY);
  } catch (error) {
    if (error instanceof KernelError && error.errno === ERRNO.ENOENT) return undefined;
    throw error;
  }
  try {
    return withScratch((memory) => {
      const names: string[] = [];
      const buffer = memory.allocate(64 * 1024);
      for (;;) {
        const filled = check(
          syscall('getdents64', fd, buffer.address, buffer.bytes.length),
          'list directory',
          path,
        );
        if (filled === 0) return names.sort();
        for (let at = 0; at < filled; at += buffer.view.getUint16(at + DIRENT.length, true)) {
          const name = textOf(buffer.bytes.subarray(at + DIRENT.name, filled));
          if (name !== '.' && name !== '..') names.push(name);
        }
      }
    });
  } finally {
    closeDescriptor(fd);
  }
}

/** What names a file across paths: its device and inode. */
export interface FileIdentity {
  readonly device: string;
  readonly inode: bigint;
}

/** Device and inode of what `path` leads to; undefined where it leads nowhere. */
export function identityOf(path: string): FileIdentity | undefined {
  return withScratch((memory) => {
    // struct statx (include/uapi/linux/stat.h): stx_ino at 32, stx_dev_major at 136, stx_dev_minor at 140.
    const statx = memory.allocate(STATX_BYTES);
    const result = syscall(
      'statx',
      AT_FDCWD,
      memory.string(path).address,
      AT_STATX_SYNC_AS_STAT,
      STATX_BASIC_STATS,
      statx.address,
    );
    if (result === -ERRNO.ENOENT || result === -ERRNO.ENOTDIR) return undefined;
    check(result, 'stat', path);
    return {
      device: `${statx.view.getUint32(136, true)}:${statx.view.getUint32(140, true)}`,
      inode: statx.view.getBigUint64(32, true),
    };
  });
}

/** f_type of statfs(2): the magic number of the file system that holds `path`. */
export function fileSystemType(path: string): number | undefined {
  return withScratch((memory) => {
    const statfs = memory.allocate(128);
    const result = syscall('statfs', memory.string(path).address, statfs.address);
    if (result === -ERRNO.ENOENT) return undefined;
    check(result, 'inspect the file system of', path);
    return Number(statfs.view.getBigUint64(0, true));
  });
}
