/**
 * The pins of one attachment: `<root>/<key>/<label>/{program-<device>,link,map-<name>,section-<name>}` on bpffs. The key
 * names the Pod interface and the label the limited direction. Whatever a process that died left there is found
 * under its key and removed by `removePins`.
 */
import type { SectionImage } from '../../dsl/object/image.ts';
import { ensureBpffs, openPinned, pinObject } from '../bpf/bpffs.ts';
import { mapHandleOf, programInfo } from '../bpf/info.ts';
import type { MapHandle } from '../bpf/map.ts';
import { ERRNO, KernelError } from '../errors.ts';
import {
  closeDescriptor,
  listDirectory,
  makeDirectory,
  removeDirectory,
  removeFile,
  renameFile,
} from '../native/files.ts';
import type { LoadedProgram } from '../object/load.ts';
import { checkPinName, escapeName, unescapeName } from './names.ts';
import { deviceIn, nameOfProgram, type PinnedDevice, programAmong } from './program-name.ts';

const LINK = 'link';
const MAP = 'map-';
const SECTION = 'section-';
const OWNER_ONLY = 0o700;

export interface PinPlace {
  /** A directory on bpffs, or one to be made on the BPF file system's root: `/sys/fs/bpf/natra`. */
  readonly root: string;
  readonly key: string;
  readonly label: string;
}

function directoryOf({ root, key, label }: PinPlace): string {
  checkPinName(key);
  checkPinName(label);
  return `${root}/${key}/${label}`;
}

/** Where the link of an attachment is pinned. */
export const linkPath = (place: PinPlace): string => `${directoryOf(place)}/${LINK}`;

/**
 * Pins a program with its maps and sections, and makes the directories (0700). Refuses with EEXIST where another
 * program is pinned already; takes back its own pins when it throws. `device` is where the program is to be attached.
 */
export function pinAll(
  program: Pick<LoadedProgram, 'fd' | 'maps' | 'sections'>,
  place: PinPlace,
  device?: PinnedDevice,
): void {
  ensureBpffs();
  const directory = directoryOf(place);
  for (const path of [place.root, `${place.root}/${place.key}`, directory]) makeDirectory(path, OWNER_ONLY);
  const done: string[] = [];
  const pin = (fd: number, name: string): void => {
    pinObject(fd, `${directory}/${name}`);
    done.push(`${directory}/${name}`);
  };
  try {
    for (const [name, map] of Object.entries(program.maps)) pin(map.fd, MAP + escapeName(name));
    for (const [name, map] of Object.entries(program.sections)) pin(map.fd, SECTION + escapeName(name));
    pin(program.fd, nameOfProgram(device));
  } catch (error) {
    for (const path of done) removeFile(path);
    throw error;
  }
}

/**
 * Moves all pins of a place over those of another, each in one instant, and removes what the other has beyond them; the
 * pin of its link, which goes on, stays. The program's comes last: while it is where it was, the move is not at its end.
 */
export function movePins(from: PinPlace, to: PinPlace): void {
  const [source, target] = [directoryOf(from), directoryOf(to)];
  const names = listDirectory(source) ?? [];
  for (const name of listDirectory(target) ?? [])
    if (name !== LINK && !names.includes(name)) removeFile(`${target}/${name}`);
  finishMove(from, to);
}

/** Moves what a `movePins` that was cut short has left, and removes nothing: what is beyond that may have been moved. */
export function finishMove(from: PinPlace, to: PinPlace): void {
  const [source, target] = [directoryOf(from), directoryOf(to)];
  const names = listDirectory(source) ?? [];
  const program = programAmong(names);
  const others = names.filter((name) => name !== program);
  for (const name of program === undefined ? others : [...others, program])
    renameFile(`${source}/${name}`, `${target}/${name}`);
  removeDirectory(source);
}

/** The id of the program that is pinned at a place; undefined where none is. */
export function pinnedProgram(place: PinPlace): number | undefined {
  const directory = directoryOf(place);
  const name = programAmong(listDirectory(directory) ?? []);
  const fd = name === undefined ? undefined : openPinned(`${directory}/${name}`);
  if (fd === undefined) return undefined;
  try {
    return programInfo(fd).id;
  } finally {
    closeDescriptor(fd);
  }
}

/** The device that the pins of a place are for; undefined where they don't tell. */
export function pinnedDevice(place: PinPlace): PinnedDevice | undefined {
  const name = programAmong(listDirectory(directoryOf(place)) ?? []);
  return name === undefined ? undefined : deviceIn(name);
}

export interface OpenedPins {
  /** Undefined where the process that pinned died before it came to the program. */
  readonly programFd: number | undefined;
  readonly linkFd: number | undefined;
  readonly maps: Readonly<Record<string, MapHandle>>;
  readonly sections: Readonly<Partial<Record<SectionImage['name'], MapHandle>>>;
  close(): void;
}

/** Opens what is pinned at a place; undefined where nothing ever was. */
export function openPins(place: PinPlace): OpenedPins | undefined {
  const directory = directoryOf(place);
  const names = listDirectory(directory);
  if (!names) return undefined;
  const program = programAmong(names);
  const descriptors: number[] = [];
  const open = (name: string): number | undefined => {
    const fd = openPinned(`${directory}/${name}`);
    if (fd !== undefined) descriptors.push(fd);
    return fd;
  };
  const close = (): void => {
    for (const fd of descriptors.splice(0)) closeDescriptor(fd);
  };
  const handles = (prefix: string): [string, MapHandle][] =>
    names
      .filter((name) => name.startsWith(prefix))
      .flatMap((name) => {
        const fd = open(name);
        const title = unescapeName(name.slice(prefix.length));
        return fd === undefined ? [] : [[title, mapHandleOf(fd, title)] as [string, MapHandle]];
      });
  try {
    return {
      maps: Object.fromEntries(handles(MAP)),
      sections: Object.fromEntries(handles(SECTION)),
      programFd: program === undefined ? undefined : open(program),
      linkFd: names.includes(LINK) ? open(LINK) : undefined,
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}

/** Removes all pins under a key, or those of one label; false where there was nothing. Links end soon after; see detachTcx. */
export function removePins(root: string, key: string, label?: string): boolean {
  checkPinName(key);
  const directory = `${root}/${key}`;
  const labels = label === undefined ? listDirectory(directory) : [label];
  if (!labels) return false;
  const removed = labels.map((each) => removePlace({ root, key, label: each }));
  if (label === undefined) return removeDirectory(directory) || removed.includes(true);
  if (listDirectory(directory)?.length === 0) removeDirectory(directory);
  return removed.includes(true);
}

function removePlace(place: PinPlace): boolean {
  const directory = directoryOf(place);
  const names = listDirectory(directory);
  if (!names) return false;
  for (const name of names) removeFile(`${directory}/${name}`);
  return removeDirectory(directory);
}

/** Every key under `root` with its labels, sorted. What others pinned beside them is none. */
export function listPins(root: string): { readonly key: string; readonly labels: readonly string[] }[] {
  return (listDirectory(root) ?? []).flatMap((key) => {
    try {
      return [{ key, labels: listDirectory(`${root}/${key}`) ?? [] }];
    } catch (error) {
      if (error instanceof KernelError && error.errno === ERRNO.ENOTDIR) return [];
      throw error;
    }
  });
}
