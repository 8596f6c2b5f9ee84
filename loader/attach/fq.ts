/** fq as a device's root qdisc: it holds packets until the departure time that a program gave them. */
import { ERRNO, isErrno, KernelError } from '../errors.ts';
import {
  addRootFq,
  deleteRootQdisc,
  type FqOptions,
  HANDLE,
  listQdiscs,
  type Qdisc,
} from '../netlink/qdiscs.ts';
import type { RouteSocket } from '../netlink/socket.ts';
import type { FqAttachment, Journal } from './attachment.ts';
import { isAlive, referenceTo, withRoute } from './namespace.ts';

/** By which our fq is known: major 0x6e74. */
const FQ_HANDLE = 0x6e740000;

export interface FqRequest {
  readonly ifindex: number;
  readonly netns?: string;
  readonly options: FqOptions;
}

const rootOf = (socket: RouteSocket, ifindex: number): Qdisc | undefined =>
  listQdiscs(socket, ifindex).find((qdisc) => qdisc.parent === HANDLE.root);

const isOurs = (qdisc: Qdisc | undefined): boolean => qdisc?.kind === 'fq' && qdisc.handle === FQ_HANDLE;

/**
 * Puts fq in the place of the kernel's default qdisc (handle 0; `noqueue` on a veth). Refuses with EEXIST where
 * someone chose another one.
 */
export function attachFq(request: FqRequest, journal: Journal = () => {}): FqAttachment {
  const { ifindex } = request;
  const netns = referenceTo(request.netns);
  const attachment: FqAttachment = { mode: 'fq', ifindex, ...(netns && { netns }) };
  return withRoute(request.netns, (socket) => {
    const root = rootOf(socket, ifindex);
    if (root && root.handle !== 0 && !isOurs(root)) {
      throw new KernelError({
        operation: 'add fq qdisc to',
        object: `ifindex ${ifindex}`,
        errno: ERRNO.EEXIST,
        detail: `its root qdisc is ${root.kind} ${(root.handle >>> 16).toString(16)}:, set by another program`,
        hint: 'natra replaces only the default qdisc',
      });
    }
    journal(attachment);
    addRootFq(socket, ifindex, FQ_HANDLE, request.options);
    return attachment;
  });
}

/** Removes our fq; the kernel puts the device's default back. False where there is none of ours. */
export function detachFq(attachment: FqAttachment): boolean {
  if (!isAlive(attachment.netns)) return false;
  return withRoute(attachment.netns?.path, (socket) => {
    if (!isOurs(rootOf(socket, attachment.ifindex))) return false;
    try {
      deleteRootQdisc(socket, attachment.ifindex, FQ_HANDLE);
    } catch (error) {
      if (!isErrno(error, 'ENOENT', 'EINVAL', 'ENODEV')) throw error;
    }
    return true;
  });
}
