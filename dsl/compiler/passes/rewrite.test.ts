import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseFunction } from '../ir/parse.ts';
import { randomFunctions } from './arbitrary.ts';
import { PASSES } from './index.ts';
import { producersOf, useCounts } from './rewrite.ts';
import { simplifyCfg } from './simplify-cfg.ts';

const OTHER = parseFunction('func @other() {\nb0:\n  return 0\n}');

test('what is known of values is the same, whatever function was looked at before', () => {
  fc.assert(
    fc.property(randomFunctions, (random) => {
      let fn = simplifyCfg(random);
      for (const pass of PASSES) {
        fn = pass.run(fn);
        const values = [...fn.widths.keys()];
        const [counts, producer] = [useCounts(fn), producersOf(fn)];
        const found = values.map((value) => [counts.of(value), producer(value)]);
        useCounts(OTHER);
        producersOf(OTHER);
        const [countsAlone, producerAlone] = [useCounts({ ...fn }), producersOf({ ...fn })];
        const alone = values.map((value) => [countsAlone.of(value), producerAlone(value)]);
        expect(found).toEqual(alone);
        useCounts(fn);
        producersOf(fn);
      }
    }),
  );
});
