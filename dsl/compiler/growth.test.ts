/** How the compiler's work grows with the length of a block, counted in reads of the instructions' properties. */
import { describe, expect, it } from 'vitest';
import type { IrFunction } from './ir/ir.ts';
import { LastUses } from './ir/last-uses.ts';
import { parseFunction } from './ir/parse.ts';
import { numberValues } from './passes/number-values.ts';

let reads = 0;

function counted<T extends object>(instruction: T): T {
  const get: ProxyHandler<T>['get'] = (target, key) => {
    reads += 1;
    return Reflect.get(target, key);
  };
  return new Proxy(instruction, { get });
}

const LENGTH = 200;
const TIMES = 8;

/** How many times as much is read for a block of `TIMES` the length. */
function growth(readOf: (length: number) => void): number {
  const counts = [LENGTH, LENGTH * TIMES].map((length) => {
    reads = 0;
    readOf(length);
    return reads;
  });
  return (counts[1] ?? 0) / (counts[0] ?? 0);
}

const numbers = (length: number): readonly number[] => Array.from({ length }, (_, index) => index);

/** A block of what `line` gives for its results, from %2 on. */
function irFunction(length: number, line: (result: number, at: number) => string): IrFunction {
  const lines = numbers(length).map((at) => `  ${line(at + 2, at)}`);
  const fn = parseFunction(
    `func @long(%0:64) {\nb0:\n  %1:32 = load.4 context [%0]\n${lines.join('\n')}\n  return %${length + 1}\n}`,
  );
  return {
    ...fn,
    blocks: fn.blocks.map((block) => ({ ...block, instructions: block.instructions.map(counted) })),
  };
}

/** Each value in the sum with the one that all have in common. */
const sums = (length: number): IrFunction =>
  irFunction(length, (result) => `%${result}:32 = add.32 %${result - 1}, %1`);

describe('for a block that is eight times as long', () => {
  const expectLinear = (readOf: (length: number) => void): void =>
    expect(growth(readOf)).toBeLessThan(TIMES * 1.1);

  it('eight times as much is read to find the last uses', () =>
    expectLinear((length) => {
      const fn = sums(length);
      const uses = new LastUses(fn);
      for (const block of fn.blocks)
        for (const [at, instruction] of block.instructions.entries()) uses.isLast(at, instruction, block);
    }));

  it.each([
    ['of sums with one value', sums],
    [
      'of one value and a number',
      (length) => irFunction(length, (result, at) => `%${result}:32 = xor.32 %1, ${at}`),
    ],
    [
      'of the addresses in a section',
      (length) => irFunction(length, (result, at) => `%${result}:64 = section .bss + ${8 * at}`),
    ],
  ] satisfies [string, (length: number) => IrFunction][])(
    'eight times as much is read to number values %s',
    (_, write) => expectLinear((length) => void numberValues(write(length))),
  );
});
