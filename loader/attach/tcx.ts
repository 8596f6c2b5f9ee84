/** TCX: a pinned link, so the program outlives the process that attached it. Linux 6.6. */
import { openPinned, pinObject } from '../bpf/bpffs.ts';
import { ATTACH_TYPE, type Placement, tcxLinkCall, tryCreateTcxLink, updateLink } from '../bpf/link.ts';
import { check, ENOTSUPP, ERRNO, KernelError } from '../errors.ts';
import { closeDescriptor, removeFile } from '../native/files.ts';
import type { Work } from '../native/work.ts';
import type { Direction } from '../netlink/filters.ts';
import { inNetns } from '../netns/netns.ts';
import type { Hook, Journal, TcxAttachment } from './attachment.ts';
import { referenceTo } from './namespace.ts';

export interface TcxRequest {
  readonly hook: Hook;
  readonly programFd: number;
  /** A path on bpffs that does not exist yet. */
  readonly pinPath: string;
  /** Beside whom; at the end of the chain by default. */
  readonly placement?: Placement;
  readonly expectedRevision?: bigint;
}

/** TCX's number for a direction (enum bpf_attach_type). */
export const tcxAttachType = (direction: Direction): number =>
  direction === 'ingress' ? ATTACH_TYPE.tcxIngress : ATTACH_TYPE.tcxEgress;

/** What the kernel answers where it has no TCX: an unknown attach type, or one that is not compiled in. */
const WITHOUT_TCX: readonly number[] = [-ERRNO.EINVAL, -ERRNO.EOPNOTSUPP, -ENOTSUPP];

export const TCX_HINT = 'tcx needs linux 6.6';

/** Whether `result` of a link creation may mean that the kernel has no TCX. */
export const meansNoTcx = (result: number): boolean => WITHOUT_TCX.includes(result);

/** Attaches and pins. The link goes with its descriptor when the process dies before it is pinned. */
export function* attachTcx(request: TcxRequest, journal: Journal = () => {}): Work<TcxAttachment> {
  const { hook, pinPath } = request;
  const netns = referenceTo(hook.netns);
  const attachment: TcxAttachment = {
    mode: 'tcx',
    ifindex: hook.ifindex,
    direction: hook.direction,
    ...(netns && { netns }),
    pinPath,
  };
  journal(attachment);
  const link = {
    programFd: request.programFd,
    ifindex: hook.ifindex,
    attachType: tcxAttachType(hook.direction),
    ...(request.placement && { placement: request.placement }),
    ...(request.expectedRevision !== undefined && { expectedRevision: request.expectedRevision }),
  };
  // Other threads are not in the Pod's namespace.
  const result =
    hook.netns === undefined ? yield tcxLinkCall(link) : inNetns(hook.netns, () => tryCreateTcxLink(link));
  const descriptor = check(
    result,
    `attach tcx ${hook.direction} program to`,
    `ifindex ${hook.ifindex}`,
    () => (meansNoTcx(result) ? TCX_HINT : undefined),
  );
  try {
    pinObject(descriptor, pinPath);
  } finally {
    closeDescriptor(descriptor);
  }
  return attachment;
}

/** Exchanges the link's program without a packet in between that meets neither. Throws ENOENT where the pin is gone. */
export function replaceTcx({ pinPath }: TcxAttachment, programFd: number): void {
  const link = openPinned(pinPath);
  if (link === undefined)
    throw new KernelError({ operation: 'replace the program of', object: pinPath, errno: ERRNO.ENOENT });
  try {
    updateLink(link, programFd);
  } finally {
    closeDescriptor(link);
  }
}

/**
 * Removes the pin, which is all that keeps the link: the kernel takes the program off its hook by itself, within a grace period
 * or two (kernel/bpf/syscall.c, bpf_link_put). Whoever has the link open keeps it. False where that is done already.
 */
export const detachTcx = ({ pinPath }: TcxAttachment): boolean => removeFile(pinPath);
