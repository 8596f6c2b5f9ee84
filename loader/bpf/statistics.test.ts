import { expect, test } from 'vitest';
import { parseStatistics } from './statistics.ts';

test("the verifier's statistics are read by their names", () => {
  const log = `verification time 1893 usec
stack depth 64+16
processed 2087 insns (limit 1000000) max_states_per_insn 3 total_states 120 peak_states 98 mark_read 12
`;
  expect(parseStatistics(log)).toEqual({
    processedInstructions: 2087,
    maxStatesPerInstruction: 3,
    totalStates: 120,
    peakStates: 98,
    stackBytes: [64, 16],
  });
});

test('a line for each subprogram has its stack where the kernel writes one', () => {
  const log = `verification time 823399 usec
stack depth max 224
subprog 0 (ingress) main insns_self 53775 insns_total 53900 stack 160
subprog 1 (walk) insns_self 125 insns_total 125 stack 64
processed 53900 insns (limit 1000000) max_states_per_insn 31 total_states 3868 peak_states 902 mark_read 0
`;
  expect(parseStatistics(log)?.stackBytes).toEqual([160, 64]);
});

test('a log without statistics gives none', () => {
  expect(parseStatistics('0: (95) exit\nR0 !read_ok\n')).toBeUndefined();
});
