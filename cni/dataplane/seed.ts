import { closeSync, openSync, readSync } from 'node:fs';

/** A random u64 for the flow hash, so that nobody can choose flows that collide. node:crypto would cost 6 ms. */
export function randomSeed(): bigint {
  const bytes = Buffer.alloc(8);
  const fd = openSync('/dev/urandom', 'r');
  try {
    readSync(fd, bytes);
  } finally {
    closeSync(fd);
  }
  return bytes.readBigUInt64LE();
}
