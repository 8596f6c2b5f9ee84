/**
 * What natra attached, one JSON file an attachment. A record is written before the first change to the node, so
 * that whatever a killed ADD left behind is found by the next ADD, DEL or GC.
 */
import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import type { Attachment as KernelAttachment } from '../../loader/index.ts';
import type { Direction, Limits } from '../config/bandwidth.ts';
import type { PodIdentity } from '../config/environment.ts';
import { isObject } from '../config/json.ts';
import type { AttachmentName } from '../config/network.ts';
import { codeOf, OperatorError, StateError } from '../errors.ts';
import type { Limit, Pacing, Parsing } from '../limit.ts';
import { IN_ITS_PLACE, inDirectory } from './directory.ts';
import { attachmentKey } from './key.ts';

/** Raised when a record's shape changes in a way that an older natra must not guess at. */
const FORMAT = 1;

export type Side = 'host' | 'pod';

/** What is asked of a direction. */
export interface Wish extends Limit, Parsing {}

/** One limited direction: where its program sits and what was made for it. */
export interface DirectionRecord extends Wish {
  readonly side: Side;
  readonly device: string;
  readonly ifindex: number;
  /** The device's hook, not the Pod's direction: the host end's ingress is what the Pod sends. */
  readonly hook: Direction;
  readonly pacing: Pacing;
  /** Why it is so and not otherwise, for the operator. */
  readonly reason: string;
  /**
   * How the program lays out its maps and sections, by name: what a successor may go on with. Absent in the records of
   * natra 0.1.0.
   */
  readonly layouts?: { readonly [name: string]: string };
  /** What the loader made or is about to make, in that order. */
  readonly made: readonly KernelAttachment[];
}

/** Why a Pod runs without the limits that were asked for. */
export interface Failure {
  /** When, ISO 8601. */
  readonly at: string;
  readonly error: string;
  readonly wanted: Limits;
  /** Directions in which the limit of an ADD before this one went on. Absent in the records of natra 0.1.0. */
  readonly goesOn?: readonly Direction[];
}

export interface AttachmentRecord extends AttachmentName {
  readonly format: typeof FORMAT;
  readonly network: string;
  readonly netns: string;
  readonly pod: PodIdentity;
  /**
   * `attaching` in a file on disk means that an ADD is at work or died; `failed`, that the Pod runs without its
   * limits (failurePolicy "open").
   */
  readonly phase: 'attaching' | 'attached' | 'failed';
  /** With `failed` alone. */
  readonly failure?: Failure;
  readonly directions: { readonly [D in Direction]?: DirectionRecord };
}

export function newRecord(
  about: Pick<AttachmentRecord, 'network' | 'containerId' | 'ifname' | 'netns' | 'pod'>,
): AttachmentRecord {
  return { format: FORMAT, ...about, phase: 'attaching', directions: {} };
}

/** What a record of phase `failed` says, in words. */
export function failureOf({ failure }: AttachmentRecord): string {
  return failure === undefined
    ? 'the last ADD failed'
    : `the ADD at ${failure.at} failed and ${fateOf(failure)}: ${failure.error}`;
}

/** What became of the Pod. */
export function fateOf({ goesOn = [] }: Pick<Failure, 'goesOn'>): string {
  return goesOn.length === 0
    ? 'the Pod runs without its limits'
    : `the Pod runs on with its former limits (${goesOn.join(' and ')})`;
}

/** Writes a record as a whole or not at all; who has the attachment's lock. A process that dies leaves what `removeRecord` removes. */
export function writeRecord(directory: string, record: AttachmentRecord): void {
  const path = recordPath(directory, record);
  const temporary = unfinished(path);
  const text = `${JSON.stringify(record)}\n`;
  try {
    inDirectory(directory, () => writeFileSync(temporary, text, { mode: 0o600 }));
    renameSync(temporary, path);
  } catch (error) {
    discard(temporary);
    throw inaccessible('write', path, error);
  }
}

/** What can't be removed is removed by the next who comes: the first error is the one to tell. */
function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    return;
  }
}

/** The record of an attachment; undefined where there is none. Throws for one that cannot be read. */
export function readRecord(directory: string, name: AttachmentName): AttachmentRecord | undefined {
  return readRecordFile(recordPath(directory, name));
}

/** Whether there is a record, readable or not. */
export function hasRecord(directory: string, name: AttachmentName): boolean {
  return isRecorded(directory, attachmentKey(name));
}

/** Removes a record; there may be none. */
export function removeRecord(directory: string, name: AttachmentName): void {
  const path = recordPath(directory, name);
  // rmSync would take each call the better part of a millisecond.
  try {
    if (existsSync(unfinished(path))) unlinkSync(unfinished(path));
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw inaccessible('remove', path, error);
  }
}

