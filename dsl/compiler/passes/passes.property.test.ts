import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printFunction } from '../ir/print.ts';
import { validate } from '../ir/validate.ts';
import { randomFunctions } from './arbitrary.ts';
import { optimise, PASSES } from './index.ts';
import { run } from './model.ts';
import { simplifyCfg } from './simplify-cfg.ts';

const seeds = fc.uint8Array({ minLength: 8, maxLength: 32 });

describe('on random functions', () => {
  for (const pass of PASSES) {
    it(`${pass.name} keeps results, memory and effects`, () => {
      fc.assert(
        fc.property(randomFunctions, seeds, (random, seed) => {
          const before = simplifyCfg(random);
          validate(before);
          const expected = run(random, seed);
          const after = pass.run(before);
          validate(simplifyCfg(after));
          if (expected !== undefined) {
            expect(run(after, seed), printFunction(after)).toEqual(expected);
          }
        }),
        { numRuns: 150 },
      );
    });
  }

  it('all passes to the fixpoint keep results, memory and effects', () => {
    fc.assert(
      fc.property(randomFunctions, seeds, (random, seed) => {
        const start = simplifyCfg(random);
        const expected = run(random, seed);
        const [after] = optimise(
          { name: 'random', functions: [start] },
          {
            after: (pass, fn) => {
              try {
                validate(simplifyCfg(fn));
              } catch (error) {
                throw new Error(`after ${pass}`, { cause: error });
              }
            },
          },
        ).functions;
        expect(after).toBeDefined();
        if (expected !== undefined && after !== undefined) {
          expect(run(after, seed), printFunction(after)).toEqual(expected);
        }
      }),
      { numRuns: 150 },
    );
  });
});
