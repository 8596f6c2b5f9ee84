/**
 * HTB as a device's root qdisc: two queues that share one rate, between which the program chooses packet by packet.
 *
 *     root  total   rate and ceiling C
 *             mice    its own rate, ceiling C, offered first what is left
 *             heavy   its own rate, ceiling C
 *
 * The two own rates add up to C, so the total holds whatever goes where. A class within its own rate sends at once,
 * however far the other has driven the total into debt.
 */
import { addRootHtb, type Change, listHtbClasses, putByteQueue, putHtbClass } from '../netlink/htb.ts';
import { HANDLE, qdiscOfClass } from '../netlink/qdiscs.ts';
import type { RouteSocket } from '../netlink/socket.ts';
import type { HtbAttachment, Journal, Target } from './attachment.ts';
import { HEAVY_CLASS, MOUSE_CLASS, ROOT_HANDLE, TOTAL_CLASS } from './classes.ts';
import { isAlive, referenceTo, withRoute } from './namespace.ts';
import { claimRoot, type OwnQdisc, releaseRoot } from './root-qdisc.ts';
import { putTurns } from './turns.ts';

const OWN: OwnQdisc = { kind: 'htb', handle: ROOT_HANDLE };
/** One GSO packet a turn. No two classes here share a priority, so it decides nothing. */
const QUANTUM_BYTES = 1 << 16;

export interface HtbQueue {
  readonly rateBytesPerSecond: bigint;
  /** Time at that rate which an idle queue may make up for. */
  readonly burstNanoseconds: bigint;
  /** Bytes that may wait. */
  readonly limitBytes: bigint;
  /** GSO packets beyond it are cut into their segments, with which flows take turns; where it is missing, all wait in one queue. */
  readonly wholeBytes?: number;
  /** Flows take turns by whole GSO packets where the kernel has fq; elsewhere they are cut all the same. */
  readonly keepsWhole?: boolean;
}

/** Its packets are never cut. */
export interface MiceQueue extends Omit<HtbQueue, 'wholeBytes' | 'keepsWhole'> {
  /** In place of the burst where the heavy packets are cut, which then overshoot by less. */
  readonly burstBesideCutNanoseconds: bigint;
}

export interface HtbOptions {
  /** C. */
  readonly rateBytesPerSecond: bigint;
  /** Time at C which an idle device may make up for. */
  readonly burstNanoseconds: bigint;
  readonly mice: MiceQueue;
  readonly heavy: HtbQueue;
}

export interface HtbRequest extends Target {
  readonly options: HtbOptions;
}

/**
 * Puts HTB in the place of the kernel's default qdisc. Refuses with EEXIST where someone chose another one. Nothing is
 * left when it throws.
 */
export function attachHtb(request: HtbRequest, journal: Journal = () => {}): HtbAttachment {
  const { ifindex, options } = request;
  const netns = referenceTo(request.netns);
  const attachment: HtbAttachment = { mode: 'htb', ifindex, ...(netns && { netns }) };
  return withRoute(request.netns, (socket) => {
    // HTB can't be changed in place: what a killed ADD left is made anew.
    if (claimRoot(socket, ifindex, OWN)) releaseRoot(socket, ifindex, OWN);
    journal(attachment);
    // What names no class, when the program is gone, waits with the heavy.
    addRootHtb(socket, ifindex, ROOT_HANDLE, HEAVY_CLASS);
    try {
      putClasses(socket, ifindex, options, 'add');
    } catch (error) {
      releaseRoot(socket, ifindex, OWN);
      throw error;
    }
    return attachment;
  });
}

/** Gives our classes other rates and room, with what waits in them. Throws ENOENT where they are not. */
export function changeHtb({ ifindex, netns, options }: HtbRequest): void {
  withRoute(netns, (socket) => putClasses(socket, ifindex, options, 'change'));
}

/** What our classes let pass, bytes a second; undefined where one of them is missing. */
export interface HtbRates {
  /** The rate and the ceiling of the total, and the ceilings of both below it: the cap, each of them. */
  readonly bounds: readonly bigint[];
  /** What those two have of their own, together: they send it whatever the total has left. */
  readonly own: bigint;
}

export function htbRates({ ifindex, netns }: Target): HtbRates | undefined {
  const classes = withRoute(netns, (socket) => listHtbClasses(socket, ifindex));
  const find = (id: number, parent: number) =>
    classes.find((each) => each.id === id && each.parent === parent);
  const total = find(TOTAL_CLASS, HANDLE.root);
  const [mice, heavy] = [find(MOUSE_CLASS, TOTAL_CLASS), find(HEAVY_CLASS, TOTAL_CLASS)];
  if (total === undefined || mice === undefined || heavy === undefined) return undefined;
  return {
    bounds: [total.rateBytesPerSecond, ...[total, mice, heavy].map((each) => each.ceilBytesPerSecond)],
    own: mice.rateBytesPerSecond + heavy.rateBytesPerSecond,
  };
}

/** What `putClasses` puts below a class. */
const QUEUES: readonly (string | undefined)[] = ['bfifo', 'tbf', 'fq'];

/** Whether both classes have a queue of ours: the kernel puts one of its own in the place of what somebody takes away. */
export const hasQueues = ({ ifindex, netns }: Target): boolean =>
  withRoute(netns, (socket) =>
    [MOUSE_CLASS, HEAVY_CLASS].every((id) => QUEUES.includes(qdiscOfClass(socket, ifindex, id)?.kind)),
  );

function putClasses(socket: RouteSocket, ifindex: number, options: HtbOptions, change: Change): void {
  const { rateBytesPerSecond, burstNanoseconds, mice, heavy } = options;
  const put = (
    id: number,
    parent: number,
    priority: number,
    queue: Pick<HtbQueue, 'rateBytesPerSecond' | 'burstNanoseconds'>,
  ): void =>
    putHtbClass(
      socket,
      ifindex,
      {
        id,
        parent,
        rateBytesPerSecond: queue.rateBytesPerSecond,
        ceilBytesPerSecond: rateBytesPerSecond,
        burstNanoseconds: queue.burstNanoseconds,
        // At the ceiling, which is no lower than the rate, this holds the bytes of the burst and so is no limit to it.
        ceilBurstNanoseconds: queue.burstNanoseconds,
        priority,
        quantumBytes: QUANTUM_BYTES,
      },
      change,
    );
  put(TOTAL_CLASS, HANDLE.root, 0, { rateBytesPerSecond, burstNanoseconds });
  put(HEAVY_CLASS, TOTAL_CLASS, 1, heavy);
  const { limitBytes, wholeBytes, keepsWhole = false } = heavy;
  const turns =
    wholeBytes === undefined
      ? undefined
      : putTurns(socket, ifindex, { parent: HEAVY_CLASS, limitBytes, wholeBytes, keepsWhole }, change);
  if (turns === undefined) putByteQueue(socket, ifindex, HEAVY_CLASS, limitBytes, change);
  const burst = turns === 'cut' ? mice.burstBesideCutNanoseconds : mice.burstNanoseconds;
  put(MOUSE_CLASS, TOTAL_CLASS, 0, { ...mice, burstNanoseconds: burst });
  putByteQueue(socket, ifindex, MOUSE_CLASS, mice.limitBytes, change);
}

/** Removes our HTB with its classes. False where there is none of ours. */
export function detachHtb(attachment: HtbAttachment): boolean {
  if (!isAlive(attachment.netns)) return false;
  return withRoute(attachment.netns?.path, (socket) => releaseRoot(socket, attachment.ifindex, OWN));
}