/** Whether there is nothing at a path, be it for a file in the place of a directory. */
function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Keys of records that somebody began to write and did not come to have. */
export const listUnfinished = (directory: string): string[] =>
  filesIn(directory)
    .filter((name) => name.endsWith(unfinished(SUFFIX)))
    .map((name) => name.slice(0, -unfinished(SUFFIX).length))
    .filter((key) => !isRecorded(directory, key));

export function removeUnfinished(directory: string, key: string): void {
  rmSync(unfinished(pathOf(directory, key)), { force: true });
}

/** Every record on the node; `onUnreadable` hears of files that hold none, by the key that they are named after. */
export function listRecords(
  directory: string,
  onUnreadable: (error: unknown, key: string) => void,
): AttachmentRecord[] {
  return filesIn(directory)
    .filter((name) => name.endsWith(SUFFIX))
    .flatMap((name) => {
      try {
        return readRecordFile(join(directory, name)) ?? [];
      } catch (error) {
        onUnreadable(error, name.slice(0, -SUFFIX.length));
        return [];
      }
    });
}

/** Gives a damaged record another name, under which nobody takes it for one; false for what is sound, newer, or no file. */
export function setAside(directory: string, key: string): boolean {
  const path = pathOf(directory, key);
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (isOwn(value, path) || (isObject(value) && Number(value.format) > FORMAT)) return false;
  } catch (error) {
    // Not to be read is another matter.
    if (!(error instanceof SyntaxError)) return false;
  }
  renameSync(path, asidePath(directory, key));
  return true;
}

/** Removes what was set aside; there may be nothing. */
export function removeAside(directory: string, key: string): void {
  const path = asidePath(directory, key);
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw inaccessible('remove', path, error);
  }
}

/** Whether there is a record of that key, readable or not. */
export const isRecorded = (directory: string, key: string): boolean => existsSync(pathOf(directory, key));

const SUFFIX = '.json';

const pathOf = (directory: string, key: string): string => join(directory, `${key}${SUFFIX}`);
const asidePath = (directory: string, key: string): string => `${pathOf(directory, key)}.damaged`;
const unfinished = (path: string): string => `${path}.tmp`;
const recordPath = (directory: string, name: AttachmentName): string =>
  pathOf(directory, attachmentKey(name));
const isOwn = (value: unknown, path: string): value is AttachmentRecord =>
  isRecord(value) && basename(path) === `${attachmentKey(value)}${SUFFIX}`;

function filesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw inaccessible('list', directory, error);
  }
}

function readRecordFile(path: string): AttachmentRecord | undefined {
  // Nearly every ADD finds none, and an error takes Node.js longer to make than this.
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw inaccessible('read', path, error);
  }
  if (isOwn(value, path)) return value;
  throw new OperatorError(
    `read the record ${path}: it is damaged, of somebody else, or of another format than ${FORMAT}, as a newer natra may write it`,
  );
}

function inaccessible(what: 'list' | 'read' | 'remove' | 'write', path: string, error: unknown): StateError {
  const code = codeOf(error);
  const reason = code ?? (error instanceof Error ? error.message : String(error));
  return new StateError(`${what} ${path}: ${reason}${hintFor(code)}`);
}

function hintFor(code: string | undefined): string {
  if (code === 'EACCES' || code === 'EPERM') return '; run natra as root';
  if (code === 'ENOTDIR') return IN_ITS_PLACE;
  return '';
}

/** Whether all is there that readers rely on: one damaged file must not keep them from all others. */
function isRecord(value: unknown): value is AttachmentRecord {
  return (
    isObject(value) &&
    value.format === FORMAT &&
    [value.containerId, value.ifname, value.network, value.netns].every(isText) &&
    isObject(value.pod) &&
    isObject(value.directions) &&
    Object.values(value.directions).every(isDirection) &&
    (value.failure === undefined || isFailure(value.failure))
  );
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isNumber = (value: unknown): value is number => typeof value === 'number';

const isDirection = (value: unknown): boolean =>
  isObject(value) &&
  [value.side, value.device, value.hook, value.pacing, value.reason].every(isText) &&
  [value.rateBitsPerSecond, value.ifindex].every(isNumber) &&
  Array.isArray(value.made) &&
  value.made.every((each) => isObject(each) && isText(each.mode) && isNumber(each.ifindex));

const isFailure = (value: unknown): boolean =>
  isObject(value) && isText(value.at) && isText(value.error) && isObject(value.wanted);
