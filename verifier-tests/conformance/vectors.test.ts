/** The published conformance vectors of the instruction set, where they lie beside the project. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { readVectors, runVectors } from '../../dsl/vm/vectors.ts';

const FILE = fileURLToPath(new URL('../../../shared/conformance/bpf_conformance.json', import.meta.url));

test.skipIf(!existsSync(FILE))('every published conformance vector gives its r0 in the VM', () => {
  const results = runVectors(FILE);
  expect(results.refusals).toEqual([]);
  expect(results.mismatches).toEqual([]);
  expect(results.passes).toEqual(readVectors(FILE).map((vector) => vector.name));
});
