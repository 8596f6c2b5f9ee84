/** Random programs with long loops, ring buffers, locks and tail calls. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { printTree } from '../../dsl/compiler/tree/print.ts';
import { sampling } from '../differential/agree.ts';
import { compiled } from '../differential/compile.ts';
import { arbitrarySample, arbitraryTape, expectProgramAgrees } from '../differential/random-programs.ts';
import { RECENT_PUTS, writeRecentProgram } from '../differential/recent-writer.ts';
import { writeReferenceProgram } from '../differential/reference-writer.ts';

/** Of each of the two kinds. */
const PROGRAMS = 1000;
const { seed, numRuns } = sampling(PROGRAMS);

test.each([
  ['with loops of bpf_loop, ring buffers, locks and tail calls', writeRecentProgram],
  ['whose references take turns', writeReferenceProgram],
])(
  `${numRuns} random programs, seed ${seed}, %s`,
  (_, write) => {
    fc.assert(
      fc.property(arbitrarySample(), ([tape, contents, steps]) =>
        expectProgramAgrees(write(tape), contents, steps, { puts: RECENT_PUTS }),
      ),
      sampling(PROGRAMS),
    );
  },
  3_600_000,
);

test('among them is every construct, in plenty', () => {
  const calls = new Map<number, number>();
  for (const tape of fc.sample(arbitraryTape, { numRuns: 200, seed: 1 }))
    for (const { code } of compiled(writeRecentProgram(tape)).image.programs) {
      const view = new DataView(code.buffer, code.byteOffset, code.length);
      for (let at = 0; at < code.length; at += 8)
        if (code[at] === 0x85)
          calls.set(view.getInt32(at + 4, true), 1 + (calls.get(view.getInt32(at + 4, true)) ?? 0));
    }
  // bpf_tail_call, bpf_spin_lock, bpf_ringbuf_output, _reserve, _submit, _discard, bpf_loop.
  for (const helper of [12, 93, 130, 131, 132, 133, 181])
    expect(calls.get(helper) ?? 0, `calls of helper ${helper}`).toBeGreaterThan(20);
});

test('references take turns in every way, in plenty', () => {
  const printed = fc
    .sample(arbitraryTape, { numRuns: 200, seed: 1 })
    .map((tape) => printTree(writeReferenceProgram(tape)))
    .join('');
  for (const way of [
    /: stack (?:Outer|Even) = stack/g,
    /: stack Inner = .*\[/g,
    /: (?:stack|global|map) \w+ = \(.* \? .* : .*\)$/gm,
    /^ +q\d+#\d+ = /gm,
    /= lent\(/g,
    /\{ at: (?:stack|global|map) /g,
    /: bool = isPresent\(/g,
    /: [iu]\d+ = atomic\.\w+\.fetch\(/g,
  ])
    expect(printed.match(way)?.length ?? 0, String(way)).toBeGreaterThan(20);
});
