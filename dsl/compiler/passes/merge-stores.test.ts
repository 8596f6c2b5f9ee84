import { describe, expect, it } from 'vitest';
import { parseFunction } from '../ir/parse.ts';
import { printFunction } from '../ir/print.ts';
import { eliminateDeadCode } from './dead-code.ts';
import { mergeStores } from './merge-stores.ts';

const rewritten = (body: string, alignment = 8): string =>
  printFunction(
    eliminateDeadCode(
      mergeStores(parseFunction(`func @f(%0:64) {\n  slot $0 size 16 align ${alignment}\nb0:\n${body}\n}`)),
    ),
  );

const address = '  %1:64 = stack $0\n';

describe('store merging', () => {
  it('makes one store of two constants', () => {
    const text = rewritten(`${address}  store.2 stack [%1], 1
  store.2 stack [%1 + 2], 2
  helper 6 @keep(%1)
  return 0`);
    expect(text).toContain('store.4 stack [%1], 131073\n  helper');
  });

  it('copies what lies together in one piece', () => {
    const text = rewritten(`${address}  %2:64 = load.4 context [%0 + 76] pointer
  %3:32 = load.4 packet [%2 + 26]
  %4:32 = load.4 packet [%2 + 30]
  store.4 stack [%1 + 4], %4
  store.4 stack [%1], %3
  helper 6 @keep(%1)
  return 0`);
    expect(text).toMatch(/%(\d+):64 = load.8 packet \[%2 \+ 26\]\n {2}store.8 stack \[%1\], %\1/);
    expect(text).not.toContain('load.4 packet');
  });

  it.each([
    ['a read between them', '  store.4 stack [%1], 1\n  helper 6 @keep(%1)\n  store.4 stack [%1 + 4], 0', 8],
    ['no room to be aligned', '  store.4 stack [%1], 1\n  store.4 stack [%1 + 4], 0', 4],
    ['a place between two words', '  store.2 stack [%1 + 2], 1\n  store.2 stack [%1 + 4], 0', 8],
    ['a constant that no store holds', '  store.4 stack [%1], 1\n  store.4 stack [%1 + 4], 9', 8],
  ])('leaves two apart with %s', (_, stores, alignment) => {
    const text = rewritten(`${address}${stores}\n  helper 6 @keep(%1)\n  return 0`, alignment);
    expect(text.match(/store/g)).toHaveLength(2);
  });
});
