/** Every limited Pod of the node: its records, and what the kernel says of each. */
import { setTimeout as pause } from 'node:timers/promises';
import { isErrno, listPins } from '../../loader/index.ts';
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import { earlierOthers } from '../dataplane/earlier.ts';
import { faultsOf } from '../dataplane/inspect.ts';
import { describe } from '../errors.ts';
import type { Pacing } from '../limit.ts';
import type { Node } from '../node.ts';
import { burstBytes } from '../settings.ts';
import { attachmentKey } from '../state/key.ts';
import { untilFree } from '../state/lock.ts';
import {
  type AttachmentRecord,
  type DirectionRecord,
  type Failure,
  isRecorded,
  listRecords,
  readRecord,
  type Side,
} from '../state/records.ts';
import { type DelayCount, delayCounts } from './delays.ts';
import { type Flow, flowsBetween } from './flows.ts';
import { type Reading, rateBetween, read, type Verdicts } from './reading.ts';
import type { SketchLoad } from './sketch.ts';

/** One limited direction of one interface of one Pod. */
export interface LimitStatus {
  /** Empty where the runtime named no Pod. */
  readonly namespace: string;
  readonly pod: string;
  readonly containerId: string;
  readonly interface: string;
  readonly direction: Direction;
  /** `none` where an ADD died before it attached. */
  readonly attachMode: 'tcx' | 'clsact' | 'none';
  readonly side: Side;
  readonly device: string;
  readonly hook: Direction;
  readonly pacing: Pacing;
  /** Why it is paced so. */
  readonly reason: string;
  readonly capBitsPerSecond: number;
  /** Most that passes above the cap over any interval. */
  readonly burstBytes: number;
  /** Wire bits a second now; undefined where no counters are to be read. */
  readonly rateBitsPerSecond: number | undefined;
  readonly verdicts: Verdicts | undefined;
  readonly sketch: SketchLoad | undefined;
  /** How long packets had to wait; empty where nothing makes them wait. */
  readonly delays: readonly DelayCount[];
  /** The flows that were heavy during the two readings, the heaviest first. */
  readonly flows: readonly Flow[];
  /** What is not as the record says; empty where the limit is in force. */
  readonly faults: readonly string[];
  /**
   * Programs and filters of others that packets meet at the hook before natra's, in that order and in words: of what they decide for
   * good there is no limit, though nothing is missing. Undefined where it can't be told.
   */
  readonly earlier: readonly string[] | undefined;
  /** Why it can't be told whether all is as the record says: whoever asks may not look. */
  readonly unseen?: string;
}

/** An interface whose Pod has not the limits that were asked for (failurePolicy "open"). */
export interface UnlimitedStatus extends Failure {
  readonly namespace: string;
  readonly pod: string;
  readonly containerId: string;
  readonly interface: string;
}

export interface NodeStatus {
  readonly limits: readonly LimitStatus[];
  readonly unlimited: readonly UnlimitedStatus[];
  /** What is on the node without belonging to a Pod that natra knows, in words. */
  readonly notes: readonly string[];
}

interface Known {
  readonly record: AttachmentRecord;
  readonly direction: Direction;
  readonly plan: DirectionRecord;
}

/** Reads all counters twice, `milliseconds` apart. Rejects with an AbortError where `signal` ends that time. */
export async function statusOf(node: Node, milliseconds: number, signal?: AbortSignal): Promise<NodeStatus> {
  const notes: string[] = [];
  const records = listRecords(node.stateDirectory, (error) => notes.push(describe(error)));
  const known = records.flatMap((record) =>
    DIRECTIONS.flatMap((direction): Known[] => {
      const plan = record.directions[direction];
      return plan === undefined ? [] : [{ record, direction, plan }];
    }),
  );
  const first = known.map((each) => readKnown(each, node));
  if (known.length > 0) await pause(milliseconds, undefined, signal && { signal });
  const limits = known.flatMap((each, index) => limitNow(each, first[index], node));
  for (const { key } of listPins(node.pinDirectory))
    if (!isRecorded(node.stateDirectory, key))
      notes.push(
        `${node.pinDirectory}/${key} is pinned without a record; the DEL of its container removes it, no GC does`,
      );
  return { limits, unlimited: records.flatMap(unlimitedStatus), notes };
}

