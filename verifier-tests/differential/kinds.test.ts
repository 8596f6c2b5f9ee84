/** Random programs of the kinds beside the classifier: the kernel takes them, and all executions agree. */
import fc from 'fast-check';
import { beforeAll, describe, test } from 'vitest';
import { sampling } from './agree.ts';
import { writeProgram } from './program-writer.ts';
import { arbitrarySample, expectProgramAgrees } from './random-programs.ts';
import { RECENT_PUTS, writeRecentProgram } from './recent-writer.ts';
import { writeReferenceProgram } from './reference-writer.ts';
import { stayOnFirstCpu } from './world.ts';

beforeAll(stayOnFirstCpu);

const kinds = ['xdp', 'socketFilter', 'cgroupSkbIngress', 'cgroupSkbEgress'] as const;

describe.each(kinds)('random programs of the kind %s', (kind) => {
  test('the kernel takes them, and agrees with the VM and the interpreter', () => {
    fc.assert(
      fc.property(arbitrarySample(kind), ([tape, contents, steps]) =>
        expectProgramAgrees(writeProgram(tape, kind), contents, steps),
      ),
      sampling(150),
    );
  }, 600_000);

  test.each([
    ['with loops of bpf_loop, ring buffers, locks and tail calls', writeRecentProgram],
    ['whose references take turns', writeReferenceProgram],
  ])(
    'and those %s',
    (_, write) => {
      fc.assert(
        fc.property(arbitrarySample(kind), ([tape, contents, steps]) =>
          expectProgramAgrees(write(tape, kind), contents, steps, { puts: RECENT_PUTS }),
        ),
        sampling(25),
      );
    },
    600_000,
  );
});
