/**
 * ADD: puts a Pod's limits into force and prints the result of the plugin before it, unchanged. A repeated ADD
 * changes what it finds in force to what is asked now, without a gap. One that fails leaves the limits of the one before,
 * unless it has taken one of them off its place; then it leaves nothing, like a first one. Under the failure policy "open" it
 * leaves a record of the failure, and the Pod starts without its limits.
 */
import { together, type Work } from '../../loader/index.ts';
import { DIRECTIONS, type Direction, type Limits } from '../config/bandwidth.ts';
import { type Attachment, parsePodIdentity, type Variables } from '../config/environment.ts';
import { requireForeignNetns } from '../config/netns.ts';
import { type NetworkConfiguration, requirePrevResult } from '../config/network.ts';
import { parseRequest } from '../config/request.ts';
import { findDevices } from '../dataplane/devices.ts';
import { faultsOf } from '../dataplane/inspect.ts';
import { install } from '../dataplane/install.ts';
import { Ledger } from '../dataplane/ledger.ts';
import { placements } from '../dataplane/placement.ts';
import { readRecordOrLog, release, releaseRecorded, releaseSigned, withdraw } from '../dataplane/release.ts';
import { isInForce, isSame, renewed } from '../dataplane/renew.ts';
import { revert } from '../dataplane/revert.ts';
import type { Site } from '../dataplane/site.ts';
import { swap } from '../dataplane/swap.ts';
import { CniError, describe } from '../errors.ts';
import type { Limit } from '../limit.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { lock } from '../state/lock.ts';
import {
  type AttachmentRecord,
  type DirectionRecord,
  fateOf,
  hasRecord,
  newRecord,
  readRecord,
  writeRecord,
} from '../state/records.ts';

export interface Call {
  readonly attachment: Attachment;
  readonly configuration: NetworkConfiguration;
  readonly variables: Variables;
  readonly node: Node;
}

/** The result to print. */
export function* add(call: Call): Work<string> {
  const { attachment, configuration, variables, node } = call;
  const prevResult = requirePrevResult(configuration);
  const { limits, options, notes } = parseRequest(configuration.object, variables);
  for (const note of notes) node.log(`ADD ${attachmentKey(attachment)}: ${note}`);
  const isLimited = limitedDirections(limits).length > 0;
  if (isLimited) requireForeignNetns(attachment.netns);
  else if (!hasRecord(node.stateDirectory, attachment)) return prevResult;
  const unlock = lock(attachmentKey(attachment), node);
  try {
    if (!isLimited) {
      if (!releaseRecorded(attachment, node)) releaseSigned(attachment, node);
    } else {
      const devices = findDevices(attachment);
      yield* putIntoForce(limits, call, { node, attachment, options, devices, lacking: new Map() });
    }
  } catch (error) {
    if (!isLimited || options.failurePolicy === 'closed' || error instanceof CniError) throw error;
    goOnWithout(limits, call, error);
  } finally {
    unlock();
  }
  return prevResult;
}

/**
 * Puts on record that the Pod has not the limits asked for, and why. A call that can't be right (a `CniError`) never gets here. What
 * could not be released stays on the same record for DEL and GC.
 */
function goOnWithout(wanted: Limits, call: Call, thrown: unknown): void {
  const { attachment, node } = call;
  const error = describe(thrown);
  try {
    const left = readRecord(node.stateDirectory, attachment) ?? recordOf(call);
    const failure = { at: new Date().toISOString(), error, wanted, goesOn: inForce(left, node) };
    node.log(`ADD ${attachmentKey(attachment)}: ${fateOf(failure)} (failurePolicy "open"): ${error}`);
    writeRecord(node.stateDirectory, { ...left, phase: 'failed', failure });
  } catch (unwritten) {
    node.log(`ADD ${attachmentKey(attachment)}: ${error}; record the failure: ${describe(unwritten)}`);
  }
}

