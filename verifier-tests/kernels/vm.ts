/**
 * Boots a kernel in QEMU and runs one command in it: the host's root read-only over virtiofs, one writable folder,
 * output and exit code over virtio-serial, and a hard time limit.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type KernelImage, moduleFiles } from './image.ts';
import { initramfs, quote } from './initramfs.ts';
import { emulatorArguments, FOLDERS, MACHINES, type VirtualTime } from './machines.ts';
import type { Architecture } from './matrix.ts';

const VIRTIOFSD = '/usr/lib/qemu/virtiofsd';
const DEFAULT_TIMEOUT_SECONDS = 120;
const BOOT_MODULES = ['virtio_pci', 'virtiofs', 'virtio_console', 'overlay'];

/** Why no VM of this architecture can run on this machine; undefined when one can. */
export function missingForVm(architecture: Architecture = 'amd64'): string | undefined {
  if (process.getuid?.() !== 0) return 'sharing a root file system with a VM needs root';
  if (process.arch !== 'x64')
    return `VMs here share the root of an x86-64 host, and this one is ${process.arch}`;
  const { emulator, firmware } = MACHINES[architecture];
  const needed = ['/bin/busybox', VIRTIOFSD, firmware, `/usr/bin/${emulator}`, '/sbin/depmod'];
  const missing = needed.filter((file) => file !== undefined && !existsSync(file));
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} is missing; npm run kernels installs what a VM needs`;
}

export interface VmOptions {
  readonly kernel: KernelImage;
  /** The root file system of the guest: the host's own, or a folder; it stays as it is. */
  readonly root?: string;
  readonly command: readonly string[];
  /** In which the command runs; the shared folder by default. */
  readonly directory?: string;
  readonly modules?: readonly string[];
  /** Writable folder; its path is the same inside. */
  readonly share: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  /**
   * Time by executed instructions (QEMU -icount), of so many ns each: pacing repeats exactly however busy the host is, and
   * idle time is skipped. One CPU only.
   */
  readonly virtualTime?: VirtualTime | undefined;
  /** Without virtual time: what runs the guest's instructions; `tcg`, the emulator, by default. */
  readonly acceleration?: 'kvm' | 'tcg';
  readonly timeoutSeconds?: number;
  readonly onOutput?: (text: string, from: 'stdout' | 'stderr') => void;
}

export interface VmResult {
  /** The command's exit code; undefined when it never reported one. */
  readonly code: number | undefined;
  readonly timedOut: boolean;
  /** The guest came so far as to run the command. */
  readonly booted: boolean;
  readonly stdout: string;
  readonly stderr: string;
  /** What QEMU itself had to say, as when it can't use KVM. */
  readonly emulatorErrors: string;
  /** The end of the kernel's console, for a VM that died. */
  readonly console: string;
  readonly seconds: number;
}

class Serial {
  text = '';
  readonly #closed: Promise<void>;

  constructor(file: string, onText: (text: string) => void) {
    this.#closed = new Promise((resolve) => {
      const server = createServer((socket: Socket) => {
        socket.setEncoding('utf8');
        socket.on('data', (text: string) => {
          this.text += text;
          onText(text);
        });
        socket.on('error', () => {});
        socket.on('close', () => {
          server.close();
          resolve();
        });
      });
      server.listen(file);
      server.unref();
    });
  }

  /** Resolves when the VM has closed its end, or after a moment. */
  drained(): Promise<void> {
    return Promise.race([this.#closed, sleep(500)]).then(() => undefined);
  }
}

/** The C virtiofsd keeps a descriptor for every inode that it has shown, hence the limit and no readdirplus. */
function serveFolder(socket: string, folder: string, options: { readonly readOnly?: string }): ChildProcess {
  const mount =
    options.readOnly === undefined
      ? ''
      : `mount --bind ${quote(folder)} ${quote(options.readOnly)} && mount -o remount,ro,bind ${quote(options.readOnly)} && `;
  const source = options.readOnly ?? folder;
  const cache = options.readOnly === undefined ? 'auto' : 'always';
  const daemon = `${VIRTIOFSD} --socket-path=${quote(socket)} -o source=${quote(source)},sandbox=chroot,cache=${cache},log_level=err,no_readdirplus --rlimit-nofile=0 -f`;
  const script = `${mount}ulimit -n $(ulimit -Hn); exec ${daemon}`;
  return spawn('unshare', ['-m', '--propagation', 'private', 'sh', '-c', script], {
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true,
  });
}

async function waitForFiles(files: readonly string[]): Promise<void> {
  for (let tries = 0; !files.every(existsSync); tries++) {
    if (tries > 1000) throw new Error('start VM: virtiofsd made no socket within 10 s');
    await sleep(10);
  }
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined || child.exitCode !== null) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group has gone already.
  }
}

/** Runs `options.command` under the kernel. Everything started here has ended when the promise settles. */
export async function runInVm(options: VmOptions): Promise<VmResult> {
  const started = performance.now();
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-vm-'));
  const children: ChildProcess[] = [];
  const endAll = (): void => {
    for (const child of children) kill(child);
  };
  process.on('exit', endAll);
  try {
    mkdirSync(options.share, { recursive: true });
    const { release, architecture, moduleRoot } = options.kernel;
    const root = options.root ?? '/';
    const job = {
      command: options.command,
      directory: options.directory ?? options.share,
      environment: {
        NATRA_VM: release,
        NATRA_VM_SHARE: options.share,
        ...options.environment,
      },
      share: options.share,
      release,
    };
    const modules = moduleFiles(options.kernel, [...BOOT_MODULES, ...(options.modules ?? [])]);
    writeFileSync(path.join(folder, 'initrd'), initramfs(job, modules, path.join(root, 'bin/busybox')));
    mkdirSync(path.join(folder, 'root'));
    const socket = (name: string): string => path.join(folder, `${name}.sock`);
    children.push(
      serveFolder(socket('host'), root, { readOnly: path.join(folder, 'root') }),
      serveFolder(socket('share'), options.share, {}),
      serveFolder(socket('modules'), path.join(moduleRoot, 'lib/modules', release), {}),
    );
    const stdout = new Serial(path.join(folder, 'out.sock'), (text) => options.onOutput?.(text, 'stdout'));
    const stderr = new Serial(path.join(folder, 'err.sock'), (text) => options.onOutput?.(text, 'stderr'));
    const control = new Serial(path.join(folder, 'control.sock'), () => {});
    await waitForFiles(FOLDERS.map(socket));
    const limit = options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    // `timeout` ends a VM whose starter was killed and could not.
    const emulation = emulatorArguments({
      architecture,
      acceleration: options.acceleration ?? 'tcg',
      virtualTime: options.virtualTime,
      cpus: options.cpus ?? 2,
      memoryMiB: options.memoryMiB ?? 1024,
      kernel: options.kernel.kernel,
      folder,
    });
    const guarded = ['-k', '1', String(limit + 10), MACHINES[architecture].emulator, ...emulation];
    const qemu = spawn('timeout', guarded, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    children.push(qemu);
    let emulatorErrors = '';
    qemu.stderr.setEncoding('utf8').on('data', (text: string) => {
      emulatorErrors += text;
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      kill(qemu);
    }, limit * 1000);
    await new Promise<void>((resolve, reject) => {
      qemu.on('close', () => resolve());
      qemu.on('error', (error) => reject(new Error(`start VM: ${error.message}`)));
    });
    clearTimeout(timer);
    await Promise.all([stdout.drained(), stderr.drained(), control.drained()]);
    const code = /exit (\d+)\n/.exec(control.text)?.[1];
    const consoleFile = path.join(folder, 'console');
    return {
      code: code === undefined ? undefined : Number(code),
      timedOut,
      booted: control.text.includes('up\n'),
      stdout: stdout.text,
      stderr: stderr.text,
      emulatorErrors,
      console: existsSync(consoleFile)
        ? readFileSync(consoleFile, 'utf8').split('\n').slice(-25).join('\n')
        : '',
      seconds: (performance.now() - started) / 1000,
    };
  } finally {
    endAll();
    process.off('exit', endAll);
    rmSync(folder, { recursive: true, force: true });
  }
}
