import path from 'node:path';
import { expect, test } from 'vitest';
import type { ObjectImage } from '../../dsl/object/image.ts';
import { compileC } from '../clang.ts';
import { compiledObject } from '../measure.ts';

const twin = compileC(path.join(import.meta.dirname, 'twin.c'), 'ingress');

const settingsBytes = ({ sections }: ObjectImage): number | undefined =>
  sections.find(({ name }) => name === '.rodata')?.size;

test.skipIf(twin === undefined)('the twin in C has as many bytes of settings as the program', () => {
  const natra = compiledObject(path.join(import.meta.dirname, '../../programs/limit.ts'));
  expect(twin && settingsBytes(twin.object)).toBe(settingsBytes(natra));
});
