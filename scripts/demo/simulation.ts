export interface SimulationOptions {
  /** Why there is no live run, in words for the user. */
  readonly reason: string;
  readonly seconds: number;
  readonly json: boolean;
}

/**
 * The demo where the kernel cannot take part: the same bytecode in the BPF VM against modelled flows, labelled
 * as a simulation. Resolves with the exit code.
 */
export async function runSimulation({ reason }: SimulationOptions): Promise<number> {
  process.stderr.write(
    `natra: the live demo cannot run here: ${reason}\n` +
      'natra: the simulation that would take its place is not part of this version; run the demo as root on Linux\n',
  );
  return 1;
}
