/** TCX links (Linux 6.6) and what is attached at a hook. Structures: union bpf_attr, include/uapi/linux/bpf.h. */
import { check, ERRNO, KernelError } from '../errors.ts';
import { lasting, withScratch } from '../native/arena.ts';
import { syscall } from '../native/syscall.ts';
import type { LongCall } from '../native/work.ts';
import { bpf, bpfCall, writePointer } from './call.ts';

/** enum bpf_attach_type. */
export const ATTACH_TYPE = { tcxIngress: 46, tcxEgress: 47 } as const;

/** BPF_F_BEFORE, BPF_F_AFTER, BPF_F_ID, BPF_F_LINK. */
export const ATTACH_FLAG = { before: 1 << 3, after: 1 << 4, id: 1 << 5, link: 1 << 13 } as const;

const CREATE = {
  programFd: 0,
  ifindex: 4,
  attachType: 8,
  flags: 12,
  relative: 16,
  expectedRevision: 24,
  bytes: 32,
} as const;
const UPDATE = { linkFd: 0, programFd: 4, flags: 8, oldProgramFd: 12, bytes: 16 } as const;
const DETACH = { linkFd: 0, bytes: 4 } as const;
const QUERY = {
  ifindex: 0,
  attachType: 4,
  programIds: 16,
  count: 24,
  linkIds: 40,
  revision: 56,
  bytes: 64,
} as const;
/** BPF_MPROG_MAX, include/linux/bpf_mprog.h. */
const PROGRAMS_AT_A_HOOK = 64;
const BPF_F_REPLACE = 1 << 2;

/** Where in the chain of programs: at its end, or beside another program or link. */
export interface Placement {
  readonly side: 'before' | 'after';
  /** The neighbour; without one, the chain's end on that side. */
  readonly neighbour?: { readonly kind: 'program' | 'link'; readonly id: number };
}

export interface TcxAttachment {
  readonly programFd: number;
  /** Device of the calling thread's network namespace. */
  readonly ifindex: number;
  readonly attachType: number;
  readonly placement?: Placement;
  /** Refuse with ESTALE unless the hook's revision is this one. */
  readonly expectedRevision?: bigint;
}

/**
 * Creates a TCX link; the step gives its descriptor, or `-errno`. The kernel waits for a grace period of RCU meanwhile
 * (kernel/bpf/tcx.c, tcx_entry_sync). The program stays while the link is open or pinned.
 */
export function tcxLinkCall(attachment: TcxAttachment): LongCall {
  const memory = lasting(CREATE.bytes);
  const { view } = memory;
  view.setUint32(CREATE.programFd, attachment.programFd, true);
  view.setUint32(CREATE.ifindex, attachment.ifindex, true);
  view.setUint32(CREATE.attachType, attachment.attachType, true);
  if (attachment.placement) {
    const { side, neighbour } = attachment.placement;
    const kind = neighbour ? ATTACH_FLAG.id | (neighbour.kind === 'link' ? ATTACH_FLAG.link : 0) : 0;
    view.setUint32(CREATE.flags, ATTACH_FLAG[side] | kind, true);
    view.setUint32(CREATE.relative, neighbour?.id ?? 0, true);
  }
  view.setBigUint64(CREATE.expectedRevision, attachment.expectedRevision ?? 0n, true);
  return bpfCall('linkCreate', memory);
}

/** Creates a TCX link in this thread and gives its descriptor, or `-errno`. */
export function tryCreateTcxLink(attachment: TcxAttachment): number {
  const { name, args } = tcxLinkCall(attachment);
  return syscall(name, ...args);
}

/** Replaces a link's program in place: no packet passes in between without one. */
export function updateLink(linkFd: number, programFd: number, oldProgramFd?: number): void {
  withScratch((memory) => {
    const attributes = memory.allocate(UPDATE.bytes);
    attributes.view.setUint32(UPDATE.linkFd, linkFd, true);
    attributes.view.setUint32(UPDATE.programFd, programFd, true);
    if (oldProgramFd !== undefined) {
      attributes.view.setUint32(UPDATE.flags, BPF_F_REPLACE, true);
      attributes.view.setUint32(UPDATE.oldProgramFd, oldProgramFd, true);
    }
    check(bpf('linkUpdate', attributes), 'replace the program of link', `fd ${linkFd}`);
  });
}

/** Takes a link off its hook at once, pinned or not. A link whose device is gone is off already. */
export function detachLink(linkFd: number): void {
  withScratch((memory) => {
    const attributes = memory.allocate(DETACH.bytes);
    attributes.view.setUint32(DETACH.linkFd, linkFd, true);
    const result = bpf('linkDetach', attributes);
    // kernel/bpf/tcx.c, tcx_link_detach: ENOLINK where the device has gone.
    if (result !== -ERRNO.ENOLINK) check(result, 'detach link', `fd ${linkFd}`);
  });
}

export interface AttachedPrograms {
  /** Changes with every attachment at the hook. */
  readonly revision: bigint;
  /** In the order in which packets pass them; `linkId` is 0 for a program attached without a link. */
  readonly programs: readonly { readonly programId: number; readonly linkId: number }[];
}

/** BPF_PROG_QUERY of a TCX hook of a device in the calling thread's network namespace. */
export function queryTcx(ifindex: number, attachType: number): AttachedPrograms {
  return withScratch((memory) => {
    const attributes = memory.allocate(QUERY.bytes);
    const programs = memory.allocate(PROGRAMS_AT_A_HOOK * 4);
    const links = memory.allocate(PROGRAMS_AT_A_HOOK * 4);
    const { view } = attributes;
    view.setUint32(QUERY.ifindex, ifindex, true);
    view.setUint32(QUERY.attachType, attachType, true);
    writePointer(attributes, QUERY.programIds, programs.address);
    writePointer(attributes, QUERY.linkIds, links.address);
    view.setUint32(QUERY.count, PROGRAMS_AT_A_HOOK, true);
    const result = bpf('programQuery', attributes);
    if (result === -ERRNO.ENOENT) return { revision: 0n, programs: [] };
    if (result < 0) {
      throw new KernelError({
        operation: 'query tcx programs of',
        object: `ifindex ${ifindex}`,
        errno: -result,
        hint: result === -ERRNO.EINVAL ? 'tcx needs linux 6.6' : undefined,
      });
    }
    const count = view.getUint32(QUERY.count, true);
    return {
      revision: view.getBigUint64(QUERY.revision, true),
      programs: Array.from({ length: count }, (_, index) => ({
        programId: programs.view.getUint32(index * 4, true),
        linkId: links.view.getUint32(index * 4, true),
      })),
    };
  });
}
