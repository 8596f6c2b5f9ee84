import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sequentialise } from './parallel.ts';

const register = fc.nat({ max: 6 });

it('leaves every target with what its source held before, cycles and fans included', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.record({ to: register, from: register }), { selector: ({ to }) => to }),
      (copies) => {
        const machine = new Map([0, 1, 2, 3, 4, 5, 6].map((each) => [each, `was ${each}`]));
        let next = 100;
        for (const { to, from } of sequentialise(copies, () => next++)) machine.set(to, machine.get(from)!);
        const targets = new Map(copies.map(({ to, from }) => [to, from]));
        for (let each = 0; each <= 6; each++)
          expect(machine.get(each)).toBe(`was ${targets.get(each) ?? each}`);
      },
    ),
  );
});
