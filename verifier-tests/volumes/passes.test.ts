/** Random programs, compiled with each optimisation pass left out in turn, and with all of them. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PASSES } from '../../dsl/compiler/passes/index.ts';
import { readElf } from '../../dsl/object/elf/read.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';
import { sampling } from '../differential/agree.ts';
import { compiled } from '../differential/compile.ts';
import { writeProgram } from '../differential/program-writer.ts';
import { arbitrarySample, arbitraryTape, expectProgramAgrees } from '../differential/random-programs.ts';
import { RECENT_PUTS, writeRecentProgram } from '../differential/recent-writer.ts';

const names = PASSES.map(({ name }) => name);
const { seed, numRuns } = sampling(100);

/** The kernel takes what is compiled without these passes, and agrees with the VM and the interpreter. */
function agreeWithout(without: readonly string[]): void {
  fc.assert(
    fc.property(arbitrarySample(), fc.nat(3), ([tape, contents, steps], choice) => {
      if (choice > 0) expectProgramAgrees(writeProgram(tape), contents, steps, { without });
      else expectProgramAgrees(writeRecentProgram(tape), contents, steps, { without, puts: RECENT_PUTS });
    }),
    sampling(100),
  );
}

describe(`${numRuns} random programs, seed ${seed}`, () => {
  test.each(names)('agree without %s', (pass) => agreeWithout([pass]), 600_000);

  test('agree without any pass', () => agreeWithout(names), 600_000);

  test('come back from an object file as they were compiled', () => {
    fc.assert(
      fc.property(arbitraryTape, (tape) => {
        const { image } = compiled(writeProgram(tape));
        // Names for explanations are the compiler's alone.
        const programs = image.programs.map(({ names: _, ...program }) => program);
        expect(readElf(writeElf(image))).toEqual({ ...image, programs });
      }),
      sampling(60),
    );
  });
});
