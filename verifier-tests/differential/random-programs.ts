/** A random program is compiled, and the interpreter, the VM and the kernel run it on the same packets. */
import fc from 'fast-check';
import { printTree } from '../../dsl/compiler/tree/print.ts';
import type { ModuleTree } from '../../dsl/compiler/tree/tree.ts';
import { disassemble } from '../../dsl/object/disassemble.ts';
import type { ProgramKind } from '../../dsl/object/image.ts';
import { isTooComplex } from '../../loader/errors.ts';
import { expectAgreement } from './agree.ts';
import { type Compiled, compiled } from './compile.ts';
import { inKernel } from './in-kernel.ts';
import { interpreted, virtual } from './models.ts';
import { writeProgram } from './program-writer.ts';
import { arbitraryContents, arbitraryStep } from './steps.ts';
import type { Contents, Execution, Put, Step } from './world.ts';

export const arbitraryTape = fc.array(fc.nat(255), { maxLength: 400, size: 'max' });

/** A tape, what the sections hold first, and what is run. */
export type Sample = readonly [tape: readonly number[], contents: Contents, steps: readonly Step[]];

export function arbitrarySample(kind: ProgramKind = 'classifier'): fc.Arbitrary<Sample> {
  // Sections of every generated program, `__seams` included.
  const { sections } = compiled(writeProgram([], kind)).module;
  const steps = fc.array(arbitraryStep('generated', kind), { minLength: 1, maxLength: 3 });
  return fc.tuple(arbitraryTape, arbitraryContents(sections), steps);
}

/** The kernel's execution; undefined for a program of more paths than the verifier follows. */
function kernel({ image }: Compiled, contents: Contents): Execution | undefined {
  try {
    return inKernel(image, contents);
  } catch (error) {
    if (isTooComplex(error)) return undefined;
    throw error;
  }
}

/** Runs `check`; what it throws shows the program that fast-check's tape spells. */
function explained({ module, image }: Compiled, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof Error)
      error.message += `\n${printTree(module)}\n${image.programs.map((program) => disassemble(program)).join('\n')}`;
    throw error;
  }
}

export interface Variation {
  /** Optimisation passes that are left out. */
  readonly without?: readonly string[];
  /** Entries of maps before the first step. */
  readonly puts?: readonly Put[];
}

/** The compiler and the kernel take the program, and the three executions do the same on every step. */
export function expectProgramAgrees(
  tree: ModuleTree,
  contents: Contents,
  steps: readonly Step[],
  { without = [], puts = [] }: Variation = {},
): void {
  const result = compiled(tree, without);
  explained(result, () => {
    const executions = [
      interpreted(result.module, result.image, contents),
      virtual(result.image, contents),
      ...[kernel(result, contents)].filter((one) => one !== undefined),
    ];
    const used = new Set(
      result.image.programs.flatMap(({ relocations }) => relocations.map(({ target }) => target.name)),
    );
    for (const execution of executions) for (const put of puts) if (used.has(put.map)) execution.put(put);
    expectAgreement(executions, steps);
  });
}
