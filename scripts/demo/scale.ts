/** The span of the latency pictures, in seconds: from a veth's best to a TCP timeout's third repetition. */
export const LATENCY_SPAN = [0.0001, 10] as const;

/** The decades of the latency axis, with their labels. */
export const LATENCY_TICKS = [
  [0.0001, '0.1 ms'],
  [0.001, '1 ms'],
  [0.01, '10 ms'],
  [0.1, '0.1 s'],
  [1, '1 s'],
  [10, '10 s'],
] as const;

/** Where a latency stands on the logarithmic axis: 0 at its left end, 1 at its right; what lies outside is at an end. */
export function latencyPosition(seconds: number): number {
  const [least, most] = LATENCY_SPAN;
  const position = Math.log(seconds / least) / Math.log(most / least);
  return Math.min(1, Math.max(0, position));
}
