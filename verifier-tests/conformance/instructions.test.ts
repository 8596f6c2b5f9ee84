/** Our own instruction vectors on the kernel: it must give the r0 that they promise. */
import { expect, test } from 'vitest';
import { assemble, INSTRUCTION_VECTORS } from '../../dsl/vm/instruction-vectors/index.ts';
import { loadProgram } from '../../loader/bpf/program.ts';
import { testRun } from '../../loader/bpf/testrun.ts';
import { VerifierError } from '../../loader/errors.ts';
import { closeDescriptor } from '../../loader/native/files.ts';

const packet = new Uint8Array(64);

function runOnKernel(code: Uint8Array): number {
  const fd = loadProgram({ name: 'vector', kind: 'classifier', code, license: 'GPL' });
  try {
    return testRun(fd, { data: packet }).result;
  } finally {
    closeDescriptor(fd);
  }
}

const accepted = INSTRUCTION_VECTORS.filter((vector) => vector.refused === undefined);
const refused = INSTRUCTION_VECTORS.filter((vector) => vector.refused !== undefined);

test.each(accepted)('$name', (vector) => {
  const low = runOnKernel(assemble(vector));
  const high = runOnKernel(assemble(vector, 'high'));
  expect((BigInt(high) << 32n) | BigInt(low)).toBe(vector.expected);
});

test.each(refused)('the verifier refuses: $name', (vector) => {
  expect(() => runOnKernel(assemble(vector))).toThrow(VerifierError);
});
