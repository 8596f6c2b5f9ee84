/** CNI_NETNS as ADD and CHECK need it: a network namespace that is there and isn't the host's. */
import { type BigIntStats, statfsSync, statSync } from 'node:fs';
import { CniError, codeOf, ERROR_CODES } from '../errors.ts';
import { shown } from './shown.ts';

/** NSFS_MAGIC, include/uapi/linux/magic.h. */
const NSFS_MAGIC = 0x6e736673;
const OWN_NETNS = '/proc/self/ns/net';

/** Refuses with code 8 a path that is missing, is no namespace, or is the namespace of this process. */
export function requireForeignNetns(path: string): void {
  const { found, type } = look(path);
  if (type !== NSFS_MAGIC) throw noNetns(path);
  const own = statSync(OWN_NETNS, { bigint: true });
  if (found.dev === own.dev && found.ino === own.ino)
    throw invalid(path, "it is natra's own network namespace, and a Pod must have another");
}

/** Also for a namespace of another kind, which only entering it tells. */
export const noNetns = (path: string): CniError => invalid(path, 'it is not a network namespace');

function look(path: string): { readonly found: BigIntStats; readonly type: number } {
  try {
    return { found: statSync(path, { bigint: true }), type: statfsSync(path).type };
  } catch (error) {
    const code = codeOf(error);
    const reason = code === 'ENOENT' ? 'nothing is there' : `looking there fails with ${code}`;
    throw invalid(path, `there must be a network namespace, and ${reason}`);
  }
}

function invalid(path: string, rule: string): CniError {
  return new CniError(ERROR_CODES.invalidNetns, 'invalid CNI_NETNS', `CNI_NETNS is ${shown(path)}: ${rule}`);
}