function unlimitedStatus({ pod, containerId, ifname, failure }: AttachmentRecord): UnlimitedStatus[] {
  if (failure === undefined) return [];
  return [
    { namespace: pod.namespace ?? '', pod: pod.name ?? '', containerId, interface: ifname, ...failure },
  ];
}

function readKnown({ record, direction, plan }: Known, node: Node): Reading | undefined {
  const place = { root: node.pinDirectory, key: attachmentKey(record), label: direction };
  return read(place, direction, plan, node);
}

/**
 * What is missing of a limit may be so since another call is at work on it: then what is told is how that has left it, and nothing where
 * the Pod has ended.
 */
function limitNow(known: Known, first: Reading | undefined, node: Node): LimitStatus[] {
  const status = limitStatus(known, first, readKnown(known, node), node);
  if (status.faults.length === 0) return [status];
  untilFree(attachmentKey(known.record), node);
  const record = readAgain(known.record, node);
  const plan = record?.directions[known.direction];
  if (record === undefined || plan === undefined) return [];
  const now = { ...known, record, plan };
  return [limitStatus(now, first, readKnown(now, node), node)];
}

/** Undefined where it is gone; one that can't be read any more is as it was. */
function readAgain(record: AttachmentRecord, node: Node): AttachmentRecord | undefined {
  try {
    return readRecord(node.stateDirectory, record);
  } catch {
    return record;
  }
}

function limitStatus(
  { record, direction, plan }: Known,
  first: Reading | undefined,
  second: Reading | undefined,
  node: Node,
): LimitStatus {
  const program = plan.made.find(({ mode }) => mode === 'tcx' || mode === 'clsact');
  return {
    namespace: record.pod.namespace ?? '',
    pod: record.pod.name ?? '',
    containerId: record.containerId,
    interface: record.ifname,
    direction,
    attachMode: program?.mode === 'tcx' || program?.mode === 'clsact' ? program.mode : 'none',
    side: plan.side,
    device: plan.device,
    hook: plan.hook,
    pacing: plan.pacing,
    reason: plan.reason,
    capBitsPerSecond: plan.rateBitsPerSecond,
    burstBytes: burstBytes(plan),
    rateBitsPerSecond: first && second && rateBetween(first, second),
    verdicts: second?.verdicts,
    sketch: second?.sketch,
    delays: second === undefined ? [] : delayCounts(second.delays),
    flows: first && second ? flowsBetween(first, second, plan) : [],
    ...inspected(record, direction, plan, node),
  };
}

function inspected(
  record: AttachmentRecord,
  direction: Direction,
  plan: DirectionRecord,
  node: Node,
): Pick<LimitStatus, 'faults' | 'earlier' | 'unseen'> {
  const faults = record.phase === 'attaching' ? ['the last ADD did not come to its end'] : [];
  try {
    faults.push(...faultsOf(direction, record, plan, node));
    return { faults, earlier: earlierOrUnknown(plan) };
  } catch (error) {
    if (isErrno(error, 'EPERM', 'EACCES')) return { faults, earlier: undefined, unseen: describe(error) };
    // A Pod that ends meanwhile takes its namespace along.
    return { faults: [...faults, describe(error)], earlier: undefined };
  }
}

/** Whoever may read natra's own pins need not be one who may ask for what others have. */
function earlierOrUnknown(plan: DirectionRecord): string[] | undefined {
  try {
    return earlierOthers(plan);
  } catch (error) {
    if (isErrno(error, 'EPERM', 'EACCES')) return undefined;
    throw error;
  }
}
