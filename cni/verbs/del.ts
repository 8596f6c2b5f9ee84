/**
 * DEL: removes what ADD made. Succeeds twice, without prevResult, without the namespace and without a record. A Pod that natra
 * knows nothing of may be one that the plugin `bandwidth` limited.
 */
import type { Attachment } from '../config/environment.ts';
import { releaseRecorded, releaseUnrecorded } from '../dataplane/release.ts';
import { releaseUpstream } from '../dataplane/upstream.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { withLock } from '../state/lock.ts';

/** Throws what the kernel refuses to undo; the record stays then, and a runtime repeats DEL. */
export function del(attachment: Attachment, network: string, node: Node): void {
  const key = attachmentKey(attachment);
  withLock(key, node, () => {
    if (releaseRecorded(attachment, node)) {
      node.log(`DEL ${key}: released`);
      return;
    }
    releaseUnrecorded(attachment, node);
    releaseUpstream(network, attachment.containerId, node);
  });
}
