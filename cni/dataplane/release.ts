/** Takes an attachment off the node: everything its record names, then its pins, then the record itself. */
import { detach, type Attachment as KernelAttachment, removePins } from '../../loader/index.ts';
import { DIRECTIONS } from '../config/bandwidth.ts';
import { describe } from '../errors.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { type AttachmentRecord, removeRecord } from '../state/records.ts';

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
  for (const made of attachmentsOf(record)) attempt(() => detach(made));
  attempt(() => removePins(node.pinDirectory, attachmentKey(record)));
  const [first] = failures;
  if (failures.length === 1) throw first;
  if (failures.length > 1) throw new Error(failures.map(describe).join('; '));
  removeRecord(node.stateDirectory, record);
}

/**
 * In reverse order. The two directions may share one clsact qdisc, of which only the first is on record as its maker:
 * whichever goes last has to remove it.
 */
function attachmentsOf(record: AttachmentRecord): KernelAttachment[] {
  const all = DIRECTIONS.flatMap((direction) => record.directions[direction]?.made ?? []);
  const makers = all.filter((each) => each.mode === 'clsact' && each.madeQdisc);
  return all.reverse().map((each) => {
    if (each.mode !== 'clsact') return each;
    const shared = makers.some(
      (maker) => maker.ifindex === each.ifindex && maker.netns?.identity === each.netns?.identity,
    );
    return { ...each, madeQdisc: shared };
  });
}
