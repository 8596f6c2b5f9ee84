import path from 'node:path';
import { expect, test } from 'vitest';
import { loadProgram } from '../../loader/object/load.ts';
import { compileC } from '../clang.ts';
import { compiledObject } from '../measure.ts';
import { ROWS, settingsOf } from './rows.ts';

const twin = compileC(path.join(import.meta.dirname, 'twin.c'), 'ingress');
const natra = compiledObject(path.join(import.meta.dirname, '../../programs/limit.ts'));
/** One of each pacing: what else a row sets leaves the verifier much the same ways. */
const pacings = [...new Map(ROWS.map((row) => [row.pacing, row])).values()];

/** It is near the verifier's million instructions, from which natra's own program is far. */
test.skipIf(twin === undefined).each(pacings)('the kernel takes the twin in C as for "$name"', (row) => {
  if (twin === undefined) return;
  const program = loadProgram(twin.object, 'ingress', {
    settings: settingsOf(row, natra),
    specialise: false,
  });
  expect(program.fd).toBeGreaterThan(0);
  program.close();
});
