/**
 * ADD: puts a Pod's limits into force and prints the result of the plugin before it, unchanged. A repeated ADD
 * replaces the first; a failing one leaves nothing. Under the failure policy "open" it leaves a record of the failure,
 * and the Pod starts without its limits.
 */
import { DIRECTIONS, type Direction, type Limits } from '../config/bandwidth.ts';
import { type Attachment, parsePodIdentity, type Variables } from '../config/environment.ts';
import { requireForeignNetns } from '../config/netns.ts';
import { type NetworkConfiguration, requirePrevResult } from '../config/network.ts';
import { parseRequest } from '../config/request.ts';
import { findDevices } from '../dataplane/devices.ts';
import { install } from '../dataplane/install.ts';
import { Ledger } from '../dataplane/ledger.ts';
import { placements } from '../dataplane/placement.ts';
import { release, releasePinned, releaseRecorded } from '../dataplane/release.ts';
import type { Site } from '../dataplane/site.ts';
import { CniError, describe } from '../errors.ts';
import type { Limit } from '../limit.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { type AttachmentRecord, newRecord, readRecord, writeRecord } from '../state/records.ts';

export interface Call {
  readonly attachment: Attachment;
  readonly configuration: NetworkConfiguration;
  readonly variables: Variables;
  readonly node: Node;
}

/** The result to print. */
export function add(call: Call): string {
  const { attachment, configuration, variables, node } = call;
  const prevResult = requirePrevResult(configuration);
  const { limits, options, notes } = parseRequest(configuration.object, variables);
  for (const note of notes) node.log(`ADD ${attachmentKey(attachment)}: ${note}`);
  const wanted = limitedDirections(limits);
  if (wanted.length > 0) {
    requireForeignNetns(attachment.netns);
    try {
      const devices = findDevices(attachment);
      putIntoForce(wanted, call, { node, attachment, options, devices });
    } catch (error) {
      if (options.failurePolicy === 'closed' || error instanceof CniError) throw error;
      goOnWithout(limits, call, error);
    }
  } else releaseRecorded(attachment, node);
  return prevResult;
}

/**
 * Puts on record that the Pod has no limits, and why. A call that can't be right (a `CniError`) never gets here. What
 * could not be released stays on the same record for DEL and GC.
 */
function goOnWithout(wanted: Limits, call: Call, thrown: unknown): void {
  const { attachment, node } = call;
  const error = describe(thrown);
  node.log(
    `ADD ${attachmentKey(attachment)}: the Pod starts WITHOUT its limits (failurePolicy "open"): ${error}`,
  );
  try {
    const left = readRecord(node.stateDirectory, attachment) ?? recordOf(call);
    const failure = { at: new Date().toISOString(), error, wanted };
    writeRecord(node.stateDirectory, { ...left, phase: 'failed', failure });
  } catch (unwritten) {
    node.log(`ADD ${attachmentKey(attachment)}: record the failure: ${describe(unwritten)}`);
  }
}

function recordOf({ attachment, configuration, variables }: Call): AttachmentRecord {
  return newRecord({ ...attachment, network: configuration.name, pod: parsePodIdentity(variables) });
}

function putIntoForce(wanted: readonly (readonly [Direction, Limit])[], call: Call, site: Site): void {
  const { attachment, node } = call;
  const plan = wanted.map(([direction, limit]) => ({
    direction,
    limit,
    candidates: placements(direction, site.options, site.devices.host !== undefined),
  }));
  if (!releaseRecorded(attachment, node)) releasePinned(attachment, node);
  const ledger = new Ledger(node.stateDirectory, recordOf(call));
  try {
    for (const { direction, limit, candidates } of plan) install(direction, limit, candidates, site, ledger);
    ledger.complete();
  } catch (error) {
    giveUp(ledger, node);
    throw error;
  }
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
