/** `natra vm`: instruction vectors in the VM, and on the kernel when whoever starts the command line can reach one. */
import { runVectors, type VectorResults } from '../vm/vectors.ts';
import { type ExitStatus, type Output, UsageError } from './output.ts';

/** Runs a file of vectors somewhere. */
export type RunVectors = (file: string) => VectorResults;

export interface VmCommand {
  readonly file: string;
  readonly kernel: boolean;
  readonly json: boolean;
}

const hexadecimal = (value: bigint): string => `0x${value.toString(16)}`;

function linesOf(where: string, { passes, refusals, mismatches }: VectorResults): string {
  const lines = [
    ...passes.map((name) => `pass      ${name}`),
    ...refusals.map(({ name, reason }) => `refused   ${name}: ${reason.replaceAll(/\s*\n\s*/g, '; ')}`),
    ...mismatches.map(
      ({ name, expected, r0 }) =>
        `mismatch  ${name}: r0 is ${hexadecimal(r0)}, expected ${hexadecimal(expected)}`,
    ),
  ];
  const summary = `${passes.length} passed, ${refusals.length} refused, ${mismatches.length} mismatched`;
  return [...lines.map((line) => `${where}  ${line}`), `${where}: ${summary}`, ''].join('\n');
}

const toJson = ({ passes, refusals, mismatches }: VectorResults): object => ({
  passes,
  refusals,
  mismatches: mismatches.map(({ name, expected, r0 }) => ({
    name,
    expected: hexadecimal(expected),
    r0: hexadecimal(r0),
  })),
});

function results(run: RunVectors, file: string): VectorResults {
  try {
    return run(file);
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** 1 when any vector gave another r0, or the VM refused one; the kernel's verifier may refuse what it can't prove. */
export function vm(command: VmCommand, onKernel: RunVectors | undefined, output: Output): ExitStatus {
  const { file, kernel, json } = command;
  if (kernel && onKernel === undefined)
    throw new UsageError('vm --kernel: this build of the command line has no loader in it');
  const inVm = results(runVectors, file);
  const inKernel = kernel && onKernel ? results(onKernel, file) : undefined;
  if (json) {
    const all = { vm: toJson(inVm), ...(inKernel && { kernel: toJson(inKernel) }) };
    output.out(`${JSON.stringify(all, undefined, 2)}\n`);
  } else {
    output.out(linesOf('vm', inVm));
    if (inKernel) output.out(linesOf('kernel', inKernel));
  }
  const failures = inVm.refusals.length + inVm.mismatches.length + (inKernel?.mismatches.length ?? 0);
  return failures === 0 ? 0 : 1;
}
