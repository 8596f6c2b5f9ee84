/** One kernel of the matrix: fetch, boot, check, report. */
import { spawn } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { whyNoKvm } from './acceleration.ts';
import { guestRoot, kernelImage } from './cache.ts';
import type { KernelImage } from './image.ts';
import type { KernelRow } from './matrix.ts';
import { type GuestPlan, merged, type Part, PLAN_FILE, REPORT_FILE, type Report } from './report.ts';
import { GUEST_PROGRAM, provideFor } from './stage.ts';
import { runInVm, type VmResult } from './vm.ts';

/** What the checks need beyond what the kernel has built in. */
const MODULES = [
  ...['veth', 'bridge', '8021q', 'ipvlan'],
  ...['sch_fq', 'sch_htb', 'sch_tbf', 'sch_ingress', 'cls_bpf'],
];
/** A run takes two minutes on an idle machine; beside other work several times that. */
const TIMEOUT_SECONDS = 900;
/** Loads in which time matters are repeatable in virtual time only, and the running kernel has none. */
const WITHOUT_TRAFFIC: readonly Part[] = [
  'programs',
  'attaching',
  'packets',
  'instructions',
  'random programs',
];

export interface KernelRun {
  readonly row: KernelRow;
  /** Absent when the kernel could not be fetched or booted. */
  readonly report?: Report;
  /** Why the run as a whole is no success, in one line and its context. */
  readonly failure?: string;
  readonly seconds: number;
}

export interface RunOptions {
  /** A folder filled by stage(). */
  readonly staged: string;
  /** The folder of this run, emptied first. */
  readonly share: string;
  readonly depth: GuestPlan['depth'];
  /** Only these of the checks; all of them where it is silent. */
  readonly only?: readonly Part[] | undefined;
  /** In place of the other checks: how long Pods come and go. */
  readonly soakSeconds?: number | undefined;
  /** Looks whether KVM runs the kernel, and lets it run all but the traffic. */
  readonly mayUseKvm: boolean;
  readonly onProgress: (words: string) => void;
}

/** Never throws: whatever goes wrong is in the result. */
export async function runKernel(row: KernelRow, options: RunOptions): Promise<KernelRun> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  try {
    const { report, failure } =
      row.source.kind === 'running' ? await onThisKernel(options) : await inVms(row, options);
    return { row, seconds: seconds(), ...(report && { report }), ...(failure !== undefined && { failure }) };
  } catch (error) {
    return { row, seconds: seconds(), failure: error instanceof Error ? error.message : String(error) };
  }
}

type Outcome = Pick<KernelRun, 'report' | 'failure'>;
type End = Pick<VmResult, 'code' | 'timedOut' | 'stderr' | 'emulatorErrors' | 'console'>;

/** Fills the shared folder and gives the guest's command line without its Node.js. */
function prepareShare({ staged, share }: RunOptions, plan: GuestPlan): string[] {
  rmSync(share, { recursive: true, force: true });
  cpSync(staged, share, { recursive: true });
  writeFileSync(path.join(share, PLAN_FILE), JSON.stringify(plan));
  return [path.join(share, GUEST_PROGRAM), share];
}

function lastLine(options: RunOptions): (text: string) => void {
  return (text) => {
    const line = text.trim().split('\n').at(-1);
    if (line) options.onProgress(line);
  };
}

async function onThisKernel(options: RunOptions): Promise<Outcome> {
  if (process.getuid?.() !== 0) throw new Error('loading programs needs root');
  if (options.soakSeconds !== undefined)
    throw new Error('the soak runs in a VM, which is its alone: name a kernel');
  const plan: GuestPlan = {
    parts: among(WITHOUT_TRAFFIC, options),
    depth: options.depth,
    virtualTime: false,
    soakSeconds: 0,
  };
  const args = prepareShare(options, plan);
  const told = lastLine(options);
  const end = await new Promise<End>((resolve, reject) => {
    let stderr = '';
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_SECONDS * 1000,
    });
    child.stdout.setEncoding('utf8').on('data', told);
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({
        code: code ?? undefined,
        timedOut: signal === 'SIGTERM',
        stderr,
        emulatorErrors: '',
        console: stderr,
      }),
    );
  });
  return outcomeOf(end, options.share, TIMEOUT_SECONDS);
}

const among = (parts: readonly Part[], { only }: RunOptions): readonly Part[] =>
  parts.filter((part) => only === undefined || only.includes(part));

