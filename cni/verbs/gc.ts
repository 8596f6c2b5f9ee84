/** GC (CNI 1.1): removes what DEL was never called for. Goes on past errors and reports them at its end. */
import { existsSync } from 'node:fs';
import { type NetworkConfiguration, parseValidAttachments } from '../config/network.ts';
import { readRecordOrLog, release } from '../dataplane/release.ts';
import { CniError, describe, ERROR_CODES } from '../errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { withLock } from '../state/lock.ts';
import { type AttachmentRecord, listRecords } from '../state/records.ts';

/**
 * Releases every attachment of this network that isn't in `cni.dev/valid-attachments`. A caller that gives no list
 * has not said that nothing is valid: then only attachments go whose network namespace is gone.
 */
export function gc(configuration: NetworkConfiguration, node: Node): void {
  const isStale = staleness(configuration);
  const failures: string[] = [];
  const records = listRecords(node.stateDirectory, (error) => failures.push(describe(error)));
  for (const record of records.filter((each) => each.network === configuration.name && isStale(each))) {
    const key = attachmentKey(record);
    try {
      withLock(key, node, () => {
        // Another call may have had the lock meanwhile, an ADD of the same name in a new namespace.
        const now = readRecordOrLog(record, node);
        if (now === undefined || !isStale(now)) return;
        release(now, node);
        node.log(`GC ${key}: released, it was no longer valid`);
      });
    } catch (error) {
      failures.push(`${key}: ${describe(error)}`);
    }
  }
  if (failures.length > 0)
    throw new CniError(ERROR_CODES.dataplane, 'some attachments could not be released', failures.join('; '));
}

function staleness({ object }: NetworkConfiguration): (record: AttachmentRecord) => boolean {
  const valid = parseValidAttachments(object);
  if (valid === undefined) return ({ netns }) => !existsSync(netns);
  const keys = new Set(valid.map(attachmentKey));
  return (record) => !keys.has(attachmentKey(record));
}
