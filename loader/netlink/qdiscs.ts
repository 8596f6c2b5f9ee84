/** Queueing disciplines: RTM_*QDISC (include/uapi/linux/rtnetlink.h, pkt_sched.h). */
import { isErrno } from '../errors.ts';
import { Attributes, concat, nested, stringAttribute, u8Attribute, u32Attribute } from './attributes.ts';
import { FLAG, type Message, type RouteSocket } from './socket.ts';

const RTM_NEWQDISC = 36;
const RTM_DELQDISC = 37;
const RTM_GETQDISC = 38;

const ADD_FQ = 'add fq qdisc to';

/** struct tcmsg: family u8, pads, ifindex i32, handle u32, parent u32, info u32. Shared with filters. */
export const TCMSG = { ifindex: 4, handle: 8, parent: 12, info: 16, bytes: 20 } as const;
export const TCA = { kind: 1, options: 2, chain: 11 } as const;

/** Handles with a meaning, include/uapi/linux/pkt_sched.h. */
export const HANDLE = {
  root: 0xffffffff,
  /** Parent of `clsact` and of `ingress`: a device has one of them at most. */
  clsact: 0xfffffff1,
  clsactMajor: 0xffff0000,
  clsactIngress: 0xfffffff2,
  clsactEgress: 0xfffffff3,
} as const;

/** TCA_FQ_*. */
const FQ = { limit: 1, flowLimit: 2, rateEnable: 5, bucketsLog: 8, horizon: 14, horizonDrop: 15 } as const;

export interface FqOptions {
  /** Packets in the whole qdisc. */
  readonly limit?: number;
  /** Packets of one flow. */
  readonly flowLimit?: number;
  /** Whether sockets of the device's own namespace are held to their pacing rates. */
  readonly pacesSockets?: boolean;
  /** log2 of the number of flow buckets. */
  readonly bucketsLog?: number;
  /** Departure times further in the future than this are dropped or capped. Linux 5.8. */
  readonly horizonMicroseconds?: number;
  /** Whether packets beyond the horizon are dropped (else their time is capped). */
  readonly horizonDrop?: boolean;
}

export interface Qdisc {
  readonly kind: string;
  readonly ifindex: number;
  /** 0 where the kernel made it by default. */
  readonly handle: number;
  readonly parent: number;
}

/** The fixed header of qdisc and filter messages. */
export function tcmsg(ifindex: number, handle: number, parent: number, info = 0): Uint8Array {
  const bytes = new Uint8Array(TCMSG.bytes);
  const view = new DataView(bytes.buffer);
  view.setInt32(TCMSG.ifindex, ifindex, true);
  view.setUint32(TCMSG.handle, handle, true);
  view.setUint32(TCMSG.parent, parent, true);
  view.setUint32(TCMSG.info, info, true);
  return bytes;
}

function qdiscOf({ payload }: Message): Qdisc {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    kind: new Attributes(payload.subarray(TCMSG.bytes)).string(TCA.kind) ?? '',
    ifindex: view.getInt32(TCMSG.ifindex, true),
    handle: view.getUint32(TCMSG.handle, true),
    parent: view.getUint32(TCMSG.parent, true),
  };
}

/** The qdiscs of one device; the kernel tells of all devices' for that. */
export function listQdiscs(socket: RouteSocket, ifindex: number): Qdisc[] {
  return socket
    .dump(RTM_GETQDISC, tcmsg(ifindex, 0, 0), { operation: 'list qdiscs of', object: `ifindex ${ifindex}` })
    .map(qdiscOf)
    .filter((qdisc) => qdisc.ifindex === ifindex);
}

/** The root qdisc of one device; undefined where it has none but the one of a device that is down, and where the device is gone. */
export const rootQdisc = (socket: RouteSocket, ifindex: number): Qdisc | undefined =>
  qdiscBelow(socket, ifindex, HANDLE.root, 'find the root qdisc of');

/** The qdisc of a class, whose handle is 0 where the kernel put it there; undefined where there is no such class. */
export const qdiscOfClass = (socket: RouteSocket, ifindex: number, id: number): Qdisc | undefined =>
  qdiscBelow(socket, ifindex, id, "find a class's qdisc of");

