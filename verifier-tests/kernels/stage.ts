/** The folder that a VM shares with the host: the guest program, natra's executable, its objects, what was recorded. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { BUNDLE, COMPANIONS } from '../../cni/install/executable.ts';
import { cachedFile } from './cache.ts';
import type { Architecture } from './matrix.ts';
import { recordRandomPrograms } from './random-programs.ts';
import { encodeRecording } from './recording.ts';
import { recordReplay } from './replay.ts';
import { FIXTURES, RANDOM_PROGRAMS_FILE, REPLAY_FILE, VECTORS_FILE } from './report.ts';

const ROOT = path.join(import.meta.dirname, '..', '..');
/** The published conformance vectors, which are no part of the project. */
const PUBLISHED_VECTORS = path.join(ROOT, '..', 'shared', 'conformance', 'bpf_conformance.json');
/** Where a build leaves what makes up natra (cni/install/executable.ts). */
const DIST = path.join(ROOT, 'dist');

export const GUEST_PROGRAM = 'guest.cjs';

/** Fills a new folder with natra as it is built and with a program for the guest, GUEST_PROGRAM. */
export async function stageNatra(folder: string, program: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const name of [BUNDLE, ...COMPANIONS]) {
    const file = path.join(DIST, name);
    if (!existsSync(file))
      throw new Error(`prepare the kernels' run: dist/${name} is missing; npm run build makes it`);
    copyFileSync(file, path.join(folder, name));
  }
  // One bundle: an emulated machine is slow to open files.
  await build({
    absWorkingDir: ROOT,
    entryPoints: [program],
    outfile: path.join(folder, GUEST_PROGRAM),
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    define: { 'import.meta.dirname': '__dirname', 'import.meta.url': '"file:///"' },
    logLevel: 'warning',
  });
}

/** Fills a folder that shares of single runs are copied from. */
export async function stage(folder: string): Promise<void> {
  await stageNatra(folder, 'verifier-tests/kernels/guest/main.ts');
  cpSync(path.join(ROOT, 'cni', 'fixtures'), path.join(folder, FIXTURES), { recursive: true });
  if (existsSync(PUBLISHED_VECTORS)) copyFileSync(PUBLISHED_VECTORS, path.join(folder, VECTORS_FILE));
  writeFileSync(path.join(folder, REPLAY_FILE), encodeRecording(recordReplay()));
  writeFileSync(path.join(folder, RANDOM_PROGRAMS_FILE), encodeRecording(recordRandomPrograms()));
}

interface LockedPackage {
  readonly version: string;
  readonly integrity: string;
}

/** A file of a package that npm installs on other machines only, checked against the integrity in package-lock.json. */
function fileOfForeignPackage(name: string, file: string): Buffer {
  const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const locked = lock.packages[`node_modules/${name}`];
  if (locked === undefined) throw new Error(`fetch ${name}: package-lock.json has no such package`);
  const folder = mkdtempSync(path.join(tmpdir(), 'natra-npm-'));
  try {
    const printed = execFileSync('npm', ['pack', '--silent', `${name}@${locked.version}`], {
      cwd: folder,
      encoding: 'utf8',
    });
    const archive = path.join(folder, printed.trim());
    const hash = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`;
    if (hash !== locked.integrity)
      throw new Error(`fetch ${name}: its integrity is ${hash}, package-lock.json has ${locked.integrity}`);
    execFileSync('tar', ['-xzf', archive, '-C', folder]);
    return readFileSync(path.join(folder, 'package', file));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Puts what depends on the architecture into a share, where that is not the host's. */
export function provideFor(architecture: Architecture, share: string): void {
  if (architecture === 'amd64') return;
  const addon = cachedFile('koffi-arm64.node', () =>
    fileOfForeignPackage('@koromix/koffi-linux-arm64', 'linux_arm64/koffi.node'),
  );
  copyFileSync(addon, path.join(share, 'koffi.node'));
}
