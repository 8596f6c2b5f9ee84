import { expect, test } from 'vitest';
import { CaseProgress } from './progress.ts';

test('each case is counted, and the rest takes as long as those since the first did on average', () => {
  let now = 100;
  const progress = new CaseProgress(4, () => now);
  now += 500;
  expect(progress.line('a')).toBe('1 of 4: a');
  now += 20;
  expect(progress.line('b')).toBe('2 of 4, some 40 s to go: b');
  now += 220;
  expect(progress.line('c')).toBe('3 of 4, some 2 min to go: c');
  expect(progress.line('d')).toBe('4 of 4: d');
});
