/**
 * Whether KVM runs guests here. A device that opens says little: nested and paravirtual ones may fail on the first
 * instruction that they don't know, so a real boot is the probe, and its answer is kept.
 */
import { accessSync, constants, rmSync, statSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import path from 'node:path';
import { remember, remembered } from './cache.ts';
import type { KernelImage } from './image.ts';
import { MACHINES } from './machines.ts';
import { runInVm } from './vm.ts';

/** A guest under KVM is up in two seconds; one that KVM can't run never is. */
const PROBE_SECONDS = 15;
/** Holds the reason by circumstances; an empty one where KVM works. */
const RECORD = 'kvm-reasons.json';

/** What the choice rests on; tests put others in their place. */
export interface Probes {
  /** Why the device can't be used; undefined where it opens. */
  readonly deviceFailure: () => string | undefined;
  /** Why a boot under KVM came to nothing; undefined where the guest was up. */
  readonly bootFailure: (kernel: KernelImage) => Promise<string | undefined>;
  readonly remembered: typeof remembered;
  readonly remember: typeof remember;
}

const DEVICE = '/dev/kvm';

function deviceFailure(): string | undefined {
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
    return undefined;
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return missing ? `there is no ${DEVICE}` : `${DEVICE} may not be opened`;
  }
}

/** Boots the kernel under KVM, for PROBE_SECONDS at most. */
export async function bootFailure(kernel: KernelImage): Promise<string | undefined> {
  const share = path.join(tmpdir(), `natra-kvm-probe-${process.pid}`);
  try {
    const { code, timedOut, emulatorErrors } = await runInVm({
      kernel,
      command: ['/bin/true'],
      share,
      acceleration: 'kvm',
      timeoutSeconds: PROBE_SECONDS,
    });
    if (code === 0) return undefined;
    if (timedOut) return `a boot under it took longer than ${PROBE_SECONDS} s`;
    return `a boot under it failed: ${emulatorErrors.trim().split('\n').at(-1) || 'the guest never came up'}`;
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}

/** What the answer depends on. */
function circumstances(kernel: KernelImage): string {
  const emulator = `/usr/bin/${MACHINES[kernel.architecture].emulator}`;
  return JSON.stringify([release(), kernel.release, statSync(emulator).mtimeMs]);
}

const REAL: Probes = { deviceFailure, bootFailure, remembered, remember };

/** Why KVM can't run this kernel here; undefined when it can. Boots it under KVM unless the answer is known. */
export async function whyNoKvm(kernel: KernelImage, probes: Probes = REAL): Promise<string | undefined> {
  if (kernel.architecture !== 'amd64' || process.arch !== 'x64')
    return `KVM runs no ${kernel.architecture} guests on ${process.arch}`;
  const failure = probes.deviceFailure();
  if (failure !== undefined) return failure;
  const key = circumstances(kernel);
  const answers = JSON.parse(probes.remembered(RECORD) ?? '{}') as Record<string, string>;
  const known = answers[key];
  if (known !== undefined) return known || undefined;
  const answer = await probes.bootFailure(kernel);
  probes.remember(RECORD, JSON.stringify({ ...answers, [key]: answer ?? '' }));
  return answer;
}
