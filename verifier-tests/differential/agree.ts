/** Runs the same steps in several executions and compares what each did. */
import type { Parameters } from 'fast-check';
import { expect } from 'vitest';
import type { Execution, Step } from './world.ts';

/**
 * How often a property runs. The samples are the same every time, so that a failure is the change's; `NATRA_SEED`
 * and `NATRA_RUNS` (a factor) look further.
 */
export function sampling(numRuns: number): Parameters<unknown> {
  const { NATRA_SEED: seed = '1', NATRA_RUNS: factor = '1' } = process.env;
  return { seed: Number(seed), numRuns: numRuns * Number(factor) };
}

/** Every execution must do what the first does, step by step, and leave the same state. Closes them all. */
export function expectAgreement(executions: readonly Execution[], steps: readonly Step[]): void {
  try {
    const [first, ...others] = executions;
    if (first === undefined) throw new Error('compare executions: there is none');
    steps.forEach((step, index) => {
      const outcome = first.run(step);
      for (const other of others) {
        expect(other.run(step), `step ${index}: ${other.name} against ${first.name}`).toEqual(outcome);
      }
    });
    const state = first.state();
    for (const other of others) {
      expect(other.state(), `state: ${other.name} against ${first.name}`).toEqual(state);
    }
  } finally {
    for (const execution of executions) execution.close();
  }
}
