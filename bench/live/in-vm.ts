/** Rows of `bench live` inside a kernel of the matrix, emulated in virtual time: with a real fq, whatever this machine has. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelImage } from '../../verifier-tests/kernels/cache.ts';
import { kernelRow } from '../../verifier-tests/kernels/matrix.ts';
import { GUEST_PROGRAM, stageNatra } from '../../verifier-tests/kernels/stage.ts';
import { missingForVm, runInVm } from '../../verifier-tests/kernels/vm.ts';
import { VM_PLAN, VM_RESULTS, VM_STOP, type VmPlan } from './vm-plan.ts';

/** For the links, for natra, for bbr, and for the `bandwidth` plugin. */
const MODULES = [
  ...['veth', 'bridge', 'sch_fq', 'sch_htb', 'sch_ingress', 'cls_bpf'],
  'tcp_bbr',
  ...['sch_tbf', 'ifb', 'act_mirred', 'cls_u32'],
];
/** For booting, and for the row that runs when time is up. */
const GRACE_SECONDS = 900;

export interface VmRun {
  /** Lines of VM_RESULTS: all rows that were measured, also when the guest failed later. */
  readonly lines: readonly string[];
  readonly failure: string | undefined;
}

/** Boots the kernel and lets it measure the plan's rows, of which it starts none after so many seconds. */
export async function runRowsInVm(kernelName: string, plan: VmPlan, seconds: number): Promise<VmRun> {
  const { name, source } = kernelRow(kernelName);
  if (source.kind !== 'debian' || source.architecture !== 'amd64')
    throw new Error(`--kernel ${kernelName}: it must be an amd64 kernel of Debian`);
  const missing = missingForVm(source.architecture);
  if (missing !== undefined) throw new Error(`no VM here: ${missing}`);
  const share = mkdtempSync(join(tmpdir(), 'natra-vm-share-'));
  const timer = setTimeout(() => writeFileSync(join(share, VM_STOP), ''), 1000 * seconds);
  try {
    await stageNatra(share, 'bench/live/vm-guest.ts');
    writeFileSync(join(share, VM_PLAN), JSON.stringify(plan));
    const { code, timedOut, stderr, console } = await runInVm({
      kernel: await kernelImage(name, source),
      command: [process.execPath, join(share, GUEST_PROGRAM), share],
      share,
      modules: MODULES,
      virtualTime: true,
      timeoutSeconds: seconds + GRACE_SECONDS,
      onOutput: (text) => process.stderr.write(text),
    });
    const file = join(share, VM_RESULTS);
    const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    const failure = timedOut ? 'the VM took too long' : code === 0 ? undefined : stderr || console;
    return { lines: lines.filter((line) => line !== ''), failure };
  } finally {
    clearTimeout(timer);
    rmSync(share, { recursive: true, force: true });
  }
}
