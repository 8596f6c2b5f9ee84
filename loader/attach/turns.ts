/**
 * A queue below an HTB class in which flows take turns by the segment, or by the packet without the tbf:
 *
 *     class  tbf  cuts GSO packets
 *              fq  a queue for each flow; where the kernel has none, all wait in one
 *
 * Uncut, a GSO packet is acknowledged as a whole: a round trip of CUBIC's slow start has too few acknowledgements for it to see
 * that the queue grows (hystart_update, net/ipv4/tcp_cubic.c), and ends where the queue does, with all of its tail dropped.
 */
import type { Change } from '../netlink/htb.ts';
import { findLink } from '../netlink/links.ts';
import { lacksFq, putFq } from '../netlink/qdiscs.ts';
import type { RouteSocket } from '../netlink/socket.ts';
import { belowTbf, putSegmentingTbf, type TbfQueue } from '../netlink/tbf.ts';
import { TURNS_HANDLE } from './classes.ts';

/** Ethernet's header, tags and a tunnel's headers, beyond the device's MTU. */
const HEADERS_BYTES = 256;
/** Of what is usual nothing is shorter than an empty datagram of UDP over IPv4, which veth doesn't pad. */
export const LEAST_PACKET_BYTES = 42n;
/** A few flows are heavy at a time; fewer buckets than the kernel's 1,024 are less to allocate. */
const BUCKETS_LOG = 6;

export interface Turns extends Omit<TbfQueue, 'handle'> {
  /** Where the kernel has fq, GSO packets are kept whole. */
  readonly keepsWhole: boolean;
}

/** What became of GSO packets; undefined where nothing was put: the kernel can't, or packets of the device's MTU would be dropped. */
export function putTurns(
  socket: RouteSocket,
  ifindex: number,
  { keepsWhole, ...queue }: Turns,
  change: Change,
): 'cut' | 'whole' | undefined {
  const { parent, limitBytes, wholeBytes } = queue;
  if (keepsWhole && putFlows(socket, ifindex, parent, limitBytes)) return 'whole';
  const mtu = findLink(socket, ifindex)?.mtu ?? 0;
  if (mtu + HEADERS_BYTES > wholeBytes) return undefined;
  if (!putSegmentingTbf(socket, ifindex, { ...queue, handle: TURNS_HANDLE }, change)) return undefined;
  putFlows(socket, ifindex, belowTbf(TURNS_HANDLE), limitBytes);
  return 'cut';
}

/** False where the kernel has no fq. */
function putFlows(socket: RouteSocket, ifindex: number, parent: number, limitBytes: bigint): boolean {
  const packets = Number(limitBytes / LEAST_PACKET_BYTES);
  const options = { limit: packets, flowLimit: packets, pacesSockets: false, bucketsLog: BUCKETS_LOG };
  try {
    putFq(socket, ifindex, { handle: 0, parent }, options);
    return true;
  } catch (error) {
    if (lacksFq(error)) return false;
    throw error;
  }
}
