/** What became of a packet, in the order of the kernel program's counters (programs/verdicts.ts). */
export const VERDICTS = [
  { name: 'mouse', words: 'mice, passed' },
  { name: 'paid', words: 'heavy, passed' },
  { name: 'paced', words: 'heavy, paced' },
  { name: 'marked', words: 'marked CE' },
  { name: 'dropped-early', words: 'dropped early' },
  { name: 'dropped', words: 'dropped' },
  { name: 'excluded', words: 'not limited' },
] as const;

export type VerdictName = (typeof VERDICTS)[number]['name'];

/** Packets and wire bytes. */
export interface Count {
  readonly packets: bigint;
  readonly bytes: bigint;
}
