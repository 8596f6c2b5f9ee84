import { expect, it } from 'vitest';
import { kernelInstructionSet } from './instruction-set.ts';

it('finds a set that has what every supported kernel has', () => {
  expect(['v3', 'v4']).toContain(kernelInstructionSet());
});
