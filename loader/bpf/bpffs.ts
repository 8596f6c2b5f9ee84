/** The BPF file system: pinning keeps an object when the process that made it exits. */
import { check, ERRNO } from '../errors.ts';
import { withScratch } from '../native/arena.ts';
import { fileSystemType, makeDirectory, withFileLock } from '../native/files.ts';
import { syscall } from '../native/syscall.ts';
import { bpf, writePointer } from './call.ts';

export const BPFFS = '/sys/fs/bpf';

/** BPF_FS_MAGIC, include/uapi/linux/magic.h. */
const BPF_FS_MAGIC = 0xcafe4a11;
/** include/uapi/linux/mount.h. */
const MS_NOSUID = 2;
const MS_NODEV = 4;
const MS_NOEXEC = 8;

/** BPF_OBJ_PIN and BPF_OBJ_GET. */
const OBJECT = { path: 0, fd: 8, flags: 12, bytes: 16 } as const;

/** Mounts a BPF file system at `path` unless one is there. Kubernetes nodes have one; bare machines may not. */
export function ensureBpffs(path: string = BPFFS): void {
  if (fileSystemType(path) === BPF_FS_MAGIC) return;
  if (path !== BPFFS) makeDirectory(path, 0o700);
  // Two processes that both found none would stack two file systems, the later hiding the earlier one's pins.
  withFileLock(path, () => {
    if (fileSystemType(path) !== BPF_FS_MAGIC) mountBpffs(path);
  });
}

function mountBpffs(path: string): void {
  withScratch((memory) => {
    const bpfType = memory.string('bpf').address;
    const target = memory.string(path).address;
    const options = memory.string('mode=0700').address;
    check(
      syscall('mount', bpfType, target, bpfType, MS_NOSUID | MS_NODEV | MS_NOEXEC, options),
      'mount the bpf file system at',
      path,
      `run: mount -t bpf bpf ${path}`,
    );
  });
}

/** Pins an open program, map or link at `path`, which must not exist. */
export function pinObject(fd: number, path: string): void {
  withScratch((memory) => {
    const attributes = memory.allocate(OBJECT.bytes);
    writePointer(attributes, OBJECT.path, memory.string(path).address);
    attributes.view.setUint32(OBJECT.fd, fd, true);
    check(bpf('objectPin', attributes), 'pin', path, (errno) =>
      errno === 'EPERM'
        ? 'the path has to be on a bpf file system, in a directory that exists, without a dot in its name'
        : undefined,
    );
  });
}

/** A new descriptor of the object pinned at `path`; undefined where there is none. */
export function openPinned(path: string): number | undefined {
  return withScratch((memory) => {
    const attributes = memory.allocate(OBJECT.bytes);
    writePointer(attributes, OBJECT.path, memory.string(path).address);
    const result = bpf('objectGet', attributes);
    if (result === -ERRNO.ENOENT) return undefined;
    return check(result, 'open pin', path);
  });
}
