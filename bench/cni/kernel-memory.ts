/**
 * Kernel memory that calls leave behind, as the kernel charges it to the cgroup that they ran in: maps, programs, their
 * BTF, links, pins. What it charges to nobody (a qdisc and its classes) is in `/proc/meminfo` alone, with whatever else
 * happens on the machine meanwhile.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const ROOTS = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'];
/** The kernel frees what a process had some grace periods after its end. */
const SETTLE_MILLISECONDS = 2000;
const METERS = ['Slab', 'Percpu', 'VmallocUsed'];

export class MemoryCgroup {
  readonly path: string;

  constructor(name: string) {
    const root = ROOTS.find((each) => existsSync(join(each, 'cgroup.procs')));
    if (root === undefined) throw new Error('measure kernel memory: there is no memory cgroup hierarchy');
    this.path = join(root, name);
    mkdirSync(this.path);
  }

  /** A command line that runs another in this cgroup. */
  wrap(file: string): [string, string[]] {
    return ['sh', ['-c', `echo $$ >${this.path}/cgroup.procs && exec "$0"`, file]];
  }

  /** Bytes of kernel memory that are charged and can't be reclaimed. */
  async kernelBytes(): Promise<number> {
    await pause(SETTLE_MILLISECONDS);
    this.reclaim();
    const usage = join(this.path, 'memory.kmem.usage_in_bytes');
    if (existsSync(usage)) return Number(readFileSync(usage, 'utf8'));
    const [, bytes] = /^kernel (\d+)$/m.exec(readFileSync(join(this.path, 'memory.stat'), 'utf8')) ?? [];
    if (bytes === undefined)
      throw new Error('measure kernel memory: memory.stat has no line "kernel" (linux 5.18)');
    return Number(bytes);
  }

  remove(): void {
    rmdirSync(this.path);
  }

  /** Gives caches (directory entries, file pages) back. */
  private reclaim(): void {
    const [file, words] = existsSync(join(this.path, 'memory.force_empty'))
      ? ['memory.force_empty', '0']
      : ['memory.reclaim', '1G'];
    try {
      writeFileSync(join(this.path, file), words);
    } catch {
      // EAGAIN or EBUSY: not all that was asked for could be reclaimed, which is what is measured.
    }
  }
}

/** Bytes of the machine's kernel memory, whoever has it. */
export function machineKernelBytes(): number {
  const meminfo = readFileSync('/proc/meminfo', 'utf8');
  return METERS.reduce((sum, name) => {
    const [, kilobytes = 0] = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(meminfo) ?? [];
    return sum + Number(kilobytes) * 1024;
  }, 0);
}
