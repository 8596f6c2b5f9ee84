/**
 * The compiled dataplane, one object file a direction and baseline. The built executable carries them inside; from the source
 * tree they are read where `npm run build` leaves them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Direction } from './config/bandwidth.ts';

/**
 * What an object asks of the kernel, by the version that brought the last of it: fetching atomics and the coarse clock,
 * or neither (dsl/compiler/lower/scope.ts).
 */
export type Baseline = '5.12' | '5.10';

/** Base64 of each object file by its name; the build defines it (scripts/build/bundle.mjs). */
declare const NATRA_OBJECTS: Readonly<Record<string, string>> | undefined;

/** The ELF object whose only program limits `direction`. */
export function objectFile(direction: Direction, baseline: Baseline = '5.12'): Uint8Array {
  const name = baseline === '5.12' ? direction : `${direction}-${baseline}`;
  if (typeof NATRA_OBJECTS === 'undefined')
    return readFileSync(join(import.meta.dirname, '..', 'build', `${name}.o`));
  const carried = NATRA_OBJECTS[name];
  if (carried === undefined) throw new Error(`read object ${name}: this build of natra carries none`);
  return Buffer.from(carried, 'base64');
}
