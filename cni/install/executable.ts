/**
 * The executable in the CNI folder: a symbolic link `natra` into `natra.d/<digest>/`, which holds the bundle and what
 * must match it. An upgrade makes a new folder and turns the link, so that no call meets parts of two releases.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { OperatorError } from '../errors.ts';
import { KNOWN_SEED } from '../start-anew.ts';
import { doing, type FileSystem, inspect, namesIn, removeFile, replaceFile, replaceLink } from './files.ts';

const LINK = 'natra';
const STORE = 'natra.d';
export const BUNDLE = 'natra';
/**
 * Beside the bundle: what is answered at once, the CNI verbs that ask the kernel, the operator's commands, the program (for loading, and as an ELF file that has its source lines), koffi's addon, and what
 * says that the bundle is CommonJS.
 */
export const COMPANIONS = [
  'natra-at-once.cjs',
  'natra-verbs.cjs',
  'natra-operator.cjs',
  'limit.o',
  'limit.prepared',
  'limit-5.10.o',
  'limit-5.10.prepared',
  'koffi.node',
  'package.json',
];
const NODE = 'node';
/** The kernel reads this much of a first line (include/uapi/linux/binfmts.h, BINPRM_BUF_SIZE). */
const LONGEST_SHEBANG = 255;

/** One file of a release, read when it is written: a Node.js has 100 MB. */
interface Part {
  readonly name: string;
  readonly size: number;
  readonly read: () => Uint8Array;
}

/** The files of one release, and where they belong. */
export interface Release {
  readonly directory: string;
  readonly digest: string;
  readonly parts: readonly Part[];
}

/**
 * Reads the release in `source`, the folder that this process runs from. `node` is the runtime to put beside it, on
 * which the bundle then starts; without one the bundle starts on the `node` in PATH.
 */
export function readRelease(source: string, binDirectory: string, node: string | undefined): Release {
  const files = [BUNDLE, ...COMPANIONS].map((name) => ({ name, path: join(source, name) }));
  if (node !== undefined) files.push({ name: NODE, path: node });
  const hash = createHash('sha256');
  const sizes = files.map(({ name, path }) => {
    const bytes = readPart(path);
    hash.update(`${name}\0`).update(name === BUNDLE ? body(bytes) : bytes);
    return bytes.length;
  });
  const digest = hash.digest('hex').slice(0, 16);
  const directory = join(binDirectory, STORE, digest);
  const interpreter = node === undefined ? '/usr/bin/env node' : `${join(directory, NODE)} ${KNOWN_SEED}`;
  if (interpreter.length + 3 > LONGEST_SHEBANG)
    throw new OperatorError(
      `install into ${binDirectory}: the path is too long for the first line of a script; use a shorter one`,
    );
  const parts = files.map(({ name, path }, index): Part => {
    if (name !== BUNDLE) return { name, size: sizes[index] ?? 0, read: () => readPart(path) };
    const bundle = Buffer.concat([Buffer.from(`#!${interpreter}\n`), body(readPart(path))]);
    return { name, size: bundle.length, read: () => bundle };
  });
  return { directory, digest, parts };
}

const readPart = (path: string): Uint8Array =>
  doing(`read ${path}, a part of natra`, () => readFileSync(path));

/** The bundle without its first line, which names the interpreter. */
function body(bundle: Uint8Array): Uint8Array {
  return bundle[0] === 0x23 ? bundle.subarray(bundle.indexOf(0x0a) + 1) : bundle;
}

/** Puts the release into force; false where it is already. The one before it stays for calls that are at work. */
export function installExecutable(files: FileSystem, binDirectory: string, release: Release): boolean {
  const link = join(binDirectory, LINK);
  const target = join(STORE, release.digest, BUNDLE);
  const former = linkTarget(link);
  const complete = isComplete(release);
  if (former === target && complete) return false;
  requirePlace(binDirectory, link);
  if (!complete) {
    for (const directory of [dirname(release.directory), release.directory])
      if (!existsSync(directory))
        doing(`make ${directory}`, () => files.mkdirSync(directory, { mode: 0o755 }));
    for (const { name, read } of release.parts) {
      const mode = name === BUNDLE || name === NODE ? 0o755 : 0o644;
      replaceFile(files, join(release.directory, name), read(), { mode });
    }
    requireRunning(release);
    keepCode(release);
  }
  replaceLink(files, link, target);
  removeOthers(files, binDirectory, [release.digest, digestOf(former)]);
  return true;
}

/** Removes the executable; false where there was none. A file `natra` of another kind is left alone. */
export function removeExecutable(files: FileSystem, binDirectory: string): boolean {
  const link = join(binDirectory, LINK);
  const store = join(binDirectory, STORE);
  const isOurs = linkTarget(link)?.startsWith(`${STORE}/`) ?? false;
  const isThere = inspect(store) !== undefined;
  if (isOurs) removeFile(files, link);
  if (isThere) doing(`remove ${store}`, () => files.rmSync(store, { recursive: true, force: true }));
  return isOurs || isThere;
}

/** Every file has its size; the folder is named after what is in them, and a rename put each there whole. */
function isComplete({ directory, parts }: Release): boolean {
  return parts.every(({ name, size }) => inspect(join(directory, name))?.size === size);
}

/** A runtime that does not start here (another libc, `noexec`) must not be what the chain calls. */
function requireRunning({ directory }: Release): void {
  const { status, error, stderr } = spawnSync(join(directory, BUNDLE), [], {
    encoding: 'utf8',
    env: { ...process.env, CNI_COMMAND: 'VERSION' },
    input: '{"cniVersion":"1.0.0"}',
  });
  if (status === 0) return;
  throw new OperatorError(
    `start ${join(directory, BUNDLE)}: ${error?.message ?? stderr.trim()}; the node needs Node.js 20.12 or later in PATH, or --with-node`,
  );
}

/** Lets the installed Node.js compile the verbs once for all calls. Without that code they work the same, but slower. */
function keepCode({ directory }: Release): void {
  const { CNI_COMMAND: _, ...env } = process.env;
  spawnSync(join(directory, BUNDLE), ['keep-code'], { env, stdio: 'ignore' });
}

function requirePlace(binDirectory: string, link: string): void {
  if (!inspect(binDirectory))
    throw new OperatorError(
      `install ${link}: there is no folder ${binDirectory}; name the runtime's plugin folder with --cni-bin-dir`,
    );
  if (inspect(link)?.isDirectory())
    throw new OperatorError(`install ${link}: a folder of that name is there; move it away`);
}

function linkTarget(link: string): string | undefined {
  if (!inspect(link)?.isSymbolicLink()) return undefined;
  return readlinkSync(link);
}

const digestOf = (target: string | undefined): string | undefined =>
  target?.startsWith(`${STORE}/`) ? dirname(target).slice(STORE.length + 1) : undefined;

function removeOthers(files: FileSystem, binDirectory: string, kept: readonly (string | undefined)[]): void {
  for (const name of namesIn(join(binDirectory, STORE))) {
    if (kept.includes(name)) continue;
    const path = join(binDirectory, STORE, name);
    doing(`remove ${path}`, () => files.rmSync(path, { recursive: true, force: true }));
  }
}
