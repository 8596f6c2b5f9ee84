/**
 * The compiled dataplane, one object a baseline, whose only program limits either direction. Installed, they lie beside the
 * executable, which reads only the one that it loads; from the source tree they are read where `npm run build` leaves them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type PreparedObject, readPrepared } from '../dsl/object/prepared.ts';

/**
 * What an object asks of the kernel, by the version that brought it: fetching atomics, or none (dsl/compiler/lower/scope.ts).
 */
export type Baseline = '5.12' | '5.10';

/** Whether the objects lie beside this code; the build says so (scripts/build/bundle.mjs). */
declare const NATRA_INSTALLED: true | undefined;

const directory = (): string =>
  typeof NATRA_INSTALLED === 'undefined' ? join(import.meta.dirname, '..', 'build') : import.meta.dirname;

const read = (baseline: Baseline, extension: string): Uint8Array =>
  readFileSync(join(directory(), `${baseline === '5.12' ? 'limit' : `limit-${baseline}`}.${extension}`));

/** The ELF object. */
export const objectFile = (baseline: Baseline = '5.12'): Uint8Array => read(baseline, 'o');

const prepared = new Map<Baseline, PreparedObject>();

/** The same object as the loader has it soonest; both directions have it read once. */
export function preparedObject(baseline: Baseline): PreparedObject {
  const object = prepared.get(baseline) ?? readPrepared(read(baseline, 'prepared'));
  prepared.set(baseline, object);
  return object;
}
