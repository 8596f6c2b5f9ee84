/** DEL: removes what ADD made. Succeeds twice, without prevResult, without the namespace and without a record. */
import { removePins } from '../../loader/index.ts';
import type { Attachment } from '../config/environment.ts';
import { release } from '../dataplane/release.ts';
import { describe } from '../errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { type AttachmentRecord, readRecord, removeRecord } from '../state/records.ts';

export function del(attachment: Attachment, node: Node): void {
  const record = readable(attachment, node);
  if (record !== undefined) {
    release(record, node);
    node.log(`DEL ${attachmentKey(attachment)}: released`);
    return;
  }
  removePins(node.pinDirectory, attachmentKey(attachment));
  removeRecord(node.stateDirectory, attachment);
}

/** A record that can't be read must not keep a Pod from going: its pins hold all that outlives the devices. */
function readable(attachment: Attachment, node: Node): AttachmentRecord | undefined {
  try {
    return readRecord(node.stateDirectory, attachment);
  } catch (error) {
    node.log(`DEL ${attachmentKey(attachment)}: ${describe(error)}`);
    return undefined;
  }
}
