/** Taking the place of a device's default qdisc, and giving it back. */
import { ERRNO, isErrno, KernelError } from '../errors.ts';
import { deleteRootQdisc, type Qdisc, rootQdisc } from '../netlink/qdiscs.ts';
import type { RouteSocket } from '../netlink/socket.ts';
import { ROOT_HANDLE } from './classes.ts';

export interface OwnQdisc {
  readonly kind: 'fq' | 'htb';
  /** `major << 16`, by which it is known as natra's. */
  readonly handle: number;
}

/** Whether it is natra's, of either kind. */
export const isNatras = ({ handle }: Pick<Qdisc, 'handle'>): boolean => handle === ROOT_HANDLE;

const isOurs = (qdisc: Qdisc, own: OwnQdisc): boolean =>
  qdisc.kind === own.kind && qdisc.handle === own.handle;

/**
 * Whether natra's own is in place already; natra's other one, of which no record is left, makes room for it. Refuses with
 * EEXIST where someone chose another qdisc than the kernel's default (handle 0; `noqueue` on a veth).
 */
export function claimRoot(socket: RouteSocket, ifindex: number, own: OwnQdisc): boolean {
  const root = rootQdisc(socket, ifindex);
  if (root === undefined || root.handle === 0) return false;
  if (isOurs(root, own)) return true;
  if (isNatras(root)) {
    deleteRootQdisc(socket, ifindex, root.handle);
    return false;
  }
  throw new KernelError({
    operation: `add ${own.kind} qdisc to`,
    object: `ifindex ${ifindex}`,
    errno: ERRNO.EEXIST,
    detail: `its root qdisc is ${root.kind} ${(root.handle >>> 16).toString(16)}:, set by another program`,
    hint: 'natra replaces only the default qdisc',
  });
}

/** Removes natra's root qdisc; the kernel puts the device's default back. False where there is none of natra's. */
export function releaseRoot(socket: RouteSocket, ifindex: number, own: OwnQdisc): boolean {
  const root = rootQdisc(socket, ifindex);
  if (root === undefined || !isOurs(root, own)) return false;
  try {
    deleteRootQdisc(socket, ifindex, own.handle);
  } catch (error) {
    if (!isErrno(error, 'ENOENT', 'EINVAL', 'ENODEV')) throw error;
  }
  return true;
}
