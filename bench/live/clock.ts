/** CLOCK_MONOTONIC in seconds: one time line for every process of a measurement. */
export function monotonicSeconds(): number {
  return Number(process.hrtime.bigint()) / 1e9;
}
