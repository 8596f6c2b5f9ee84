/** What a guest is told, and what it tells, in the folder that it shares with the host. */
import type { LimiterName } from './compare.ts';
import type { Row } from './rows.ts';

export interface VmPlan {
  readonly rows: readonly Row[];
  /** Of a phase under a limit. */
  readonly seconds: number;
  readonly limiters: readonly LimiterName[];
}

export const VM_PLAN = 'plan.json';
/** A row as JSON in each line. */
export const VM_RESULTS = 'results.jsonl';
/** Once this file is there, no further row is started: the guest's clock knows nothing of the host's. */
export const VM_STOP = 'stop';
