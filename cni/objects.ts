/**
 * The compiled dataplane, one object file a direction. The built executable carries them inside; from the source
 * tree they are read where `npm run build` leaves them.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Direction } from './config/bandwidth.ts';

/** Base64 of each object file; the build defines it (scripts/build/bundle.mjs). */
declare const NATRA_OBJECTS: { readonly [D in Direction]: string } | undefined;

/** The ELF object whose only program limits `direction`. */
export function objectFile(direction: Direction): Uint8Array {
  if (typeof NATRA_OBJECTS !== 'undefined') return Buffer.from(NATRA_OBJECTS[direction], 'base64');
  return readFileSync(join(import.meta.dirname, '..', 'build', `${direction}.o`));
}
