/** Attaching a classifier to a hook of a device, by the best means that the kernel has. */
import type { Placement } from '../bpf/link.ts';
import { isErrno, KernelError } from '../errors.ts';
import { inTurn, type Work } from '../native/work.ts';
import type { Attachment, ClsactAttachment, Hook, Journal, TcxAttachment } from './attachment.ts';
import { attachClsact, detachClsact, programOfClsact, replaceClsact } from './clsact.ts';
import { detachFq } from './fq.ts';
import { detachHtb } from './htb.ts';
import { detachTcx, finishTcx, openTcx, programOfTcx, replaceTcx, tcxAttachment } from './tcx.ts';

export interface Place extends Hook {
  /** `auto`: tcx, and clsact where the kernel has no tcx. */
  readonly mode: 'auto' | 'tcx' | 'clsact';
  /** Pin of a tcx link: a path on bpffs that does not exist yet. */
  readonly pinPath: string;
  /** Name of a clsact filter, by which it is found again. */
  readonly filterName: string;
  /** Place among other tcx programs; last by default. */
  readonly placement?: Placement;
  /** Told of each thing before it is made. */
  readonly journal?: Journal;
}

interface Program {
  readonly fd: number;
}

export interface AttachRequest extends Place {
  readonly program: Program;
}

/** Attaches, and gives what is needed to detach from any process. Nothing is left attached when it throws. */
export const attach = (request: AttachRequest): TcxAttachment | ClsactAttachment =>
  inTurn(attaching(request, given(request.program)));

// biome-ignore lint/correctness/useYield: work without a step.
function* given(program: Program): Work<Program> {
  return program;
}

/** The same for a program that is still to be loaded, beside which and other work the kernel goes about the attachment. */
export function* attaching(place: Place, loading: Work<Program>): Work<TcxAttachment | ClsactAttachment> {
  const { mode, journal, pinPath, placement } = place;
  const hook: Hook = {
    ifindex: place.ifindex,
    direction: place.direction,
    ...(place.netns !== undefined && { netns: place.netns }),
  };
  const clsact = ({ fd }: Program): ClsactAttachment =>
    attachClsact({ hook, programFd: fd, name: place.filterName }, journal);
  if (mode === 'clsact') return clsact(yield* loading);
  const request = { hook, pinPath, ...(placement && { placement }) };
  const attachment = tcxAttachment(request);
  journal?.(attachment);
  const { program, link } = yield* openTcx(request, loading);
  try {
    finishTcx(attachment, link, program.fd);
    return attachment;
  } catch (refusal) {
    if (mode === 'tcx' || !isErrno(refusal, 'EINVAL', 'EOPNOTSUPP', 'ENOTSUPP')) throw refusal;
    try {
      return clsact(program);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      const { operation, object, errno, hint } = error;
      const detail = join(error.detail, `before that: ${refusal.message}`);
      throw new KernelError({ operation, object, errno, hint, detail });
    }
  }
}

const join = (detail: string | undefined, more: string): string => (detail ? `${detail}; ${more}` : more);

/** Exchanges an attached program for another one: every packet meets the one or the other. */
export function replaceProgram(attachment: TcxAttachment | ClsactAttachment, programFd: number): void {
  if (attachment.mode === 'tcx') replaceTcx(attachment, programFd);
  else replaceClsact(attachment, programFd);
}

/** The id of the program that is attached; undefined where ours is gone. */
export const attachedProgram = (attachment: TcxAttachment | ClsactAttachment): number | undefined =>
  attachment.mode === 'tcx' ? programOfTcx(attachment) : programOfClsact(attachment);

/** Undoes an attachment. False where there was nothing left to undo; never an error for what is gone. */
export function detach(attachment: Attachment): boolean {
  switch (attachment.mode) {
    case 'tcx':
      return detachTcx(attachment);
    case 'clsact':
      return detachClsact(attachment);
    case 'fq':
      return detachFq(attachment);
    case 'htb':
      return detachHtb(attachment);
  }
}
