/** What `natra doctor` finds, one thing at a time. */

/**
 * `missing`: natra can't do without. `absent`: it can, less well. `note`: something to know of.
 */
export type Verdict = 'ok' | 'missing' | 'absent' | 'note';

export interface Finding {
  readonly subject: string;
  readonly verdict: Verdict;
  /** What was found, and what it means or what to do about it. */
  readonly words: string;
}

export const GROUPS = ['kernel', 'rights', 'node', 'cni', 'others'] as const;
export type Group = (typeof GROUPS)[number];
