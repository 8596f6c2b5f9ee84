/** cls_bpf filters of clsact: RTM_*TFILTER (include/uapi/linux/pkt_cls.h, net/sched/cls_bpf.c). */
import { isErrno } from '../errors.ts';
import { Attributes, concat, nested, stringAttribute, u32Attribute } from './attributes.ts';
import { HANDLE, TCA, TCMSG, tcmsg } from './qdiscs.ts';
import { FLAG, type RouteSocket } from './socket.ts';

const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const RTM_GETTFILTER = 46;

const TCA_BPF = { fd: 6, name: 7, flags: 8, programId: 11 } as const;
const TCA_BPF_FLAG_ACT_DIRECT = 1;
/** ETH_P_ALL in network byte order, the low half of tcm_info; the priority is the high half. */
const PROTOCOL_ALL = 0x0300;

export type Direction = 'ingress' | 'egress';

export interface FilterPlace {
  readonly ifindex: number;
  readonly direction: Direction;
  /** 1 to 65535; filters run from the lowest. */
  readonly priority: number;
  /** Number of the filter within its priority. */
  readonly handle: number;
}

export interface Filter extends FilterPlace {
  readonly kind: string;
  /** Packets begin in chain 0, and come to another one where a filter sends them there. */
  readonly chain: number;
  /** Whether it sees packets of every EtherType. A priority belongs to one kind and one protocol. */
  readonly allProtocols: boolean;
  /** Of cls_bpf. */
  readonly name: string | undefined;
  readonly programId: number | undefined;
}

const parentOf = (direction: Direction): number =>
  direction === 'ingress' ? HANDLE.clsactIngress : HANDLE.clsactEgress;

const infoOf = (priority: number): number => ((priority << 16) | PROTOCOL_ALL) >>> 0;

/** A program in direct-action mode: its return value is the verdict. */
function filterRequest(place: FilterPlace, programFd: number, name: string): Uint8Array {
  return concat([
    tcmsg(place.ifindex, place.handle, parentOf(place.direction), infoOf(place.priority)),
    stringAttribute(TCA.kind, 'bpf'),
    nested(
      TCA.options,
      u32Attribute(TCA_BPF.fd, programFd),
      stringAttribute(TCA_BPF.name, name),
      u32Attribute(TCA_BPF.flags, TCA_BPF_FLAG_ACT_DIRECT),
    ),
  ]);
}

/** Exchanges a filter's program: every packet meets the one or the other (net/sched/cls_bpf.c, cls_bpf_change). */
export function replaceBpfFilter(
  socket: RouteSocket,
  place: FilterPlace,
  programFd: number,
  name: string,
): void {
  socket.change(RTM_NEWTFILTER, 0, filterRequest(place, programFd, name), {
    operation: `replace the program of ${place.direction} filter ${name} at`,
    object: `ifindex ${place.ifindex}`,
  });
}

/** Adds a program as a filter. Refuses an occupied handle with EEXIST. */
export function addBpfFilter(socket: RouteSocket, place: FilterPlace, programFd: number, name: string): void {
  socket.change(RTM_NEWTFILTER, FLAG.create | FLAG.exclusive, filterRequest(place, programFd, name), {
    operation: `add ${place.direction} filter ${name} to`,
    object: `ifindex ${place.ifindex}`,
    hint: (errno) =>
      errno === 'ENOENT' || errno === 'EOPNOTSUPP'
        ? 'direct-action filters need linux 4.4 with cls_bpf (CONFIG_NET_CLS_BPF)'
        : undefined,
  });
}

/** Removes a filter. False where it, its qdisc or its device is gone. */
export function deleteFilter(socket: RouteSocket, place: FilterPlace): boolean {
  const request = concat([
    tcmsg(place.ifindex, place.handle, parentOf(place.direction), infoOf(place.priority)),
    stringAttribute(TCA.kind, 'bpf'),
  ]);
  try {
    socket.change(RTM_DELTFILTER, 0, request, {
      operation: `remove ${place.direction} filter of`,
      object: `ifindex ${place.ifindex}`,
    });
    return true;
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ENODEV', 'EINVAL')) return false;
    throw error;
  }
}

/**
 * The filters at one hook of a device's clsact or ingress qdisc, those of each chain in the order in which they run; none without the
 * qdisc or the device.
 */
export function listFilters(socket: RouteSocket, ifindex: number, direction: Direction): Filter[] {
  const parent = parentOf(direction);
  return socket
    .dump(RTM_GETTFILTER, tcmsg(ifindex, 0, parent), {
      operation: `list ${direction} filters of`,
      object: `ifindex ${ifindex}`,
    })
    .flatMap(({ payload }) => {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
      const handle = view.getUint32(TCMSG.handle, true);
      // A chain without filters lists itself with handle 0.
      if (handle === 0) return [];
      const attributes = new Attributes(payload.subarray(TCMSG.bytes));
      const options = attributes.nest(TCA.options);
      const kind = attributes.string(TCA.kind) ?? '';
      return [
        {
          ifindex,
          direction,
          priority: view.getUint32(TCMSG.info, true) >>> 16,
          handle,
          kind,
          chain: attributes.u32(TCA.chain) ?? 0,
          allProtocols: (view.getUint32(TCMSG.info, true) & 0xffff) === PROTOCOL_ALL,
          name: kind === 'bpf' ? options?.string(TCA_BPF.name) : undefined,
          programId: kind === 'bpf' ? options?.u32(TCA_BPF.programId) : undefined,
        },
      ];
    });
}
