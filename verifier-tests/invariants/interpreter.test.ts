import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sampling } from '../differential/agree.ts';
import { run } from './run.ts';
import { scenarios } from './traffic.ts';

test('traffic at its limit fares in the reference interpreter as in the VM', () => {
  fc.assert(
    fc.property(scenarios(['police', 'edt', 'queue'], 20_000), (scenario) => {
      expect(run(scenario, 'interpreter').outcomes).toEqual(run(scenario, 'vm').outcomes);
    }),
    sampling(20),
  );
}, 120_000);
