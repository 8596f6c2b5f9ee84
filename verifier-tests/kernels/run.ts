/** One kernel of the matrix: fetch, boot, check, report. */
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { kernelImage } from './cache.ts';
import type { KernelRow } from './matrix.ts';
import { REPORT_FILE, type Report } from './report.ts';
import { GUEST_PROGRAM } from './stage.ts';
import { runInVm } from './vm.ts';

/** What the checks need beyond what the kernel has built in. */
const MODULES = ['veth', 'bridge', 'sch_fq', 'sch_htb', 'sch_ingress', 'cls_bpf'];
/** A run takes two minutes on an idle machine; beside other work several times that. */
const TIMEOUT_SECONDS = 900;

export interface KernelRun {
  readonly row: KernelRow;
  /** Absent when the kernel could not be fetched or booted. */
  readonly report?: Report;
  /** Why the run as a whole is no success, in one line and its context. */
  readonly failure?: string;
  readonly seconds: number;
}

/** Never throws: whatever goes wrong is in the result. `staged` is a folder filled by stage(). */
export async function runKernel(
  row: KernelRow,
  staged: string,
  share: string,
  onProgress: (words: string) => void,
): Promise<KernelRun> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  try {
    onProgress('fetching');
    const kernel = kernelImage(row);
    rmSync(share, { recursive: true, force: true });
    cpSync(staged, share, { recursive: true });
    onProgress(`booting ${kernel.release}`);
    const result = await runInVm({
      kernel,
      command: [process.execPath, path.join(share, GUEST_PROGRAM), share],
      share,
      modules: MODULES,
      virtualTime: true,
      timeoutSeconds: TIMEOUT_SECONDS,
      onOutput: (text) => {
        const line = text.trim().split('\n').at(-1);
        if (line) onProgress(line);
      },
    });
    const file = path.join(share, REPORT_FILE);
    const report = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined;
    const failure = failureOf(result, report);
    return { row, seconds: seconds(), ...(report && { report }), ...(failure !== undefined && { failure }) };
  } catch (error) {
    return { row, seconds: seconds(), failure: error instanceof Error ? error.message : String(error) };
  }
}

function failureOf(
  result: Awaited<ReturnType<typeof runInVm>>,
  report: Report | undefined,
): string | undefined {
  if (result.timedOut) return `the run took longer than ${TIMEOUT_SECONDS} s\n${result.console}`;
  if (result.code === undefined) return `the VM ended by itself\n${result.console}`;
  if (report === undefined || !report.complete)
    return `the guest ended with ${result.code}: ${result.stderr}`;
  const failed = report.checks.filter(({ outcome }) => outcome === 'failed');
  if (failed.length > 0) return `${failed.length} of ${report.checks.length} checks failed`;
  return result.code === 0 ? undefined : `the guest ended with ${result.code}: ${result.stderr}`;
}