/** The directions on record whose limit is there. */
const inForce = (record: AttachmentRecord, node: Node): Direction[] =>
  DIRECTIONS.filter((direction) => {
    const plan = record.directions[direction];
    return plan !== undefined && isInForce(direction, record, plan, node);
  });

function recordOf({ attachment, configuration, variables }: Call): AttachmentRecord {
  return newRecord({ ...attachment, network: configuration.name, pod: parsePodIdentity(variables) });
}

/**
 * A limit that is in force at a place where it may be goes on there, changed without a gap where it has to be. Then all
 * else is taken away and made anew.
 */
function* putIntoForce(limits: Limits, call: Call, site: Site): Work<void> {
  const { attachment, node } = call;
  // What is not possible is refused before anything is touched.
  const wishes = limitedDirections(limits).map(([direction, limit]) => ({
    direction,
    limit,
    candidates: placements(direction, limit, site.options, site.devices.host !== undefined),
  }));
  const former = recordOrPins(attachment, node);
  const plan = wishes.map((wish) => ({
    ...wish,
    next: former && renewed(wish.direction, wish.limit, wish.candidates, former, site),
  }));
  const ledger = new Ledger(node.stateDirectory, { ...recordOf(call), directions: former?.directions ?? {} });
  let isAllThere = true;
  try {
    for (const { direction, next } of plan)
      if (next !== undefined) renew(direction, next, former, ledger, node);
    const isFirst = Object.keys(ledger.record.directions).length === 0;
    const installs: Work<void>[] = [];
    for (const direction of DIRECTIONS) {
      const wish = plan.find((each) => each.direction === direction);
      if (wish?.next !== undefined) continue;
      if (ledger.record.directions[direction] !== undefined) {
        isAllThere = false;
        withdraw(direction, ledger, node);
      }
      if (wish === undefined) continue;
      const installing = install(direction, wish.limit, wish.candidates, site, ledger);
      // A former limit is taken away only once the direction before has come into force.
      if (isFirst) installs.push(installing);
      else yield* installing;
    }
    yield* together(installs);
    ledger.complete();
  } catch (error) {
    const goesOn = isAllThere && former !== undefined && revert(former, ledger, node);
    if (!goesOn) giveUp(ledger, node);
    throw error;
  }
}

/** The record of what is in force; where none can be read, nothing is left in force. */
function recordOrPins(attachment: Attachment, node: Node): AttachmentRecord | undefined {
  const record = readRecordOrLog(attachment, node);
  if (record === undefined) releaseSigned(attachment, node);
  return record;
}

/** Changes what an ADD that came to its end left in force only where it differs. */
function renew(
  direction: Direction,
  next: DirectionRecord,
  former: AttachmentRecord | undefined,
  ledger: Ledger,
  node: Node,
): void {
  const key = attachmentKey(ledger.record);
  const plan = former?.directions[direction];
  const isComplete = former?.phase === 'attached' && plan !== undefined && isSame(next, plan);
  if (isComplete && faultsOf(direction, former, plan, node).length === 0) {
    node.log(`ADD ${key}: ${direction} ${next.rateBitsPerSecond} bits/s: in force already`);
    return;
  }
  const isChanged = swap(direction, next, ledger, node);
  const what = isChanged ? 'changed where it is' : 'in force already';
  node.log(`ADD ${key}: ${direction} ${next.rateBitsPerSecond} bits/s: ${what}`);
}

/** The first error is the one to report; what can't be released now stays on record for DEL and GC. */
function giveUp(ledger: Ledger, node: Node): void {
  try {
    release(ledger.record, node);
  } catch (error) {
    node.log(`ADD ${attachmentKey(ledger.record)}: release after a failure: ${describe(error)}`);
  }
}

function limitedDirections(limits: Limits): (readonly [Direction, Limit])[] {
  return DIRECTIONS.flatMap((direction) => {
    const limit = limits[direction];
    return limit === undefined ? [] : [[direction, limit] as const];
  });
}
