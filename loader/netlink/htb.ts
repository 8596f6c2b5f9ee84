/** HTB and its classes: RTM_*TCLASS, TCA_HTB_* (include/uapi/linux/pkt_sched.h, net/sched/sch_htb.c). */
import { Attributes, attribute, concat, nested, stringAttribute } from './attributes.ts';
import { HANDLE, TCA, TCMSG, tcmsg } from './qdiscs.ts';
import { atMostU32, LARGEST_U32, putRateSpec, rateIn } from './rate-spec.ts';
import { FLAG, type Message, type RouteSocket } from './socket.ts';

const RTM_NEWQDISC = 36;
const RTM_NEWTCLASS = 40;
const RTM_GETTCLASS = 42;

const HTB = { parms: 1, init: 2, rate64: 6, ceil64: 7 } as const;
/** struct tc_htb_glob: version, rate2quantum, defcls, debug, direct_pkts, each u32. */
const GLOB = { version: 0, rateToQuantum: 4, defaultClass: 8, bytes: 20 } as const;
const HTB_VERSION = 3;
/** The kernel's own default; unused where classes name their quantum. */
const RATE_TO_QUANTUM = 10;
/** struct tc_htb_opt: two tc_ratespec of 12 bytes, then buffer, cbuffer, quantum, level, prio, each u32. */
const OPT = { rate: 0, ceil: 12, buffer: 24, ceilBuffer: 28, quantum: 32, priority: 40, bytes: 44 } as const;
/** PSCHED_SHIFT: user space's clock ticks once in 64 ns. */
const NANOSECONDS_PER_TICK = 64n;

export interface HtbClass {
  readonly id: number;
  /** A class, or HANDLE.root. */
  readonly parent: number;
  /** What the class gets whatever others do, and what it may have when they leave it. */
  readonly rateBytesPerSecond: bigint;
  readonly ceilBytesPerSecond: bigint;
  /** Time at the rate, and at the ceiling, that an idle class may make up for. At most 274 s. */
  readonly burstNanoseconds: bigint;
  readonly ceilBurstNanoseconds: bigint;
  /** 0 to 7: a lower one is offered first what others leave. */
  readonly priority: number;
  /** Bytes a turn among classes of the same priority. */
  readonly quantumBytes: number;
}

/** Makes HTB the root qdisc; packets that name none of its classes go to `defaultClass`. Refuses with EEXIST. */
export function addRootHtb(socket: RouteSocket, ifindex: number, handle: number, defaultClass: number): void {
  const glob = new DataView(new ArrayBuffer(GLOB.bytes));
  glob.setUint32(GLOB.version, HTB_VERSION, true);
  glob.setUint32(GLOB.rateToQuantum, RATE_TO_QUANTUM, true);
  glob.setUint32(GLOB.defaultClass, defaultClass & 0xffff, true);
  const request = concat([
    tcmsg(ifindex, handle, HANDLE.root),
    stringAttribute(TCA.kind, 'htb'),
    nested(TCA.options, attribute(HTB.init, new Uint8Array(glob.buffer))),
  ]);
  socket.change(RTM_NEWQDISC, FLAG.create | FLAG.exclusive, request, {
    operation: 'add htb qdisc to',
    object: `ifindex ${ifindex}`,
    hint: (errno) =>
      errno === 'ENOENT'
        ? 'the kernel has no htb: load or build the sch_htb module (CONFIG_NET_SCH_HTB)'
        : undefined,
  });
}

/** A rate beyond 32 bits, which goes beside the structure (linux 3.13). */
function wideRate(type: number, bytesPerSecond: bigint): Uint8Array[] {
  if (bytesPerSecond <= LARGEST_U32) return [];
  const payload = new DataView(new ArrayBuffer(8));
  payload.setBigUint64(0, bytesPerSecond, true);
  return [attribute(type, new Uint8Array(payload.buffer))];
}

