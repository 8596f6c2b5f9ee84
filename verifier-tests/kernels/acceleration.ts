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
const RECORD = 'kvm.json';

function hasDevice(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** What the answer depends on. */
function circumstances(kernel: KernelImage): string {
  const emulator = `/usr/bin/${MACHINES[kernel.architecture].emulator}`;
  return JSON.stringify([release(), kernel.release, statSync(emulator).mtimeMs]);
}

/** Boots the kernel under KVM unless the answer is known. */
export async function kvmRuns(kernel: KernelImage): Promise<boolean> {
  if (kernel.architecture !== 'amd64' || process.arch !== 'x64' || !hasDevice()) return false;
  const key = circumstances(kernel);
  const answers = JSON.parse(remembered(RECORD) ?? '{}') as Record<string, boolean>;
  const known = answers[key];
  if (known !== undefined) return known;
  const share = path.join(tmpdir(), `natra-kvm-probe-${process.pid}`);
  try {
    const command = ['/bin/true'];
    const options = { acceleration: 'kvm', timeoutSeconds: PROBE_SECONDS } as const;
    const { code } = await runInVm({ kernel, command, share, ...options });
    remember(RECORD, JSON.stringify({ ...answers, [key]: code === 0 }));
    return code === 0;
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}
