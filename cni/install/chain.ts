/**
 * natra's place in the node's chain: which file the runtime uses, natra's entry in it, and the way back. Before the
 * first change to a file its contents are kept in `<file>.natra_backup` beside it.
 */
import { realpathSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '../config/json.ts';
import { codeOf, OperatorError } from '../errors.ts';
import { type BandwidthChoice, hasNatra, isNatraIn, withNatra, withoutNatra } from './conflist.ts';
import { doing, type FileSystem, namesIn, readText, removeFile, replaceFile } from './files.ts';

export const BACKUP_SUFFIX = '.natra_backup';

/** Cilium renames the other plugins' files so while it runs (cni.exclusive), and back when it goes. */
const SET_ASIDE = '.cilium_bak';

export interface ChainRequest {
  /** Where the runtime looks for configurations: `/etc/cni/net.d`. */
  readonly confDirectory: string;
  /** A file in it, where the runtime's own choice is not the one. */
  readonly confFile?: string | undefined;
  readonly bandwidth?: BandwidthChoice | undefined;
}

/** An edit that is possible and not made yet. */
export interface PlannedEdit {
  readonly path: string;
  readonly text: string;
  readonly joined: string;
}

/** Finds the file and the edit that puts natra in; throws where it is not possible. */
export function planChain({ confDirectory, confFile, bandwidth }: ChainRequest): PlannedEdit {
  const path = join(confDirectory, confFile ?? runtimesFile(confDirectory));
  const text = readConflist(path);
  return { path, text, joined: withNatra(text, path, bandwidth) };
}

/** Puts natra into the chain; false where it is there already. */
export function joinChain(files: FileSystem, { path, text, joined }: PlannedEdit): boolean {
  if (joined === text) return false;
  const { real, stats } = realFile(path);
  // A list with natra in it already is a later state, and not what to come back to.
  if (!hasNatra(text)) replaceFile(files, path + BACKUP_SUFFIX, text, stats);
  replaceFile(files, real, joined, stats);
  return true;
}

/** `exact`: the file is byte for byte what it was; `removed`: others changed it too, and only natra's entry went. */
export interface Left {
  readonly path: string;
  readonly how: 'exact' | 'removed';
}

/** Takes natra out of every list of the directory, those that another plugin has set aside too. */
export function leaveChain(files: FileSystem, confDirectory: string): Left[] {
  const names = namesIn(confDirectory);
  const left: Left[] = [];
  for (const name of names.filter((each) => isConflist(each) && isFile(join(confDirectory, each)))) {
    const path = join(confDirectory, name);
    const text = textWithNatra(path);
    if (text === undefined) continue;
    const backup = readText(backupOf(path));
    const exact = backup !== undefined && isOurEdit(backup, text, path);
    const { real, stats } = realFile(path);
    replaceFile(files, real, exact ? backup : withoutNatra(text, path, backup), stats);
    left.push({ path, how: exact ? 'exact' : 'removed' });
  }
  for (const name of names.filter((each) => each.endsWith(BACKUP_SUFFIX)))
    removeFile(files, join(confDirectory, name));
  return left;
}

/**
 * The text of a list that natra is in. What natra never edited may be as broken as it likes; a list that it did edit can't
 * be told to be without it, and its backup must not go.
 */
function textWithNatra(path: string): string | undefined {
  const isEdited = isFile(backupOf(path));
  try {
    const text = readText(path);
    return text !== undefined && isNatraIn(text, path) ? text : undefined;
  } catch (error) {
    if (isEdited) throw error;
    return undefined;
  }
}

/** Links are followed; those that lead nowhere, or to each other, are to no file. */
const isFile = (path: string): boolean =>
  doing(`inspect ${path}`, () => {
    try {
      return statSync(path).isFile();
    } catch (error) {
      if (['ENOENT', 'ELOOP'].includes(codeOf(error) ?? '')) return false;
      throw error;
    }
  });

const isConflist = (name: string): boolean =>
  name.endsWith('.conflist') || name.endsWith(`.conflist${SET_ASIDE}`);

function backupOf(path: string): string {
  return (path.endsWith(SET_ASIDE) ? path.slice(0, -SET_ASIDE.length) : path) + BACKUP_SUFFIX;
}

/** Whether `text` is `backup` with natra's entry and nothing else changed. */
function isOurEdit(backup: string, text: string, path: string): boolean {
  return (['replace', 'beside'] as const).some((choice) => {
    try {
      return withNatra(backup, path, choice) === text;
    } catch {
      return false;
    }
  });
}

/**
 * The first file in byte order with an extension that the runtime reads (containerd's go-cni, loadFromConfDir;
 * CRI-O's ocicni, loadNetworks).
 */
export function runtimesFile(directory: string): string {
  const [first] = namesIn(directory).filter(
    (name) => /\.(conf|conflist|json)$/.test(name) && isFile(join(directory, name)),
  );
  if (first !== undefined) return first;
  throw new OperatorError(
    `find the node's network configuration: there is no .conflist in ${directory}; install the main CNI plugin first, or name its folder with --conf-dir`,
  );
}

function readConflist(path: string): string {
  const text = readText(path);
  if (text === undefined) throw new OperatorError(`read ${path}: there is no such file`);
  if (path.endsWith('.conflist')) return text;
  throw new OperatorError(`put natra into ${path}: ${singlePlugin(text)}`);
}

/** What to do about a file that holds one plugin alone and so has no room for a second. */
function singlePlugin(text: string): string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isObject(value) && (value.type === 'multus' || value.type === 'multus-shim'))
    return 'multus hands over to another network from there; name that one, as in --conf-file 10-flannel.conflist, and let multus read it again (restart its Pod)';
  return 'it holds one plugin and is no list, and natra will not rewrite another plugin\'s file; make it a .conflist ({"cniVersion", "name", "plugins": [...]}), or name one with --conf-file';
}

/** The file behind a link: a rename would replace the link by a file. */
function realFile(path: string): { real: string; stats: Pick<Stats, 'mode' | 'uid' | 'gid'> } {
  return doing(`inspect ${path}`, () => {
    const real = realpathSync(path);
    const { mode, uid, gid } = statSync(real);
    return { real, stats: { mode: mode & 0o7777, uid, gid } };
  });
}
