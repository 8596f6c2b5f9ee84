import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Variable } from '../../tree/tree.ts';
import { type Abstract, interval, union } from './values.ts';
import { Variables } from './variables.ts';

const U32 = { kind: 'int', bits: 32, signed: false } as const;
const VARIABLES: readonly Variable[] = Array.from({ length: 100 }, (_, id) => ({
  id,
  name: `v${id}`,
  type: U32,
}));
const value = fc.nat(3).map((number) => interval(BigInt(number), BigInt(number)));
const settings = fc.array(fc.tuple(fc.constantFrom(...VARIABLES), value), { maxLength: 8 });

function filled(known: Variables, map: Map<Variable, Abstract>, given: readonly [Variable, Abstract][]) {
  let variables = known;
  const model = new Map(map);
  for (const [variable, one] of given) {
    variables = variables.with(variable, one);
    model.set(variable, one);
  }
  return { variables, model };
}

function expectSame(variables: Variables, model: ReadonlyMap<Variable, Abstract>): void {
  for (const variable of VARIABLES) expect(variables.get(variable)).toEqual(model.get(variable));
}

it('are what copies of maps are, and stay as they are when others are made of them', () => {
  fc.assert(
    fc.property(settings, settings, settings, (common, one, another) => {
      const start = filled(Variables.NONE, new Map(), common);
      const left = filled(start.variables, start.model, one);
      const right = filled(start.variables, start.model, another);
      const both = [...left.model].filter(([variable]) => right.model.has(variable));
      const joined = both.map(([variable, own]): [Variable, Abstract] => [
        variable,
        union(own, right.model.get(variable) ?? own),
      ]);
      expectSame(left.variables.joined(right.variables, union), new Map(joined));
      const isOdd = ({ id }: Variable): boolean => id % 2 === 1;
      const zero = interval(0n, 0n);
      expectSame(
        left.variables.mapped((own, variable) => (isOdd(variable) ? zero : own)),
        new Map([...left.model].map(([variable, own]) => [variable, isOdd(variable) ? zero : own])),
      );
      const isNoSmaller = (own: Abstract, other: Abstract): boolean =>
        own.kind === 'int' && other.kind === 'int' && own.low >= other.low;
      expect(left.variables.everyInBoth(right.variables, isNoSmaller)).toBe(
        both.every(([variable, own]) => isNoSmaller(own, right.model.get(variable) ?? own)),
      );
      for (const { variables, model } of [start, left, right]) expectSame(variables, model);
    }),
  );
});
