/** TCX: a pinned link, so the program outlives the process that attached it. Linux 6.6. */
import { ALU, CLASS, encode, OPCODE_EXIT } from '../../dsl/object/instruction.ts';
import { openPinned, pinObject } from '../bpf/bpffs.ts';
import { linkInfo } from '../bpf/info.ts';
import { ATTACH_TYPE, type Placement, tcxLinkCall, tryCreateTcxLink, updateLink } from '../bpf/link.ts';
import { loadProgram } from '../bpf/program.ts';
import { check, ENOTSUPP, ERRNO, KernelError } from '../errors.ts';
import { closeDescriptor, removeFile } from '../native/files.ts';
import { besideBlocking, type Work } from '../native/work.ts';
import type { Direction } from '../netlink/filters.ts';
import { inNetns } from '../netns/netns.ts';
import type { Hook, TcxAttachment } from './attachment.ts';
import { referenceTo } from './namespace.ts';

export interface TcxRequest {
  readonly hook: Hook;
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

/** What a link leaves on the node. */
export function tcxAttachment({ hook, pinPath }: TcxRequest): TcxAttachment {
  const netns = referenceTo(hook.netns);
  const { ifindex, direction } = hook;
  return { mode: 'tcx', ifindex, direction, ...(netns && { netns }), pinPath };
}

/**
 * Makes a link while its program is loaded; gives its descriptor, or `-errno`. The kernel waits for a grace period when it makes one,
 * and does not where a link's program is exchanged (tcx_link_update): so it lets every packet pass until `finishTcx`. Until then it
 * goes with this process.
 */
export function* openTcx<P>(
  request: TcxRequest,
  loading: Work<P>,
): Work<{ readonly program: P; readonly link: number }> {
  const { netns } = request.hook;
  const passingFd = loadProgram({ name: 'natra_begins', kind: 'classifier', code: PASSING, license: 'GPL' });
  const description = descriptionOf(request, passingFd);
  let link = -1;
  try {
    let program: P;
    if (netns === undefined) {
      const call = tcxLinkCall(description);
      yield { kind: 'begin', call };
      try {
        program = yield* loading;
      } finally {
        link = yield call;
      }
    } else {
      // Other threads are not there.
      program = yield* besideBlocking(loading, () => {
        link = inNetns(netns, () => tryCreateTcxLink(description));
      });
    }
    return { program, link };
  } catch (error) {
    if (link >= 0) closeDescriptor(link);
    throw error;
  } finally {
    closeDescriptor(passingFd);
  }
}

/** Gives the link its program and pins it. */
export function finishTcx(attachment: TcxAttachment, link: number, programFd: number): void {
  const { direction, ifindex, pinPath } = attachment;
  check(link, `attach tcx ${direction} program to`, `ifindex ${ifindex}`, () =>
    meansNoTcx(link) ? TCX_HINT : undefined,
  );
  try {
    updateLink(link, programFd);
    pinObject(link, pinPath);
  } finally {
    closeDescriptor(link);
  }
}

const descriptionOf = ({ hook, placement, expectedRevision }: TcxRequest, programFd: number) => ({
  programFd,
  ifindex: hook.ifindex,
  attachType: tcxAttachType(hook.direction),
  ...(placement && { placement }),
  ...(expectedRevision !== undefined && { expectedRevision }),
});

/** r0 = TCX_NEXT; exit: whoever comes after decides. */
const PASSING = encode([
  { opcode: CLASS.alu64 | ALU.mov, dst: 0, src: 0, offset: 0, imm: -1 },
  { opcode: OPCODE_EXIT, dst: 0, src: 0, offset: 0, imm: 0 },
]);

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

/** The program of the link; undefined where its pin is gone. */
export function programOfTcx({ pinPath }: TcxAttachment): number | undefined {
  const link = openPinned(pinPath);
  if (link === undefined) return undefined;
  try {
    return linkInfo(link).programId;
  } finally {
    closeDescriptor(link);
  }
}

/**
 * Removes the pin, which is all that keeps the link: the kernel takes the program off its hook by itself, within a grace period
 * or two (kernel/bpf/syscall.c, bpf_link_put). Whoever has the link open keeps it. False where that is done already.
 */
export const detachTcx = ({ pinPath }: TcxAttachment): boolean => removeFile(pinPath);
