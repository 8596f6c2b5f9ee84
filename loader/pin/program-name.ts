/**
 * The name of a program's pin says at which device the program sits: a clsact filter has no link that could be asked, and whoever
 * finds pins without a record is to know whether they are of use to anybody. A pin of its own for that would be a kilobyte of
 * the kernel's memory.
 */
import type { NetnsReference } from '../attach/attachment.ts';
import { escapeName, unescapeName } from './names.ts';

/** A device in the process's own namespace if not in another. */
export interface PinnedDevice {
  readonly ifindex: number;
  readonly netns?: NetnsReference | undefined;
}

/** All of the name in natra 0.1.0, and where nothing is said of a device. */
const PROGRAM = 'program';
const WITH_DEVICE = /^program-(\d+)(?:-(\w+)-(\w+))?$/;
/** NAME_MAX, include/uapi/linux/limits.h. */
const LONGEST_NAME = 255;

/** Says nothing of a device in a namespace whose path leaves no room. */
export function nameOfProgram(device: PinnedDevice | undefined): string {
  if (device === undefined) return PROGRAM;
  const { ifindex, netns } = device;
  const inside = netns === undefined ? [] : [netns.identity, netns.path];
  const name = [PROGRAM, String(ifindex), ...inside.map(escapeName)].join('-');
  return name.length > LONGEST_NAME ? PROGRAM : name;
}

/** The program's among the names of pins. Where one of 0.1.0 is about to be replaced, the other is its successor. */
export const programAmong = (names: readonly string[]): string | undefined =>
  names.find((name) => WITH_DEVICE.test(name)) ?? names.find((name) => name === PROGRAM);

/** The device that a program's name tells of. */
export function deviceIn(name: string): PinnedDevice | undefined {
  const [, ifindex, identity, path] = WITH_DEVICE.exec(name) ?? [];
  if (ifindex === undefined) return undefined;
  const device = { ifindex: Number(ifindex) };
  if (identity === undefined || path === undefined) return device;
  return { ...device, netns: { identity: unescapeName(identity), path: unescapeName(path) } };
}
