import { expect, it } from 'vitest';
import { hasExports } from './exports.ts';

it.each([
  'export const a = 1;',
  'const a = 1; export { a };',
  "export * from './other.ts';",
  'export type A = number;',
  '/* first */ export enum A { B }',
  'export function a(): void {}',
])('%s has something for others', (text) => {
  expect(hasExports(text)).toBe(true);
});

it.each([
  '',
  'const a = 1;',
  '// export const a = 1;',
  'const a = `\nexport const b = 1;\n`;',
  'const exported = 1;',
])('%j has nothing', (text) => {
  expect(hasExports(text)).toBe(false);
});