/** Whether something is made, and refused where it exists, or changed in place, and refused where it doesn't. */
export type Change = 'add' | 'change';
const CHANGE_FLAGS = { add: FLAG.create | FLAG.exclusive, change: 0 } as const;
/** A queue is changed in place, too, but where it is of another kind: then it is made anew, without what waits in it. */
export const QUEUE_FLAGS = { ...CHANGE_FLAGS, change: FLAG.create | FLAG.replace } as const;

/** Adds or changes a class; a child turns its parent from a leaf into an inner class. */
export function putHtbClass(socket: RouteSocket, ifindex: number, options: HtbClass, change: Change): void {
  const view = new DataView(new ArrayBuffer(OPT.bytes));
  putRateSpec(view, OPT.rate, options.rateBytesPerSecond);
  putRateSpec(view, OPT.ceil, options.ceilBytesPerSecond);
  view.setUint32(OPT.buffer, atMostU32(options.burstNanoseconds / NANOSECONDS_PER_TICK), true);
  view.setUint32(OPT.ceilBuffer, atMostU32(options.ceilBurstNanoseconds / NANOSECONDS_PER_TICK), true);
  view.setUint32(OPT.quantum, options.quantumBytes, true);
  view.setUint32(OPT.priority, options.priority, true);
  const request = concat([
    tcmsg(ifindex, options.id, options.parent),
    stringAttribute(TCA.kind, 'htb'),
    nested(
      TCA.options,
      attribute(HTB.parms, new Uint8Array(view.buffer)),
      ...wideRate(HTB.rate64, options.rateBytesPerSecond),
      ...wideRate(HTB.ceil64, options.ceilBytesPerSecond),
    ),
  ]);
  socket.change(RTM_NEWTCLASS, CHANGE_FLAGS[change], request, {
    operation: `${change} htb class ${(options.id >>> 16).toString(16)}:${(options.id & 0xffff).toString(16)} of`,
    object: `ifindex ${ifindex}`,
  });
}

/** What a class of HTB may send. */
export type HtbClassRates = Pick<HtbClass, 'id' | 'parent' | 'rateBytesPerSecond' | 'ceilBytesPerSecond'>;

/** The classes of a device's HTB; none where it has no HTB. */
export const listHtbClasses = (socket: RouteSocket, ifindex: number): HtbClassRates[] =>
  socket
    .dump(RTM_GETTCLASS, tcmsg(ifindex, 0, 0), {
      operation: 'list htb classes of',
      object: `ifindex ${ifindex}`,
    })
    .flatMap(htbClassOf);

function htbClassOf({ payload }: Message): HtbClassRates[] {
  const attributes = new Attributes(payload.subarray(TCMSG.bytes));
  const options = attributes.nest(TCA.options);
  const parms = options?.bytes(HTB.parms);
  if (attributes.string(TCA.kind) !== 'htb' || parms === undefined) return [];
  const header = new DataView(payload.buffer, payload.byteOffset, TCMSG.bytes);
  const view = new DataView(parms.buffer, parms.byteOffset, parms.byteLength);
  return [
    {
      id: header.getUint32(TCMSG.handle, true),
      parent: header.getUint32(TCMSG.parent, true),
      rateBytesPerSecond: options?.u64At(HTB.rate64, 0) ?? rateIn(view, OPT.rate),
      ceilBytesPerSecond: options?.u64At(HTB.ceil64, 0) ?? rateIn(view, OPT.ceil),
    },
  ];
}

/** Gives a class a queue that is bounded in bytes, in place of the default's 1,000 packets of any size. */
export function putByteQueue(
  socket: RouteSocket,
  ifindex: number,
  parentClass: number,
  limitBytes: bigint,
  change: Change,
): void {
  const limit = new DataView(new ArrayBuffer(4));
  limit.setUint32(0, atMostU32(limitBytes), true);
  const request = concat([
    tcmsg(ifindex, 0, parentClass),
    stringAttribute(TCA.kind, 'bfifo'),
    attribute(TCA.options, new Uint8Array(limit.buffer)),
  ]);
  socket.change(RTM_NEWQDISC, QUEUE_FLAGS[change], request, {
    operation: `${change} the queue of an htb class of`,
    object: `ifindex ${ifindex}`,
  });
}
