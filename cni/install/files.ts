/**
 * Files that are the old ones or the new ones at any instant, never half: written beside, flushed, renamed. Each
 * operation goes through `FileSystem`, the seam at which a test ends the process.
 */
import * as fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeOf, OperatorError } from '../errors.ts';

/** The operations that change anything; everything else is only read. */
export type FileSystem = Pick<
  typeof fs,
  | 'openSync'
  | 'writeSync'
  | 'fchmodSync'
  | 'fchownSync'
  | 'fsyncSync'
  | 'closeSync'
  | 'renameSync'
  | 'unlinkSync'
  | 'mkdirSync'
  | 'symlinkSync'
  | 'rmSync'
>;

export const realFileSystem: FileSystem = fs;

/** Marks a file that is not complete. Runtimes read .conf, .conflist and .json alone (libcni, ConfFiles). */
const UNFINISHED = '.natra_new-';
/** An unfinished file this old has lost its writer. */
const ABANDONED_MILLISECONDS = 60_000;

export interface Ownership {
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Replaces `path`, or makes it. */
export function replaceFile(
  files: FileSystem,
  path: string,
  contents: string | Uint8Array,
  { mode, uid, gid }: Ownership,
): void {
  const temporary = unfinished(path);
  doing(`write ${path}`, () => {
    // Not open to others before it has its mode; `wx` follows no link that somebody laid there.
    const fd = files.openSync(temporary, 'wx', 0o600);
    let complete = false;
    try {
      writeAll(files, fd, typeof contents === 'string' ? Buffer.from(contents) : contents);
      const made = fs.fstatSync(fd);
      if (uid !== undefined && gid !== undefined && (made.uid !== uid || made.gid !== gid))
        files.fchownSync(fd, uid, gid);
      files.fchmodSync(fd, mode);
      files.fsyncSync(fd);
      complete = true;
    } finally {
      files.closeSync(fd);
      if (!complete) files.unlinkSync(temporary);
    }
    files.renameSync(temporary, path);
  });
  syncDirectory(files, dirname(path));
}

/** Makes `path` a symbolic link to `target`, whatever it was. */
export function replaceLink(files: FileSystem, path: string, target: string): void {
  const temporary = unfinished(path);
  doing(`link ${path} to ${target}`, () => {
    files.symlinkSync(target, temporary);
    files.renameSync(temporary, path);
  });
  syncDirectory(files, dirname(path));
}

/** Removes a file; there may be none. */
export function removeFile(files: FileSystem, path: string): void {
  doing(`remove ${path}`, () => {
    try {
      files.unlinkSync(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  });
}

/** Removes what a process that was killed left unfinished in a directory. */
export function removeAbandoned(files: FileSystem, directory: string, now: number): void {
  for (const name of namesIn(directory)) {
    if (!name.includes(UNFINISHED)) continue;
    const path = join(directory, name);
    const changed = fs.lstatSync(path, { throwIfNoEntry: false })?.mtimeMs;
    if (changed !== undefined && now - changed >= ABANDONED_MILLISECONDS) removeFile(files, path);
  }
}

/** Names in a directory in byte order, as Go sorts them; none where there is no directory. */
export function namesIn(directory: string): string[] {
  try {
    return fs.readdirSync(directory).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw asOperatorError(`list ${directory}`, error);
  }
}

/** What is at a path, be it a link; undefined where nothing is. */
export const inspect = (path: string): fs.Stats | undefined =>
  doing(`inspect ${path}`, () => fs.lstatSync(path, { throwIfNoEntry: false }));

/** The text of a file; undefined where there is none. Refuses what is not UTF-8. */
export function readText(path: string): string | undefined {
  let bytes: Uint8Array;
  try {
    bytes = fs.readFileSync(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw asOperatorError(`read ${path}`, error);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new OperatorError(`read ${path}: it is not UTF-8, and JSON must be`);
  }
}

/** Runs `body`; a system error in it tells what was attempted. */
export function doing<T>(what: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    throw asOperatorError(what, error);
  }
}

function asOperatorError(what: string, error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const hint = HINTS[code];
  return new OperatorError(`${what}: ${code}${hint === undefined ? '' : `; ${hint}`}`);
}

const NOT_ALLOWED = 'run natra as root, with the folder mounted writable';
const HINTS: { readonly [code: string]: string } = {
  EACCES: NOT_ALLOWED,
  EPERM: NOT_ALLOWED,
  EROFS: NOT_ALLOWED,
  ENOENT: 'the folder is not there',
  ENOTDIR: 'what should be a folder is a file',
};

function unfinished(path: string): string {
  const unique = `${process.pid}-${process.hrtime.bigint().toString(36)}`;
  return join(dirname(path), `${basename(path)}${UNFINISHED}${unique}`);
}

function writeAll(files: FileSystem, fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; )
    written += files.writeSync(fd, bytes, written, bytes.length - written);
}

/** A rename outlives a power failure once its directory is on the disk. */
function syncDirectory(files: FileSystem, directory: string): void {
  doing(`flush ${directory}`, () => {
    const fd = files.openSync(directory, 'r');
    try {
      files.fsyncSync(fd);
    } finally {
      files.closeSync(fd);
    }
  });
}
