/** What the installation of one attachment works with. */
import type { Direction } from '../config/bandwidth.ts';
import type { Attachment } from '../config/environment.ts';
import type { Options } from '../config/options.ts';
import type { Limit, Pacing } from '../limit.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import type { Side, Wish } from '../state/records.ts';
import type { Devices } from './devices.ts';

export interface Site {
  readonly node: Node;
  readonly attachment: Attachment;
  readonly options: Options;
  readonly devices: Devices;
  /** Pacings that the kernel has not at all, with its words: found out for one direction, it need not be for the other. */
  readonly lacking: Map<Pacing, string>;
}

export const keyOf = ({ attachment }: Site): string => attachmentKey(attachment);

/** By which a direction's clsact filter is found again; `key` is the attachment's. */
export const filterName = (key: string, direction: Direction): string => `natra-${direction}-${key}`;

/** The namespace of a side's device as the loader wants it: none for natra's own. */
export function netnsOf(side: Side, attachment: Pick<Attachment, 'netns'>): string | undefined {
  return side === 'pod' ? attachment.netns : undefined;
}

/** The kernel's name of a direction's program. */
export const programName = (direction: Direction): string => `natra_${direction}`;

/** What is asked of a direction: all that its program's settings depend on but for the pacing. */
export function wishOf(limit: Limit, { vlanTags, ipFamilies }: Options): Wish {
  return { ...limit, vlanTags, ipFamilies };
}
