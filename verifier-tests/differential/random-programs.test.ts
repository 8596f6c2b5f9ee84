import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { PASSES } from '../../dsl/compiler/passes/index.ts';
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
  without: readonly string[] = [],
): void {
  const result = compiled(writeProgram(numbers), without);
  explained(result, () => {
    const executions = [
      interpreted(result.module, result.image, contents),
      virtual(result.image, contents),
      ...[kernel(result, contents)].filter((one) => one !== undefined),
    ];
    expectAgreement(executions, steps);
  });
}

const { seed, numRuns: whole } = sampling(1500);

describe(`random programs, seed ${seed}`, () => {
  test(`the kernel takes what the compiler makes of ${whole}, and agrees with the VM and the interpreter`, () => {
    fc.assert(
      fc.property(run, (sample) => agree(sample)),
      sampling(1500),
    );
  }, 3_600_000);

  test.each(PASSES.map(({ name }) => name))(
    'so it does without %s',
    (pass) => {
      fc.assert(
        fc.property(run, (sample) => agree(sample, [pass])),
        sampling(25),
      );
    },
    600_000,
  );

  test('so it does without any pass', () => {
    const every = PASSES.map(({ name }) => name);
    fc.assert(
      fc.property(run, (sample) => agree(sample, every)),
      sampling(100),
    );
  }, 600_000);

  test('an object file holds the compiled program', () => {
    fc.assert(
      fc.property(tape, (numbers) => {
        const { image } = compiled(writeProgram(numbers));
        // Names for explanations are the compiler's alone.
        const programs = image.programs.map(({ names: _, ...program }) => program);
        expect(readElf(writeElf(image))).toEqual({ ...image, programs });
      }),
      sampling(60),
    );
  });
});
