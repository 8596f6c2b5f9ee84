import { expect, it } from 'vitest';
import { countCpus } from './cpus.ts';

it('counts the cpus of a kernel list', () => {
  expect(countCpus('0\n')).toBe(1);
  expect(countCpus('0-3,8,10-11\n')).toBe(7);
});

it('refuses what is no such list', () => {
  expect(() => countCpus('')).toThrow('possible cpus');
  expect(() => countCpus('3-1')).toThrow('possible cpus');
});
