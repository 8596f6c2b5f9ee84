/** What differs between the machines that QEMU emulates, by architecture. */
import path from 'node:path';
import type { Architecture } from './matrix.ts';

export interface Machine {
  readonly emulator: string;
  /** Debian package of the emulator, beside those that every machine needs. */
  readonly package: string;
  readonly type: string;
  /** Features that cost an emulator time and that nothing here needs are off. */
  readonly emulatedCpu: string;
  readonly console: string;
  readonly firmware?: string;
  readonly kernelArguments: string;
  /** Beside those, where an emulated machine runs in real time. */
  readonly realTimeArguments?: string;
}

const COMMON_ARGUMENTS =
  'quiet panic=-1 nokaslr mitigations=off random.trust_cpu=on cryptomgr.notests rcupdate.rcu_expedited=1';

export const MACHINES: { readonly [A in Architecture]: Machine } = {
  amd64: {
    emulator: 'qemu-system-x86_64',
    package: 'qemu-system-x86',
    type: 'q35',
    emulatedCpu: 'max,la57=off,smap=off,smep=off,pcid=off,erms=off',
    console: 'ttyS0',
    // A PVH-only firmware, faster to start than SeaBIOS.
    firmware: '/usr/share/qemu/qboot.rom',
    kernelArguments: `${COMMON_ARGUMENTS} nopti reboot=t no_timer_check tsc=reliable`,
    // The emulated TSC is the host's own: read on CPUs whose counters differ, or calibrated while the host was busy, it lets
    // a minute pass in seconds. The HPET is made from the host's monotonic clock.
    realTimeArguments: 'clocksource=hpet',
  },
  arm64: {
    emulator: 'qemu-system-aarch64',
    package: 'qemu-system-arm',
    type: 'virt,gic-version=3',
    emulatedCpu: 'max,pauth-impdef=on,sve=off',
    console: 'ttyAMA0',
    kernelArguments: `${COMMON_ARGUMENTS} kpti=off`,
  },
};

/** Folders that a machine mounts over virtiofs, each by the name of its socket. */
export const FOLDERS = ['host', 'share', 'modules'] as const;
/** Serial ports over virtio, each by the name of its socket. */
export const PORTS = ['out', 'err', 'control'] as const;

export interface MachineOptions {
  readonly architecture: Architecture;
  readonly acceleration: 'kvm' | 'tcg';
  readonly virtualTime: VirtualTime | undefined;
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly kernel: string;
  /** Holds `initrd` and the sockets; `console` is written there. */
  readonly folder: string;
}

/** How long an instruction of the guest takes in its own time, ns. */
export type VirtualTime = 1 | 2;

/** As powers of two (QEMU's invocation, -icount). */
const SHIFTS: Readonly<Record<VirtualTime, number>> = { 1: 0, 2: 1 };

export function emulatorArguments(options: MachineOptions): string[] {
  const machine = MACHINES[options.architecture];
  const { virtualTime, memoryMiB } = options;
  const file = (name: string): string => path.join(options.folder, name);
  const kvm = options.acceleration === 'kvm' && virtualTime === undefined;
  const realTime = kvm || virtualTime !== undefined ? undefined : machine.realTimeArguments;
  const kernelArguments = [`console=${machine.console}`, machine.kernelArguments, realTime];
  return [
    // CPUs in turns: with a thread each, one may run a breakpoint that the kernel has already taken back out of its code.
    ['-accel', kvm ? 'kvm' : 'tcg,thread=single'],
    ['-cpu', kvm ? 'host' : machine.emulatedCpu],
    virtualTime === undefined ? [] : ['-icount', `shift=${SHIFTS[virtualTime]},sleep=off`],
    ['-machine', `${machine.type},memory-backend=ram`],
    machine.firmware === undefined || kvm ? [] : ['-bios', machine.firmware],
    ['-object', `memory-backend-memfd,id=ram,size=${memoryMiB}M,share=on`, '-m', `${memoryMiB}M`],
    ['-smp', String(virtualTime === undefined ? options.cpus : 1)],
    ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ['-serial', `file:${file('console')}`],
    ['-kernel', options.kernel, '-initrd', file('initrd')],
    ['-append', kernelArguments.filter((each) => each !== undefined).join(' ')],
    ...FOLDERS.flatMap((tag) => [
      ['-chardev', `socket,id=fs-${tag},path=${file(`${tag}.sock`)}`],
      ['-device', `vhost-user-fs-pci,chardev=fs-${tag},tag=${tag}`],
    ]),
    ['-device', 'virtio-serial-pci', '-device', 'virtio-rng-pci'],
    ...PORTS.flatMap((port) => [
      ['-chardev', `socket,id=${port},path=${file(`${port}.sock`)}`],
      ['-device', `virtserialport,chardev=${port},name=natra.${port}`],
    ]),
  ].flat();
}
