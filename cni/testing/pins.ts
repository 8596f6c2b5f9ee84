/** Pins by their names. */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { listPins } from '../../loader/index.ts';
import { programAmong } from '../../loader/pin/program-name.ts';

/** The path of the program's pin in a directory of pins. */
export function programPin(directory: string): string {
  const name = programAmong(readdirSync(directory));
  if (name === undefined) throw new Error(`no program is pinned in ${directory}`);
  return join(directory, name);
}

/** Gives the programs' pins the name that they had in natra 0.1.0. */
export function nameProgramsAs010(pinDirectory: string): void {
  for (const { key, labels } of listPins(pinDirectory))
    for (const directory of labels.map((label) => join(pinDirectory, key, label)))
      renameSync(programPin(directory), join(directory, 'program'));
}
