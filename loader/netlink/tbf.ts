/** TBF for what it does to GSO packets: TCA_TBF_* (include/uapi/linux/pkt_sched.h, net/sched/sch_tbf.c). */
import { isErrno } from '../errors.ts';
import { attribute, concat, nested, stringAttribute, u32Attribute } from './attributes.ts';
import { type Change, QUEUE_FLAGS } from './htb.ts';
import { TCA, tcmsg } from './qdiscs.ts';
import { atMostU32, LARGEST_U32, putRateSpec } from './rate-spec.ts';
import type { RouteSocket } from './socket.ts';

const RTM_NEWQDISC = 36;
const TBF = { parms: 1, burst: 6 } as const;
/** struct tc_tbf_qopt: two tc_ratespec of 12 bytes, then limit, buffer and mtu, each u32. */
const OPT = { rate: 0, limit: 24, bytes: 36 } as const;
/** The one class of a TBF, below which its queue is. */
const ONLY_CLASS = 1;

export interface TbfQueue {
  /** `major << 16`. */
  readonly handle: number;
  /** An HTB class. */
  readonly parent: number;
  /** GSO packets beyond it are cut into their segments. Other packets beyond it are dropped. */
  readonly wholeBytes: number;
  /** Bytes that may wait; no bound once another queue is put below. */
  readonly limitBytes: bigint;
}

/**
 * Gives an HTB class a TBF that cuts GSO packets on their way in (tbf_segment) and, at the largest rate that it knows, holds
 * up none. False where the kernel has no TBF.
 */
export function putSegmentingTbf(
  socket: RouteSocket,
  ifindex: number,
  { handle, parent, wholeBytes, limitBytes }: TbfQueue,
  change: Change,
): boolean {
  const view = new DataView(new ArrayBuffer(OPT.bytes));
  putRateSpec(view, OPT.rate, LARGEST_U32);
  view.setUint32(OPT.limit, atMostU32(limitBytes), true);
  const request = concat([
    tcmsg(ifindex, handle, parent),
    stringAttribute(TCA.kind, 'tbf'),
    nested(
      TCA.options,
      attribute(TBF.parms, new Uint8Array(view.buffer)),
      u32Attribute(TBF.burst, wholeBytes),
    ),
  ]);
  try {
    socket.change(RTM_NEWQDISC, QUEUE_FLAGS[change], request, {
      operation: `${change} a tbf below an htb class of`,
      object: `ifindex ${ifindex}`,
    });
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return false;
    throw error;
  }
}

/** What another queue has for a parent, to be below the TBF of that handle. */
export const belowTbf = (handle: number): number => handle + ONLY_CLASS;
