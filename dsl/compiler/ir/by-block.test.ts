import { expect, it } from 'vitest';
import { ByBlock } from './by-block.ts';
import { parseFunction } from './parse.ts';

const FUNCTION = parseFunction(`func @f() {
b0:
  jump b7
b7:
  return 0
}`);

it('has what was set for a block, and nothing for others', () => {
  const table = new ByBlock<string>(FUNCTION);
  table.set(7, 'last');
  expect([0, 3, 7].map((id) => table.get(id))).toEqual([undefined, undefined, 'last']);
});

it('has nothing for blocks that the function has not', () => {
  expect(new ByBlock<string>(FUNCTION).get(8)).toBeUndefined();
});
