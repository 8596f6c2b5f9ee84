import fc from 'fast-check';
import { test } from 'vitest';
import { sampling } from '../differential/agree.ts';
import { writeProgram } from '../differential/program-writer.ts';
import { arbitrarySample, expectProgramAgrees } from '../differential/random-programs.ts';

/** Programs of all shards; each shard runs in a process of its own. */
const PROGRAMS = 20_000;
const SHARDS = 2;

/** The shard's random programs: the kernel takes each, and the interpreter, the VM and the kernel agree on it. */
export function testShard(shard: number): void {
  const { seed = 0, numRuns = 0 } = sampling(PROGRAMS / SHARDS);
  const own = { numRuns, seed: seed + shard - 1 };
  test(`the kernel takes ${numRuns} random programs of seed ${own.seed}, and agrees with the VM and the interpreter`, () => {
    fc.assert(
      fc.property(arbitrarySample(), ([tape, contents, steps]) =>
        expectProgramAgrees(writeProgram(tape), contents, steps),
      ),
      own,
    );
  }, 3_600_000);
}
