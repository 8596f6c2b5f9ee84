import { existsSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NAMESPACE_DIRECTORY, removeNamespace } from './namespace.ts';

const NAME = /^natra-live-(\d+)(?:-|$)/;
export const BPFFS = '/sys/fs/bpf';

/** Where a limiter under measurement may pin, away from the pins of the node's own Pods. */
export const PIN_DIRECTORY = `${BPFFS}/natra-live-${process.pid}`;
/** Prefix of this process's temporary directories. */
export const TEMPORARY_PREFIX = join(tmpdir(), `natra-live-${process.pid}-`);

/** Names in a directory that a measurement made whose process is gone. */
export function abandonedIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).filter((name) => {
    const owner = NAME.exec(name)?.[1];
    return owner !== undefined && !existsSync(`/proc/${owner}`);
  });
}

/** Removes what runs that were killed could not: their namespaces, pins and temporary files. */
export async function removeAbandoned(): Promise<void> {
  for (const name of abandonedIn(NAMESPACE_DIRECTORY)) await removeNamespace(name);
  for (const directory of [BPFFS, tmpdir()]) {
    for (const name of abandonedIn(directory))
      rmSync(join(directory, name), { recursive: true, force: true });
  }
}
