/** A share of the compiler's random programs, compiled here with what the VM made of them, for a kernel elsewhere. */
import fc from 'fast-check';
import type { Baseline } from '../../cni/objects.ts';
import { compileTree } from '../../dsl/compiler/index.ts';
import { withSeams } from '../../dsl/compiler/lower/index.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';
import { virtual } from '../differential/models.ts';
import { writeProgram } from '../differential/program-writer.ts';
import { arbitraryContents, arbitraryStep } from '../differential/steps.ts';
import type { Contents, Outcome, State, Step } from '../differential/world.ts';
import { RANDOM_PROGRAMS } from './report.ts';

export interface RandomProgram {
  readonly objects: { readonly [B in Baseline]: Uint8Array };
  readonly contents: Contents;
  readonly steps: readonly Step[];
  readonly outcomes: readonly Outcome[];
  readonly state: State;
}

const SEED = 20_260_201;

/** The same tapes at every call; what they spell follows the writer and the compiler. */
export function recordRandomPrograms(): RandomProgram[] {
  const { sections } = withSeams(writeProgram([]));
  const sample = fc.tuple(
    fc.array(fc.nat(255), { maxLength: 400, size: 'max' }),
    arbitraryContents(sections),
    fc.array(arbitraryStep('generated'), { minLength: 1, maxLength: 3 }),
  );
  return fc.sample(sample, { numRuns: RANDOM_PROGRAMS.whole, seed: SEED }).map(([tape, contents, steps]) => {
    const module = withSeams(writeProgram(tape));
    const compiled = (baseline: Baseline) => compileTree(module, { seams: 'memory', baseline }).object;
    const image = compiled('5.12');
    const vm = virtual(image, contents);
    const outcomes = steps.map((step) => vm.run(step));
    const objects = { '5.12': writeElf(image), '5.10': writeElf(compiled('5.10')) };
    return { objects, contents, steps, outcomes, state: vm.state() };
  });
}
