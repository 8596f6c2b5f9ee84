/** What the verifier says of its own work on a program (log level BPF_LOG_STATS, Linux 5.2). */

export interface VerifierStatistics {
  /** Instructions walked over all paths; a million is the limit. */
  readonly processedInstructions: number;
  readonly totalStates: number;
  readonly peakStates: number;
  readonly maxStatesPerInstruction: number;
  /** Stack of the program and of each of its subprograms, bytes. */
  readonly stackBytes: readonly number[];
}

/** Each subprogram's line since Linux 7.3; before that one line has all of them. */
function stackBytes(log: string): number[] {
  const lines = [...log.matchAll(/^subprog \d+ .* stack (\d+)$/gm)].map(([, bytes]) => Number(bytes));
  if (lines.length > 0) return lines;
  const joined = /^stack depth (\d+(?:\+\d+)*)$/m.exec(log)?.[1];
  return joined === undefined ? [] : joined.split('+').map(Number);
}

/** Reads the lines of print_verification_stats (kernel/bpf/verifier.c); undefined where there are none. */
export function parseStatistics(log: string): VerifierStatistics | undefined {
  const counts =
    /^processed (\d+) insns \(limit \d+\) max_states_per_insn (\d+) total_states (\d+) peak_states (\d+)/m.exec(
      log,
    );
  if (counts === null) return undefined;
  const [processedInstructions = 0, maxStatesPerInstruction = 0, totalStates = 0, peakStates = 0] = counts
    .slice(1)
    .map(Number);
  return {
    processedInstructions,
    totalStates,
    peakStates,
    maxStatesPerInstruction,
    stackBytes: stackBytes(log),
  };
}
