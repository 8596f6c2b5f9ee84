/** clsact with cls_bpf in direct-action mode: where there is no TCX. Linux 4.5. */
import { ERRNO, isErrno, KernelError } from '../errors.ts';
import {
  addBpfFilter,
  deleteFilter,
  type Filter,
  listFilters,
  replaceBpfFilter,
} from '../netlink/filters.ts';
import { addClsact, deleteClsact, HANDLE, listQdiscs } from '../netlink/qdiscs.ts';
import type { RouteSocket } from '../netlink/socket.ts';
import type { ClsactAttachment, Hook, Journal } from './attachment.ts';
import { isAlive, referenceTo, withRoute } from './namespace.ts';

export interface ClsactRequest {
  readonly hook: Hook;
  readonly programFd: number;
  /** Name of the filter, unique to whom it limits: it is found and removed by it. At most 255 bytes. */
  readonly name: string;
}

/** Where our handles begin; others count from 1. */
const FIRST_HANDLE = 0x6e617472;

/** Attaches, making the clsact qdisc where the device has none. */
export function attachClsact(request: ClsactRequest, journal: Journal = () => {}): ClsactAttachment {
  const { hook, name } = request;
  const netns = referenceTo(hook.netns);
  const planned = (madeQdisc: boolean): ClsactAttachment => ({
    mode: 'clsact',
    ifindex: hook.ifindex,
    direction: hook.direction,
    ...(netns && { netns }),
    name,
    madeQdisc,
  });
  return withRoute(hook.netns, (socket) => {
    const attachment = planned(ensureClsact(socket, hook, (madeQdisc) => journal(planned(madeQdisc))));
    try {
      addBpfFilter(socket, choosePlace(socket, hook), request.programFd, name);
    } catch (error) {
      removeEmptyQdisc(socket, attachment);
      throw error;
    }
    return attachment;
  });
}

/** Makes clsact where it is missing; whether it did. `plan` is told beforehand. */
function ensureClsact(socket: RouteSocket, hook: Hook, plan: (madeQdisc: boolean) => void): boolean {
  const present = (): string | undefined =>
    listQdiscs(socket, hook.ifindex).find((qdisc) => qdisc.parent === HANDLE.clsact)?.kind;
  if (present() === undefined) {
    plan(true);
    try {
      addClsact(socket, hook.ifindex);
      return true;
    } catch (error) {
      // Someone else made it since we looked.
      if (!isErrno(error, 'EEXIST')) throw error;
    }
  }
  plan(false);
  if (present() === 'ingress' && hook.direction === 'egress') {
    throw new KernelError({
      operation: 'attach egress filter to',
      object: `ifindex ${hook.ifindex}`,
      errno: ERRNO.EEXIST,
      detail: 'the device has an ingress qdisc of another program, in place of clsact',
      hint: 'replace it by clsact (a superset), or use tcx (linux 6.6), which needs no qdisc',
    });
  }
  return false;
}

/**
 * The filter should see packets before others give a final verdict, so it takes the first priority that is
 * free or shared by cls_bpf filters (the newest of a priority runs first), with a handle nobody has.
 */
function choosePlace(
  socket: RouteSocket,
  hook: Hook,
): Pick<Filter, 'ifindex' | 'direction' | 'priority' | 'handle'> {
  const others = listFilters(socket, hook.ifindex, hook.direction).filter(({ chain }) => chain === 0);
  let priority = 1;
  while (
    others.some((other) => other.priority === priority && !(other.kind === 'bpf' && other.allProtocols))
  ) {
    priority++;
  }
  let handle = FIRST_HANDLE;
  while (others.some((other) => other.priority === priority && other.handle === handle)) handle++;
  return { ifindex: hook.ifindex, direction: hook.direction, priority, handle };
}

function removeEmptyQdisc(socket: RouteSocket, attachment: ClsactAttachment): void {
  const { ifindex } = attachment;
  if (!attachment.madeQdisc) return;
  const remaining = (['ingress', 'egress'] as const).flatMap((side) => listFilters(socket, ifindex, side));
  if (remaining.length > 0) return;
  try {
    deleteClsact(socket, ifindex);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EINVAL', 'ENODEV')) throw error;
  }
}

/** Our filters, found by name. */
const oursAmong = (socket: RouteSocket, { ifindex, direction, name }: ClsactAttachment): Filter[] =>
  listFilters(socket, ifindex, direction).filter((filter) => filter.name === name);

/** The program of our filter; undefined where there is none. */
export const programOfClsact = (attachment: ClsactAttachment): number | undefined =>
  withRoute(attachment.netns?.path, (socket) => oursAmong(socket, attachment)[0]?.programId);

/** Exchanges the program of our filter without a packet in between that meets neither. Throws ENOENT where there is none. */
export function replaceClsact(attachment: ClsactAttachment, programFd: number): void {
  const { ifindex, direction, name, netns } = attachment;
  withRoute(netns?.path, (socket) => {
    const [ours] = oursAmong(socket, attachment);
    if (ours !== undefined) return replaceBpfFilter(socket, ours, programFd, name);
    const operation = `replace the program of ${direction} filter ${name} at`;
    throw new KernelError({ operation, object: `ifindex ${ifindex}`, errno: ERRNO.ENOENT });
  });
}

/**
 * Removes our filters, found by name, and clsact if we made it and nobody else uses it. False where there was
 * no filter of ours: the device or its namespace is gone, or it was done already.
 */
export function detachClsact(attachment: ClsactAttachment): boolean {
  if (!isAlive(attachment.netns)) return false;
  return withRoute(attachment.netns?.path, (socket) => {
    const removed = oursAmong(socket, attachment).map((filter) => deleteFilter(socket, filter));
    removeEmptyQdisc(socket, attachment);
    return removed.includes(true);
  });
}
