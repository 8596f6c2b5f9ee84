import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { printTree } from '../../dsl/compiler/tree/print.ts';
import { disassemble } from '../../dsl/object/disassemble.ts';
import { readElf } from '../../dsl/object/elf/read.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';
import { VerifierError } from '../../loader/errors.ts';
import { expectAgreement, sampling } from './agree.ts';
import { type Compiled, compiled } from './compile.ts';
import { writeProgram } from './program-writer.ts';
import { arbitraryContents, arbitraryStep } from './steps.ts';
import {
  type Contents,
  type Execution,
  inKernel,
  interpreted,
  type Step,
  stayOnFirstCpu,
  virtual,
} from './world.ts';

beforeAll(stayOnFirstCpu);

const tape = fc.array(fc.nat(255), { maxLength: 400, size: 'max' });
/** Sections of every generated program, `__seams` included. */
const { sections } = compiled(writeProgram([])).module;
const run = fc.tuple(
  tape,
  arbitraryContents(sections),
  fc.array(arbitraryStep('generated'), { minLength: 1, maxLength: 3 }),
);

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

/** What fast-check's shrunk tape spells, for the report. */
function explained({ module, image }: Compiled, check: () => void): void {
  try {
    check();
  } catch (error) {
    const [program] = image.programs;
    if (error instanceof Error && program !== undefined)
      error.message += `\n${printTree(module)}\n${disassemble(program)}`;
    throw error;
  }
}

function agree(
  [numbers, contents, steps]: readonly [readonly number[], Contents, readonly Step[]],
  withKernel: boolean,
): void {
  const result = compiled(writeProgram(numbers));
  explained(result, () => {
    const executions = [
      interpreted(result.module, result.image, contents),
      virtual(result.image, contents),
      ...(withKernel ? [kernel(result, contents)].filter((one) => one !== undefined) : []),
    ];
    expectAgreement(executions, steps);
  });
}

describe('random programs', () => {
  test('the interpreter and the VM agree', () => {
    fc.assert(
      fc.property(run, (sample) => agree(sample, false)),
      sampling(400),
    );
  });

  test('the kernel takes what the compiler makes, and agrees', () => {
    fc.assert(
      fc.property(run, (sample) => agree(sample, true)),
      sampling(300),
    );
  });

  test('an object file holds the compiled program', () => {
    fc.assert(
      fc.property(tape, (numbers) => {
        const result = compiled(writeProgram(numbers));
        const { image } = result;
        expect(readElf(writeElf(image))).toEqual(image);
      }),
      sampling(60),
    );
  });
});
