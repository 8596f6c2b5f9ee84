/** A watch on what changes the state directory, as setSyscallHook is one on the loader's system calls. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const NAMES = ['mkdirSync', 'openSync', 'writeFileSync', 'renameSync', 'rmSync', 'unlinkSync'] as const;
export type FileChange = (typeof NAMES)[number];

/** Calls `before` ahead of each change; what it throws is taken for the change's own failure. Gives what ends the watch. */
export function watchFiles(before: (name: FileChange) => void): () => void {
  const originals = Object.fromEntries(NAMES.map((name) => [name, fs[name]]));
  const put = (functions: object): void => {
    Object.assign(fs, functions);
    syncBuiltinESMExports();
  };
  put(
    Object.fromEntries(
      NAMES.map((name) => [
        name,
        (...words: unknown[]) => {
          before(name);
          return (originals[name] as (...words: unknown[]) => unknown)(...words);
        },
      ]),
    ),
  );
  return () => put(originals);
}