function qdiscBelow(
  socket: RouteSocket,
  ifindex: number,
  parent: number,
  operation: string,
): Qdisc | undefined {
  try {
    const answer = socket.find(RTM_GETQDISC, tcmsg(ifindex, 0, parent), {
      operation,
      object: `ifindex ${ifindex}`,
    });
    return answer && qdiscOf(answer);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV')) return undefined;
    throw error;
  }
}

/** Adds clsact; refuses with EEXIST where the device has a clsact or an ingress qdisc already. Linux 4.5. */
export function addClsact(socket: RouteSocket, ifindex: number): void {
  const request = concat([
    tcmsg(ifindex, HANDLE.clsactMajor, HANDLE.clsact),
    stringAttribute(TCA.kind, 'clsact'),
  ]);
  socket.change(RTM_NEWQDISC, FLAG.create | FLAG.exclusive, request, {
    operation: 'add clsact qdisc to',
    object: `ifindex ${ifindex}`,
    hint: (errno) =>
      errno === 'ENOENT' || errno === 'EOPNOTSUPP'
        ? 'clsact needs linux 4.5 with sch_ingress (CONFIG_NET_SCH_INGRESS)'
        : undefined,
  });
}

/** Removes clsact with every filter in it. */
export function deleteClsact(socket: RouteSocket, ifindex: number): void {
  socket.change(RTM_DELQDISC, 0, tcmsg(ifindex, HANDLE.clsactMajor, HANDLE.clsact), {
    operation: 'remove clsact qdisc of',
    object: `ifindex ${ifindex}`,
  });
}

/** Makes fq the root qdisc of a device, under `handle` (`major << 16`). */
export const addRootFq = (socket: RouteSocket, ifindex: number, handle: number, options: FqOptions): void =>
  putFq(socket, ifindex, { handle, parent: HANDLE.root }, options);

/** Makes fq the queue below `parent`, a class; with handle 0 the kernel names it. */
export function putFq(
  socket: RouteSocket,
  ifindex: number,
  { handle, parent }: { readonly handle: number; readonly parent: number },
  options: FqOptions,
): void {
  const encoded: Uint8Array[] = [];
  const number = (type: number, value: number | undefined): void => {
    if (value !== undefined) encoded.push(u32Attribute(type, value));
  };
  number(FQ.limit, options.limit);
  number(FQ.flowLimit, options.flowLimit);
  if (options.pacesSockets !== undefined) number(FQ.rateEnable, options.pacesSockets ? 1 : 0);
  number(FQ.bucketsLog, options.bucketsLog);
  number(FQ.horizon, options.horizonMicroseconds);
  if (options.horizonDrop !== undefined) {
    encoded.push(u8Attribute(FQ.horizonDrop, options.horizonDrop ? 1 : 0));
  }
  const request = concat([
    tcmsg(ifindex, handle, parent),
    stringAttribute(TCA.kind, 'fq'),
    nested(TCA.options, ...encoded),
  ]);
  socket.change(RTM_NEWQDISC, FLAG.create | FLAG.replace, request, {
    operation: ADD_FQ,
    object: `ifindex ${ifindex}`,
    hint: (errno) =>
      errno === 'ENOENT'
        ? 'the kernel has no fq: load or build the sch_fq module (CONFIG_NET_SCH_FQ)'
        : undefined,
  });
}

/** Whether the kernel said that it has no fq, for any device at all: it finds no such kind, and no module that has it. */
export const lacksFq = (error: unknown): boolean => isErrno(error, 'ENOENT') && error.operation === ADD_FQ;

/** Removes the root qdisc with this handle; the kernel puts the device's default in its place. */
export function deleteRootQdisc(socket: RouteSocket, ifindex: number, handle: number): void {
  socket.change(RTM_DELQDISC, 0, tcmsg(ifindex, handle, HANDLE.root), {
    operation: 'remove the root qdisc of',
    object: `ifindex ${ifindex}`,
  });
}
