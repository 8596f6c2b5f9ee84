/** What guests are told, in the folder that they share with the host; what they tell comes line by line. */
import type { Case, Measured } from './cases.ts';

export interface VmPlan {
  readonly cases: readonly Case[];
  /** Of a phase under a limit, if not the case's own. */
  readonly seconds?: number | undefined;
}

export const VM_PLAN = 'plan.json';
/** Once this file is there, no further case is started: the guest's clock knows nothing of the host's. */
export const VM_STOP = 'stop';
/** A folder for each case that some guest has taken, by its place in the plan. */
export const claimOf = (index: number): string => `taken-${index}`;

/** JSON writes a request that never came back as null. */
const revive = (key: string, value: unknown): unknown =>
  value === null && (key === 'p50' || key === 'p99') ? Number.POSITIVE_INFINITY : value;

/** What one line says was measured; undefined for a line that says something else. */
export const measuredIn = (line: string): Measured | undefined =>
  line.startsWith('{') ? (JSON.parse(line, revive) as Measured) : undefined;
