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

const BUSYBOX = '/bin/busybox';
const VIRTIOFSD = '/usr/lib/qemu/virtiofsd';
/** A PVH-only firmware, faster to start than SeaBIOS. */
const QBOOT = '/usr/share/qemu/qboot.rom';
const DEFAULT_TIMEOUT_SECONDS = 120;
const BOOT_MODULES = ['virtio_pci', 'virtiofs', 'virtio_console', 'overlay'];
/** Why no VM can run on this machine; undefined when one can. */
export function missingForVm(): string | undefined {
  if (process.getuid?.() !== 0) return 'sharing the root file system with a VM needs root';
  if (process.arch !== 'x64') return `the kernels are built for x86-64 and this machine is ${process.arch}`;
  const missing = [BUSYBOX, VIRTIOFSD, QBOOT, '/usr/bin/qemu-system-x86_64', '/sbin/depmod'].filter(
    (file) => !existsSync(file),
  );
  if (missing.length === 0) return undefined;
  return `${missing.join(', ')} is missing; npm run kernels installs what a VM needs`;
}

export interface VmOptions {
  readonly kernel: KernelImage;
  readonly command: readonly string[];
  readonly modules?: readonly string[];
  /** Writable folder; its path is the same inside. */
  readonly share: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly cpus?: number;
  readonly memoryMiB?: number;
  /**
   * Time by executed instructions (QEMU -icount): pacing repeats exactly however busy the host is, and idle time is
   * skipped. One CPU only.
   */
  readonly virtualTime?: boolean;
  readonly timeoutSeconds?: number;
  readonly onOutput?: (text: string) => void;
}

export interface VmResult {
  /** The command's exit code; undefined when it never reported one. */
  readonly code: number | undefined;
  readonly timedOut: boolean;
  readonly stdout: string;
  readonly stderr: string;
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

function qemuArguments(options: VmOptions, folder: string): string[] {
  const memory = options.memoryMiB ?? 1024;
  const file = (name: string): string => path.join(folder, name);
  const kernelArguments =
    'console=ttyS0 quiet panic=-1 reboot=t nokaslr mitigations=off nopti random.trust_cpu=on cryptomgr.notests rcupdate.rcu_expedited=1 no_timer_check tsc=reliable';
  return [
    ['-accel', options.virtualTime ? 'tcg,thread=single' : 'tcg,thread=multi'],
    ['-cpu', 'max,la57=off,smap=off,smep=off,pcid=off'],
    options.virtualTime ? ['-icount', 'shift=1,sleep=off'] : [],
    ['-machine', 'q35,memory-backend=ram', '-bios', QBOOT],
    ['-object', `memory-backend-memfd,id=ram,size=${memory}M,share=on`, '-m', `${memory}M`],
    ['-smp', String(options.virtualTime ? 1 : (options.cpus ?? 2))],
    [
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
      '-serial',
      `file:${file('console')}`,
    ],
    ['-kernel', options.kernel.vmlinux, '-initrd', file('initrd'), '-append', kernelArguments],
    ...['host', 'share'].map((tag) => [
      '-chardev',
      `socket,id=fs-${tag},path=${file(`${tag}.sock`)}`,
      '-device',
      `vhost-user-fs-pci,chardev=fs-${tag},tag=${tag}`,
    ]),
    ['-device', 'virtio-serial-pci', '-device', 'virtio-rng-pci'],
    ...['out', 'err', 'control'].map((port) => [
      '-chardev',
      `socket,id=${port},path=${file(`${port}.sock`)}`,
      '-device',
      `virtserialport,chardev=${port},name=natra.${port}`,
    ]),
  ].flat();
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
    const job = {
      command: options.command,
      directory: process.cwd(),
      environment: {
        NATRA_VM: options.kernel.release,
        NATRA_VM_SHARE: options.share,
        ...options.environment,
      },
      share: options.share,
      release: options.kernel.release,
      modules: path.join(options.kernel.moduleRoot, 'lib/modules', options.kernel.release),
    };
    const modules = moduleFiles(options.kernel, [...BOOT_MODULES, ...(options.modules ?? [])]);
    writeFileSync(path.join(folder, 'initrd'), initramfs(job, modules, BUSYBOX));
    mkdirSync(path.join(folder, 'root'));
    const sockets = { host: path.join(folder, 'host.sock'), share: path.join(folder, 'share.sock') };
    children.push(
      serveFolder(sockets.host, '/', { readOnly: path.join(folder, 'root') }),
      serveFolder(sockets.share, options.share, {}),
    );
    const stdout = new Serial(path.join(folder, 'out.sock'), options.onOutput ?? (() => {}));
    const stderr = new Serial(path.join(folder, 'err.sock'), options.onOutput ?? (() => {}));
    const control = new Serial(path.join(folder, 'control.sock'), () => {});
    await waitForFiles(Object.values(sockets));
    const limit = options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    // `timeout` ends a VM whose starter was killed and could not.
    const guarded = ['-k', '1', String(limit + 10), 'qemu-system-x86_64', ...qemuArguments(options, folder)];
    const qemu = spawn('timeout', guarded, { stdio: ['ignore', 'ignore', 'inherit'], detached: true });
    children.push(qemu);
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      kill(qemu);
    }, limit * 1000);
    await new Promise<void>((resolve, reject) => {
      qemu.on('exit', () => resolve());
      qemu.on('error', (error) => reject(new Error(`start VM: ${error.message}`)));
    });
    clearTimeout(timer);
    await Promise.all([stdout.drained(), stderr.drained(), control.drained()]);
    const code = /exit (\d+)\n/.exec(control.text)?.[1];
    const consoleFile = path.join(folder, 'console');
    return {
      code: code === undefined ? undefined : Number(code),
      timedOut,
      stdout: stdout.text,
      stderr: stderr.text,
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
