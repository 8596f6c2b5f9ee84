/** Whether a limit on record can go on where it sits, and with what changes. */
import { type NetnsReference, netnsIdentity, openPins } from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { isSameJson } from '../config/json.ts';
import type { Limit } from '../limit.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import type { AttachmentRecord, DirectionRecord, Wish } from '../state/records.ts';
import { attachmentFaults } from './inspect.ts';
import { attachesProgram } from './ledger.ts';
import type { Placement } from './placement.ts';
import { type Site, wishOf } from './site.ts';

/**
 * The record of `direction` with another wish, where it sits at one of the places that an ADD would try now and all
 * that was made for it is in force; undefined where it has to be made anew.
 */
export function renewed(
  direction: Direction,
  limit: Limit,
  candidates: readonly Placement[],
  record: AttachmentRecord,
  site: Site,
): DirectionRecord | undefined {
  const plan = record.directions[direction];
  if (plan === undefined) return undefined;
  const { attachMode } = site.options;
  const device = plan.side === 'pod' ? site.devices.pod : site.devices.host;
  const attachment = plan.made.find(attachesProgram);
  const fits =
    attachment !== undefined &&
    (attachMode === 'auto' || attachMode === attachment.mode) &&
    device?.ifindex === plan.ifindex &&
    candidates.some(
      ({ side, hook, pacing }) => side === plan.side && hook === plan.hook && pacing === plan.pacing,
    ) &&
    plan.made.every(({ netns }) => netns === undefined || leadsTo(netns, site.attachment.netns)) &&
    isInForce(direction, record, plan, site.node);
  return fits ? withWish(plan, wishOf(limit, site.options)) : undefined;
}

const leadsTo = (reference: NetnsReference, path: string): boolean =>
  reference.path === path && netnsIdentity(path) === reference.identity;

/** Whether everything that was made for a direction is there. */
export function isInForce(
  direction: Direction,
  record: AttachmentRecord,
  plan: DirectionRecord,
  node: Node,
): boolean {
  const pins = openPins({ root: node.pinDirectory, key: attachmentKey(record), label: direction });
  if (pins === undefined) return false;
  try {
    return plan.made.some(attachesProgram) && attachmentFaults(plan, pins).length === 0;
  } finally {
    pins.close();
  }
}

/** The same place with another wish; nothing of the former one stays. */
export function withWish(plan: DirectionRecord, wish: Wish): DirectionRecord {
  const { side, device, ifindex, hook, pacing, reason, made, layouts } = plan;
  return { ...wish, side, device, ifindex, hook, pacing, reason, made, ...(layouts && { layouts }) };
}

/** Whether two records of a direction say the same. */
export const isSame = (one: DirectionRecord, other: DirectionRecord): boolean => isSameJson(one, other);
