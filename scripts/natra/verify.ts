/** What the kernel's verifier says of programs: each is loaded with its maps and dropped again. */
import type { KernelVerdict } from '../../dsl/cli/check.ts';
import { UsageError } from '../../dsl/cli/output.ts';
import type { Cpu } from '../../dsl/compiler/index.ts';
import type { ObjectImage, ProgramImage } from '../../dsl/object/image.ts';
import {
  KernelError,
  kernelInstructionSet,
  loadProgram,
  VerifierError,
  type VerifierStatistics,
} from '../../loader/index.ts';
import { formatExplanation } from '../../loader/verifier/explain.ts';

/** A refusal in the form of the compiler's diagnostics, with what only the verifier knows. */
function detailsOf({ explanation, log }: VerifierError): object {
  if (explanation === undefined) return { code: 'KERNEL', severity: 'error', message: log };
  const { place, mend, message, ...rest } = explanation;
  const { file, line, column } = place ?? { file: '', line: 1, column: 1 };
  return {
    code: 'KERNEL',
    severity: 'error',
    message,
    why: mend?.why ?? '',
    advice: mend?.instead ?? '',
    ...(mend && { mend: mend.name }),
    span: { file, line, column, endLine: line, endColumn: column + 1 },
    ...rest,
  };
}

/** The kernel was not asked, or said something else than its verifier. */
function failed(error: unknown): never {
  if (error instanceof KernelError) throw new UsageError(`check --kernel: ${error.message}`);
  throw error;
}

function verdictOf(object: ObjectImage, { name }: ProgramImage): KernelVerdict {
  let counted: VerifierStatistics | undefined;
  const onStatistics = (statistics: VerifierStatistics): void => {
    counted = statistics;
  };
  try {
    loadProgram(object, name, { onStatistics }).close();
    return { program: name, ...(counted && { processedInstructions: counted.processedInstructions }) };
  } catch (error) {
    if (!(error instanceof VerifierError)) return failed(error);
    const text = error.explanation ? formatExplanation(error.explanation) : error.message;
    return { program: name, refusal: { text, details: detailsOf(error) } };
  }
}

/** The verdict on every program of an object, in its order. */
export const verify = (object: ObjectImage): readonly KernelVerdict[] =>
  object.programs.map((program) => verdictOf(object, program));

/** What programs are compiled for that only this kernel is to run. */
export function kernelCpu(): Cpu {
  try {
    return kernelInstructionSet();
  } catch (error) {
    return failed(error);
  }
}
