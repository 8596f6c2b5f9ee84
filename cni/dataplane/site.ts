/** What the installation of one attachment works with. */
import type { Direction } from '../config/bandwidth.ts';
import type { Attachment } from '../config/environment.ts';
import type { AttachmentName } from '../config/network.ts';
import type { Options } from '../config/options.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import type { Side } from '../state/records.ts';
import type { Devices } from './devices.ts';

export interface Site {
  readonly node: Node;
  readonly attachment: Attachment;
  readonly options: Options;
  readonly devices: Devices;
}

export const keyOf = ({ attachment }: Site): string => attachmentKey(attachment);

/** By which a direction's clsact filter is found again. */
export const filterName = (name: AttachmentName, direction: Direction): string =>
  `natra-${direction}-${attachmentKey(name)}`;

/** The namespace of a side's device as the loader wants it: none for natra's own. */
export function netnsOf(side: Side, attachment: Pick<Attachment, 'netns'>): string | undefined {
  return side === 'pod' ? attachment.netns : undefined;
}
