/** Random programs with long loops, ring buffers, locks and tail calls. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sampling } from '../differential/agree.ts';
import { compiled } from '../differential/compile.ts';
import { arbitrarySample, arbitraryTape, expectProgramAgrees } from '../differential/random-programs.ts';
import { RECENT_PUTS, writeRecentProgram } from '../differential/recent-writer.ts';

const { seed, numRuns } = sampling(2000);

test(`${numRuns} random programs with loops of bpf_loop, ring buffers, locks and tail calls, seed ${seed}`, () => {
  fc.assert(
    fc.property(arbitrarySample(), ([tape, contents, steps]) =>
      expectProgramAgrees(writeRecentProgram(tape), contents, steps, { puts: RECENT_PUTS }),
    ),
    sampling(2000),
  );
}, 3_600_000);

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
