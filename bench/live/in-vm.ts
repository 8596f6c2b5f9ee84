/** Cases of `bench live` inside a kernel of the matrix, emulated in virtual time: with a real fq, whatever this machine has. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kernelImage } from '../../verifier-tests/kernels/cache.ts';
import { kernelRow } from '../../verifier-tests/kernels/matrix.ts';
import { GUEST_PROGRAM, stageNatra } from '../../verifier-tests/kernels/stage.ts';
import { missingForVm, runInVm } from '../../verifier-tests/kernels/vm.ts';
import type { Measured } from './cases.ts';
import { measuredIn, VM_PLAN, VM_STOP, type VmPlan } from './vm-plan.ts';

/** For the links, for natra, for bbr, and for the `bandwidth` plugin. */
const MODULES = [
  ...['veth', 'bridge', 'sch_fq', 'sch_htb', 'sch_ingress', 'cls_bpf'],
  'tcp_bbr',
  ...['sch_tbf', 'ifb', 'act_mirred', 'cls_u32'],
];
/** For booting, and for the case that runs when time is up. */
const GRACE_SECONDS = 900;

export interface VmOptions {
  /** Starts no case after so many seconds. */
  readonly seconds: number;
  /** Machines that share the cases; each keeps a processor busy. */
  readonly machines: number;
  readonly onMeasured: (measured: Measured) => void;
  /** Of a case that failed, or of a machine. */
  readonly onFailure: (reason: string) => void;
}

/** Hands on whole lines of text that comes in pieces. */
function byLine(onLine: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') onLine(line);
  };
}

/**
 * Of the two that there are the faster processor: at 1 Gbit/s beside mice the other is busy for four fifths of the time, and
 * the slowest requests waited for it rather than for the limit.
 */
const NANOSECONDS_PER_INSTRUCTION = 1;
/**
 * Both ends of all traffic are in one process: each time it collects garbage, everybody waits. With more room that is seldom. All
 * of it, for some 90 ms each time, it would collect every few seconds, since little lives: so that may grow to 41 times what lives.
 */
const NODE_OPTIONS = ['--max-semi-space-size=64', '--min-semi-space-size=64', '--heap-growing-percent=4000'];

/** Boots the kernel as often as there are machines, and lets them measure the plan's cases. */
export async function measureInVms(kernelName: string, plan: VmPlan, options: VmOptions): Promise<void> {
  const { name, source } = kernelRow(kernelName);
  if (source.kind !== 'debian' || source.architecture !== 'amd64')
    throw new Error(`--kernel ${kernelName}: it must be an amd64 kernel of Debian`);
  const missing = missingForVm(source.architecture);
  if (missing !== undefined) throw new Error(`no VM here: ${missing}`);
  const share = mkdtempSync(join(tmpdir(), 'natra-vm-share-'));
  const { seconds, machines, onMeasured, onFailure } = options;
  const timer = setTimeout(() => writeFileSync(join(share, VM_STOP), ''), 1000 * seconds);
  try {
    await stageNatra(share, 'bench/live/vm-guest.ts');
    writeFileSync(join(share, VM_PLAN), JSON.stringify(plan));
    const kernel = await kernelImage(name, source);
    const boot = async (): Promise<void> => {
      const read = byLine((line) => {
        const measured = measuredIn(line);
        if (measured === undefined) onFailure(line);
        else onMeasured(measured);
      });
      const { code, timedOut, stderr, console } = await runInVm({
        kernel,
        command: [process.execPath, ...NODE_OPTIONS, join(share, GUEST_PROGRAM), share],
        share,
        modules: MODULES,
        virtualTime: NANOSECONDS_PER_INSTRUCTION,
        timeoutSeconds: seconds + GRACE_SECONDS,
        onOutput: (text, from) => {
          if (from === 'stdout') read(text);
          else process.stderr.write(text);
        },
      });
      if (timedOut) onFailure('the VM took too long');
      else if (code !== 0) onFailure(`the VM ended: ${stderr || console}`);
    };
    await Promise.all(Array.from({ length: Math.min(machines, plan.cases.length) }, boot));
  } finally {
    clearTimeout(timer);
    rmSync(share, { recursive: true, force: true });
  }
}
