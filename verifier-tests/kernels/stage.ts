/** The folder that a VM shares with the host: the guest program, natra's executable, its objects, recorded packets. */
import { copyFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';
import { encodeRecording } from './recording.ts';
import { recordReplay } from './replay.ts';
import { OBJECT_FILES, REPLAY_FILE } from './report.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
/** Files of the build that a guest runs, by their name there. */
const BUILT: Readonly<Record<string, string>> = {
  natra: 'dist/natra',
  'koffi.node': 'dist/koffi.node',
  'package.json': 'dist/package.json',
  ...Object.fromEntries(
    Object.values(OBJECT_FILES)
      .flatMap(({ ingress, egress }) => [ingress, egress])
      .map((name) => [name, `build/${name}`]),
  ),
};

export const GUEST_PROGRAM = 'guest.cjs';

/** Fills a folder that shares of single runs are copied from. One bundle: an emulated machine is slow to open files. */
export async function stage(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, built] of Object.entries(BUILT)) {
    const file = path.join(ROOT, built);
    if (!existsSync(file))
      throw new Error(`prepare the kernels' run: ${built} is missing; npm run build makes it`);
    copyFileSync(file, path.join(folder, name));
  }
  await build({
    absWorkingDir: ROOT,
    entryPoints: ['verifier-tests/kernels/guest/main.ts'],
    outfile: path.join(folder, GUEST_PROGRAM),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '"file:///"' },
    logLevel: 'warning',
  });
  writeFileSync(path.join(folder, REPLAY_FILE), encodeRecording(recordReplay()));
}