/** What runs in one boot: with KVM all that needs no virtual time goes into one of its own. */
function bootsFor(options: RunOptions, kvm: boolean): GuestPlan[] {
  const { depth, soakSeconds } = options;
  if (soakSeconds !== undefined) return [{ parts: ['soak'], depth, virtualTime: false, soakSeconds }];
  const boot = (parts: readonly Part[], virtualTime: boolean): GuestPlan => ({
    parts: among(parts, options),
    depth,
    virtualTime,
    soakSeconds: 0,
  });
  const boots = kvm
    ? [boot(WITHOUT_TRAFFIC, false), boot(['traffic'], true)]
    : [boot([...WITHOUT_TRAFFIC, 'traffic'], true)];
  return boots.filter(({ parts }) => parts.length > 0);
}

/** Of virtual time: the slower processor, which is enough at the rates of its traffic, and the faster to emulate. */
const NANOSECONDS_PER_INSTRUCTION = 2;

async function inVms(row: KernelRow, options: RunOptions): Promise<Outcome> {
  const { source } = row;
  if (source.kind !== 'debian') throw new Error(`boot ${row.name}: it is no kernel of Debian`);
  options.onProgress('fetching');
  const kernel = await kernelImage(row.name, source);
  const isHosts = source.architecture === 'amd64';
  const guest = {
    kernel,
    root: isHosts ? '/' : await guestRoot(source.architecture),
    node: isHosts ? process.execPath : '/usr/bin/node',
  };
  const kvm = options.mayUseKvm && (await kvmRuns(kernel, options));
  let all: Report | undefined;
  for (const plan of bootsFor(options, kvm)) {
    const { report, failure } = await boot(guest, plan, kvm, options);
    all = all === undefined || report === undefined ? (report ?? all) : merged(all, report);
    if (failure !== undefined) return { ...(all && { report: all }), failure };
  }
  return all === undefined ? {} : { report: all };
}

/** Tells it where the run is emulated instead. */
async function kvmRuns(kernel: KernelImage, { onProgress }: RunOptions): Promise<boolean> {
  const reason = await whyNoKvm(kernel);
  if (reason !== undefined) onProgress(`emulated: ${reason}`);
  return reason === undefined;
}

async function boot(
  { kernel, root, node }: { readonly kernel: KernelImage; readonly root: string; readonly node: string },
  plan: GuestPlan,
  kvm: boolean,
  options: RunOptions,
): Promise<Outcome> {
  const args = prepareShare(options, plan);
  provideFor(kernel.architecture, options.share);
  options.onProgress(`booting ${kernel.release}`);
  const timeoutSeconds = TIMEOUT_SECONDS + 3 * plan.soakSeconds;
  const start = (): Promise<VmResult> =>
    runInVm({
      kernel,
      root,
      command: [node, ...args],
      share: options.share,
      modules: MODULES,
      virtualTime: plan.virtualTime ? NANOSECONDS_PER_INSTRUCTION : undefined,
      acceleration: kvm ? 'kvm' : 'tcg',
      timeoutSeconds,
      onOutput: lastLine(options),
    });
  let end = await start();
  for (let more = MORE_BOOTS; more > 0 && diedAtBoot(end); more--) {
    options.onProgress('the kernel died while it booted; booting again');
    end = await start();
  }
  return outcomeOf(end, options.share, timeoutSeconds);
}

/**
 * An emulated kernel with several CPUs has died at boot of a breakpoint that it had already taken back out of its own code
 * (arch/x86/kernel/alternative.c, text_poke_bp_batch), before anything of natra's had run.
 */
const MORE_BOOTS = 2;
const diedAtBoot = ({ booted, timedOut }: VmResult): boolean => !booted && !timedOut;

function outcomeOf(end: End, share: string, limit: number): Outcome {
  const file = path.join(share, REPORT_FILE);
  const report = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined;
  const failure = failureOf(end, report, limit);
  return { ...(report && { report }), ...(failure !== undefined && { failure }) };
}

function failureOf(
  { code, timedOut, stderr, emulatorErrors, console }: End,
  report: Report | undefined,
  limit: number,
) {
  if (timedOut) return `the run took longer than ${limit} s\n${console}`;
  if (code === undefined) return `the VM ended by itself\n${emulatorErrors}${console}`;
  if (report === undefined || !report.complete) return `the guest ended with ${code}: ${stderr}`;
  const failed = report.checks.filter(({ outcome }) => outcome === 'failed');
  if (failed.length > 0) return `${failed.length} of ${report.checks.length} checks failed`;
  return code === 0 ? undefined : `the guest ended with ${code}: ${stderr}`;
}
