/** What became of a packet, in the order of the kernel program's counters (programs/verdicts.ts). */
export const VERDICTS = [
  { name: 'mouse', meaning: 'small flow, sent on at once' },
  { name: 'paid', meaning: 'heavy flow, within the rate' },
  { name: 'paced', meaning: 'given a later departure time' },
  { name: 'marked', meaning: 'sent on with ECN CE' },
  { name: 'dropped-early', meaning: 'dropped by the ramp before the limit' },
  { name: 'dropped', meaning: 'dropped over the limit' },
] as const;

export type VerdictName = (typeof VERDICTS)[number]['name'];

/** Packets and wire bytes. */
export interface Count {
  readonly packets: bigint;
  readonly bytes: bigint;
}
