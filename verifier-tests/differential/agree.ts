/** Runs the same steps in several executions and compares what each did. */
import { expect } from 'vitest';
import type { Execution, Step } from './world.ts';

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
