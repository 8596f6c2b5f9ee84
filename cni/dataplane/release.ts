/** Takes an attachment off the node: everything its record names, then its pins, then the record itself. */
import { existsSync } from 'node:fs';
import {
  detach,
  type Attachment as KernelAttachment,
  type PinnedDevice,
  pinnedDevice,
  referenceTo,
  removePins,
} from '../../loader/index.ts';
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import type { Attachment } from '../config/environment.ts';
import type { AttachmentName } from '../config/network.ts';
import { describe } from '../errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { type AttachmentRecord, hasRecord, readRecord, removeAside, removeRecord } from '../state/records.ts';
import { findDevices } from './devices.ts';
import type { Ledger } from './ledger.ts';
import { filterName } from './site.ts';

/** Goes on past failures and throws them at its end; the record stays then, so that the next call finds the rest. */
export function release(record: AttachmentRecord, node: Node): void {
  const failures: unknown[] = [];
  const attempt = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      failures.push(error);
    }
  };
  // The kernel ends a link behind our back, with rtnl held through a grace period: what needs rtnl of its own goes first.
  const made = attachmentsOf(record);
  for (const each of made.filter(({ mode }) => !isLink(mode))) attempt(() => detach(each));
  for (const each of made.filter(({ mode }) => isLink(mode))) attempt(() => detach(each));
  attempt(() => removePins(node.pinDirectory, attachmentKey(record)));
  const [first] = failures;
  if (failures.length === 1) throw first;
  if (failures.length > 1) throw new Error(failures.map(describe).join('; '));
  removeRecordOrLog(record, node);
}

/** A disk that can't be written must not keep a Pod from ending: nothing is left of it but the file. */
function removeRecordOrLog(name: AttachmentName, node: Node): void {
  try {
    removeRecord(node.stateDirectory, name);
  } catch (error) {
    node.log(`${attachmentKey(name)}: released, but its record stays: ${describe(error)}`);
  }
}

/** Likewise. */
function removeAsideOrLog(name: AttachmentName, node: Node): void {
  const key = attachmentKey(name);
  try {
    removeAside(node.stateDirectory, key);
  } catch (error) {
    node.log(`${key}: what was set aside of its record stays: ${describe(error)}`);
  }
}

/** Takes one direction off the node and off the record; the other goes on. */
export function withdraw(direction: Direction, ledger: Ledger, node: Node): void {
  const { record } = ledger;
  for (const other of DIRECTIONS)
    if (other !== direction && record.directions[other]) ledger.note(other, { made: madeOf(other, record) });
  for (const made of madeOf(direction, record).reverse()) detach(made);
  removePins(node.pinDirectory, attachmentKey(record), direction);
  ledger.drop(direction);
}

/**
 * The record of an attachment, or none where it can't be read: that must not keep a Pod from coming or going, and the
 * pins hold all that outlives its devices.
 */
export function readRecordOrLog(attachment: AttachmentName, node: Node): AttachmentRecord | undefined {
  try {
    return readRecord(node.stateDirectory, attachment);
  } catch (error) {
    node.log(`${attachmentKey(attachment)}: ${describe(error)}`);
    return undefined;
  }
}

/** Releases what the attachment's record names; false where there is no record. */
export function releaseRecorded(attachment: AttachmentName, node: Node): boolean {
  const record = readRecordOrLog(attachment, node);
  if (record === undefined) return false;
  release(record, node);
  return true;
}

/** Releases what can be found of an attachment without a record that can be read. */
export function releaseUnrecorded(attachment: Attachment, node: Node): void {
  removePins(node.pinDirectory, attachmentKey(attachment));
  removeRecordOrLog(attachment, node);
  removeAsideOrLog(attachment, node);
  releaseStrays(attachment, node);
}

/** The same where there is a sign of it, a file or pins: nearly every attachment is new. */
export function releaseSigned(attachment: Attachment, node: Node): void {
  const wasPinned = removePins(node.pinDirectory, attachmentKey(attachment));
  if (wasPinned || hasRecord(node.stateDirectory, attachment)) releaseUnrecorded(attachment, node);
}

/**
 * Releases filters and qdiscs that bear natra's names on the attachment's devices, where those are still there. A
 * clsact qdisc stays: without a record nobody knows who made it.
 */
function releaseStrays(attachment: Attachment, node: Node): void {
  if (!existsSync(attachment.netns)) return;
  try {
    const { pod, host } = findDevices(attachment);
    releaseNamed(attachmentKey(attachment), { ifindex: pod.ifindex, netns: referenceTo(attachment.netns) });
    if (host !== undefined) releaseNamed(attachmentKey(attachment), { ifindex: host.ifindex });
  } catch (error) {
    // There may be nothing to find; a device or namespace that goes meanwhile takes its filters with it.
    node.log(`${attachmentKey(attachment)}: look for strays: ${describe(error)}`);
  }
}

/** Releases filters and qdiscs that bear natra's names on one device. */
function releaseNamed(key: string, { ifindex, netns }: PinnedDevice): void {
  const end = { ifindex, ...(netns && { netns }) };
  for (const direction of DIRECTIONS)
    for (const hook of DIRECTIONS)
      detach({
        ...end,
        mode: 'clsact',
        direction: hook,
        name: filterName(key, direction),
        madeQdisc: false,
      });
  detach({ ...end, mode: 'fq' });
  detach({ ...end, mode: 'htb' });
}

/** Releases an attachment of which pins alone are left, and what is at the devices that they tell. A clsact qdisc stays, as above. */
export function releasePinned(key: string, labels: readonly string[], node: Node): void {
  for (const label of labels) {
    const device = pinnedDevice({ root: node.pinDirectory, key, label });
    if (device !== undefined) releaseNamed(key, device);
  }
  removePins(node.pinDirectory, key);
  removeAside(node.stateDirectory, key);
}

const isLink = (mode: KernelAttachment['mode']): boolean => mode === 'tcx';

/** All that a record names, in reverse order. */
const attachmentsOf = (record: AttachmentRecord): KernelAttachment[] =>
  DIRECTIONS.flatMap((direction) => madeOf(direction, record)).reverse();

/**
 * What was made for a direction. The two may share one clsact qdisc, of which only the first is on record as its maker:
 * whichever goes last has to remove it.
 */
function madeOf(direction: Direction, { directions }: AttachmentRecord): KernelAttachment[] {
  const makers = DIRECTIONS.flatMap((each) => directions[each]?.made ?? []).filter(
    (each) => each.mode === 'clsact' && each.madeQdisc,
  );
  return (directions[direction]?.made ?? []).map((each) => {
    if (each.mode !== 'clsact') return each;
    const shared = makers.some(
      (maker) => maker.ifindex === each.ifindex && maker.netns?.identity === each.netns?.identity,
    );
    return { ...each, madeQdisc: shared };
  });
}
