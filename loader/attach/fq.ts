/** fq as a device's root qdisc: it holds packets until the departure time that a program gave them. */
import { addRootFq, type FqOptions } from '../netlink/qdiscs.ts';
import type { FqAttachment, Journal, Target } from './attachment.ts';
import { ROOT_HANDLE } from './classes.ts';
import { isAlive, referenceTo, withRoute } from './namespace.ts';
import { claimRoot, type OwnQdisc, releaseRoot } from './root-qdisc.ts';

const OWN: OwnQdisc = { kind: 'fq', handle: ROOT_HANDLE };

export interface FqRequest extends Target {
  readonly options: FqOptions;
}

/** Puts fq in the place of the kernel's default qdisc. Refuses with EEXIST where someone chose another one. */
export function attachFq(request: FqRequest, journal: Journal = () => {}): FqAttachment {
  const { ifindex } = request;
  const netns = referenceTo(request.netns);
  const attachment: FqAttachment = { mode: 'fq', ifindex, ...(netns && { netns }) };
  return withRoute(request.netns, (socket) => {
    claimRoot(socket, ifindex, OWN);
    journal(attachment);
    addRootFq(socket, ifindex, OWN.handle, request.options);
    return attachment;
  });
}

/** Removes our fq. False where there is none of ours. */
export function detachFq(attachment: FqAttachment): boolean {
  if (!isAlive(attachment.netns)) return false;
  return withRoute(attachment.netns?.path, (socket) => releaseRoot(socket, attachment.ifindex, OWN));
}
