import { expect, test } from 'vitest';
import { assemble, INSTRUCTION_VECTORS } from './instruction-vectors/index.ts';
import { runCode } from './vm.ts';

test.each(INSTRUCTION_VECTORS)('$name', (vector) => {
  expect(runCode(assemble(vector), new Uint8Array(0))).toBe(vector.expected);
  expect(runCode(assemble(vector, 'high'), new Uint8Array(0))).toBe(vector.expected >> 32n);
});
