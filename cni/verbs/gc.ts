/** GC (CNI 1.1): removes what DEL was never called for. Goes on past errors and reports them at its end. */
import { existsSync } from 'node:fs';
import {
  isDeviceThere,
  linkInfo,
  listPins,
  openPins,
  type PinPlace,
  pinnedDevice,
  removePins,
} from '../../loader/index.ts';
import { type NetworkConfiguration, parseValidAttachments } from '../config/network.ts';
import { readRecordOrLog, release } from '../dataplane/release.ts';
import { CniError, describe, ERROR_CODES } from '../errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { withLock } from '../state/lock.ts';
import {
  type AttachmentRecord,
  isRecorded,
  listRecords,
  listUnfinished,
  removeAside,
  removeUnfinished,
  setAside,
} from '../state/records.ts';

/**
 * Releases every attachment of this network that isn't in `cni.dev/valid-attachments`. A caller that gives no list
 * has not said that nothing is valid: then only attachments go whose network namespace is gone. A record that is damaged is set
 * aside, which is no failure; what it was of goes when its devices have gone, or with DEL.
 */
export function gc(configuration: NetworkConfiguration, node: Node): void {
  const isStale = staleness(configuration);
  const failures: string[] = [];
  const attempt = (what: string, body: () => void): void => {
    try {
      body();
    } catch (error) {
      failures.push(`${what}: ${describe(error)}`);
    }
  };
  const locked = (key: string, body: () => void): void => attempt(key, () => withLock(key, node, body));
  const unreadable = new Map<string, unknown>();
  const records = listRecords(node.stateDirectory, (error, key) => unreadable.set(key, error));
  for (const [key, error] of unreadable)
    locked(key, () => {
      const isAside = setAside(node.stateDirectory, key);
      node.log(`GC ${key}: ${describe(error)}${isAside ? '; set aside' : ''}`);
    });
  for (const record of records.filter((each) => each.network === configuration.name && isStale(each))) {
    const key = attachmentKey(record);
    locked(key, () => {
      // Another call may have had the lock meanwhile, an ADD of the same name in a new namespace.
      const now = readRecordOrLog(record, node);
      if (now === undefined || !isStale(now)) return;
      release(now, node);
      node.log(`GC ${key}: released, it was no longer valid`);
    });
  }
  attempt('pins', () => {
    for (const { key, labels } of listPins(node.pinDirectory))
      if (!isRecorded(node.stateDirectory, key)) locked(key, () => releaseGone(key, labels, node));
  });
  for (const key of listUnfinished(node.stateDirectory))
    locked(key, () => removeUnfinished(node.stateDirectory, key));
  if (failures.length > 0)
    throw new CniError(ERROR_CODES.dataplane, 'some attachments could not be released', failures.join('; '));
}

/** Releases pins without a record whose devices have gone: whatever network it was, the Pod is gone. */
function releaseGone(key: string, labels: readonly string[], node: Node): void {
  if (isRecorded(node.stateDirectory, key) || labels.length === 0) return;
  if (!labels.every((label) => isGone({ root: node.pinDirectory, key, label }))) return;
  removePins(node.pinDirectory, key);
  removeAside(node.stateDirectory, key);
  node.log(`GC ${key}: released, it had no record and its devices are gone`);
}

function isGone(place: PinPlace): boolean {
  const pins = openPins(place);
  try {
    // A link knows its device, whatever has become of the path of its namespace.
    if (pins?.linkFd !== undefined) return linkInfo(pins.linkFd).ifindex === 0;
  } finally {
    pins?.close();
  }
  const device = pinnedDevice(place);
  return device !== undefined && !isDeviceThere(device);
}

function staleness({ object }: NetworkConfiguration): (record: AttachmentRecord) => boolean {
  const valid = parseValidAttachments(object);
  if (valid === undefined) return ({ netns }) => !existsSync(netns);
  const keys = new Set(valid.map(attachmentKey));
  return (record) => !keys.has(attachmentKey(record));
}
