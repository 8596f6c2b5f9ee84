/**
 * The device that pins belong to, in the name of one of them: a clsact filter has no link that could be asked, and whoever
 * finds pins without a record is to know whether they are of use to anybody.
 */
import type { NetnsReference } from '../attach/attachment.ts';
import { escapeName, unescapeName } from './names.ts';

/** Where a program is attached: in the process's own namespace if not in another. */
export interface PinnedDevice {
  readonly ifindex: number;
  readonly netns?: NetnsReference | undefined;
}

const DEVICE = 'device-';
/** NAME_MAX, include/uapi/linux/limits.h. */
const LONGEST_NAME = 255;

/** None for a namespace whose path leaves no room. */
export function nameOfDevice({ ifindex, netns }: PinnedDevice): string | undefined {
  const parts = netns === undefined ? [] : [netns.identity, netns.path];
  const name = DEVICE + [String(ifindex), ...parts.map(escapeName)].join('-');
  return name.length > LONGEST_NAME ? undefined : name;
}

/** The device that one of the names tells of; undefined where none does, as with the pins of natra 0.1.0. */
export function deviceAmong(names: readonly string[]): PinnedDevice | undefined {
  const name = names.find((each) => /^device-\d+(-\w+-\w+)?$/.test(each));
  if (name === undefined) return undefined;
  const [ifindex, identity, path] = name.slice(DEVICE.length).split('-');
  const device = { ifindex: Number(ifindex) };
  if (identity === undefined || path === undefined) return device;
  return { ...device, netns: { identity: unescapeName(identity), path: unescapeName(path) } };
}
