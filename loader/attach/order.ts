/** What packets meet at a hook, in that order: TCX before clsact (net/core/dev.c, sch_handle_ingress and sch_handle_egress). */
import { openPinned } from '../bpf/bpffs.ts';
import { linkInfo, openById, programInfo } from '../bpf/info.ts';
import { queryTcx } from '../bpf/link.ts';
import { isErrno } from '../errors.ts';
import { closeDescriptor } from '../native/files.ts';
import { listFilters } from '../netlink/filters.ts';
import { inOptionalNetns } from '../netns/netns.ts';
import { type ClsactAttachment, type Hook, type TcxAttachment, targetOf } from './attachment.ts';
import { withRoute } from './namespace.ts';
import { tcxAttachType } from './tcx.ts';

/** A program at a hook, or the filters of a priority that have none. */
export interface AtHook {
  readonly mode: 'tcx' | 'clsact';
  /** The program's name, which may be empty; of a filter without a program its kind, such as `u32`. */
  readonly name: string;
  readonly programId: number | undefined;
  /** Of TCX; 0 for a program without a link. */
  readonly linkId: number | undefined;
  /** Of cls_bpf. */
  readonly filterName: string | undefined;
}

/** What packets of a device meet at its hook, the first first; nothing where the device is gone. */
export const programsAt = (hook: Hook): AtHook[] => [...tcxAt(hook), ...filtersAt(hook)];

/** What packets meet at an attachment's hook before its program; undefined where that is not there. */
export function earlierThan(attachment: TcxAttachment | ClsactAttachment): AtHook[] | undefined {
  const all = programsAt({ ...targetOf(attachment), direction: attachment.direction });
  const linkId = attachment.mode === 'tcx' ? linkAt(attachment.pinPath) : undefined;
  const own = all.findIndex((each) =>
    attachment.mode === 'tcx'
      ? linkId !== undefined && each.linkId === linkId
      : each.filterName === attachment.name,
  );
  return own < 0 ? undefined : all.slice(0, own);
}

function tcxAt({ ifindex, direction, netns }: Hook): AtHook[] {
  try {
    const { programs } = inOptionalNetns(netns, () => queryTcx(ifindex, tcxAttachType(direction)));
    return programs.flatMap(({ programId, linkId }) => {
      const name = nameOf(programId);
      return name === undefined ? [] : [{ mode: 'tcx', name, programId, linkId, filterName: undefined }];
    });
  } catch (error) {
    // Before linux 6.6; or the device is gone.
    if (isErrno(error, 'EINVAL', 'ENODEV')) return [];
    throw error;
  }
}

/** Of the chain that packets begin in. A filter of many parts, such as those of u32, is listed part by part. */
const filtersAt = ({ ifindex, direction, netns }: Hook): AtHook[] =>
  withRoute(netns, (socket) => listFilters(socket, ifindex, direction))
    .filter(({ chain }) => chain === 0)
    .filter(
      ({ programId, priority }, index, all) =>
        programId !== undefined || all.findIndex((each) => each.priority === priority) === index,
    )
    .flatMap(({ kind, programId, name: filterName }) => {
      const name = programId === undefined ? kind : nameOf(programId);
      return name === undefined ? [] : [{ mode: 'clsact', name, programId, linkId: undefined, filterName }];
    });

/** Undefined where the program is gone. */
function nameOf(programId: number): string | undefined {
  const fd = openById('program', programId);
  if (fd === undefined) return undefined;
  try {
    return programInfo(fd).name;
  } finally {
    closeDescriptor(fd);
  }
}

/** Its id; undefined where there is no such pin. */
function linkAt(pinPath: string): number | undefined {
  const fd = openPinned(pinPath);
  if (fd === undefined) return undefined;
  try {
    return linkInfo(fd).id;
  } finally {
    closeDescriptor(fd);
  }
}
