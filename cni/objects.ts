/**
 * The compiled dataplane, one object file a direction and baseline. Installed, they lie beside the executable, which reads
 * only the one that it loads; from the source tree they are read where `npm run build` leaves them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Direction } from './config/bandwidth.ts';

/**
 * What an object asks of the kernel, by the version that brought the last of it: fetching atomics and the coarse clock,
 * or neither (dsl/compiler/lower/scope.ts).
 */
export type Baseline = '5.12' | '5.10';

/** Whether the objects lie beside this code; the build says so (scripts/build/bundle.mjs). */
declare const NATRA_INSTALLED: true | undefined;

const directory = (): string =>
  typeof NATRA_INSTALLED === 'undefined' ? join(import.meta.dirname, '..', 'build') : import.meta.dirname;

const pathOf = (direction: Direction, baseline: Baseline, extension: string): string =>
  join(directory(), `${baseline === '5.12' ? direction : `${direction}-${baseline}`}.${extension}`);

/** The ELF object whose only program limits `direction`. */
export const objectFile = (direction: Direction, baseline: Baseline = '5.12'): Uint8Array =>
  readFileSync(pathOf(direction, baseline, 'o'));

/** The same object as the loader has it soonest (dsl/object/prepared.ts). */
export const preparedFile = (direction: Direction, baseline: Baseline): Uint8Array =>
  readFileSync(pathOf(direction, baseline, 'prepared'));
