/** Random programs of the kinds beside the classifier: the kernel takes them, and all executions agree. */
import fc from 'fast-check';
import { beforeAll, describe, test } from 'vitest';
import { printTree } from '../../dsl/compiler/tree/print.ts';
import type { ProgramKind } from '../../dsl/object/image.ts';
import { VerifierError } from '../../loader/errors.ts';
import { expectAgreement, sampling } from './agree.ts';
import { type Compiled, compiled } from './compile.ts';
import { writeProgram } from './program-writer.ts';
import { arbitraryContents, arbitraryStep } from './steps.ts';
import { type Contents, type Execution, inKernel, interpreted, stayOnFirstCpu, virtual } from './world.ts';

beforeAll(stayOnFirstCpu);

const tape = fc.array(fc.nat(255), { maxLength: 300, size: 'max' });
const kinds = ['xdp', 'socketFilter', 'cgroupSkbIngress', 'cgroupSkbEgress'] as const;

/** The kernel's execution; undefined for a program of more paths than the verifier follows. */
function kernel({ image }: Compiled, contents: Contents): Execution | undefined {
  try {
    return inKernel(image, contents);
  } catch (error) {
    if (error instanceof VerifierError && /too large|too complex|insns limit/i.test(error.log))
      return undefined;
    throw error;
  }
}

function agree(
  kind: ProgramKind,
  numbers: readonly number[],
  contents: Contents,
  steps: Parameters<typeof expectAgreement>[1],
): void {
  const result = compiled(writeProgram(numbers, kind));
  try {
    const executions = [
      interpreted(result.module, result.image, contents),
      virtual(result.image, contents),
      ...[kernel(result, contents)].filter((one) => one !== undefined),
    ];
    expectAgreement(executions, steps);
  } catch (error) {
    if (error instanceof Error) error.message += `\n${printTree(result.module)}`;
    throw error;
  }
}

describe.each(kinds)('random programs of the kind %s', (kind) => {
  const { sections } = compiled(writeProgram([], kind)).module;
  const sample = fc.tuple(
    tape,
    arbitraryContents(sections),
    fc.array(arbitraryStep('generated', kind), { minLength: 1, maxLength: 3 }),
  );

  test('the kernel takes them, and agrees with the VM and the interpreter', () => {
    fc.assert(
      fc.property(sample, ([numbers, contents, steps]) => agree(kind, numbers, contents, steps)),
      sampling(250),
    );
  }, 600_000);
});
