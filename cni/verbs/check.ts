/** CHECK (CNI 0.4.0): whether the limits of the configuration are in force. Fails with all that is missing. */
import { DIRECTIONS, type Limits } from '../config/bandwidth.ts';
import type { Attachment } from '../config/environment.ts';
import { requireForeignNetns } from '../config/netns.ts';
import { parseRequest } from '../config/request.ts';
import { type Devices, findDevices } from '../dataplane/devices.ts';
import { faultsOf } from '../dataplane/inspect.ts';
import { CniError, ERROR_CODES } from '../errors.ts';
import type { Limit } from '../limit.ts';
import type { Node } from '../node.ts';
import { attachmentKey } from '../state/key.ts';
import { withLock } from '../state/lock.ts';
import { type AttachmentRecord, type DirectionRecord, failureOf, readRecord } from '../state/records.ts';
import type { Call } from './add.ts';

/** Throws code 102 where a limit is missing, differs, or is in force though the configuration has none. */
export function check({ attachment, configuration, variables, node }: Call): void {
  const { limits } = parseRequest(configuration.object, variables);
  requireForeignNetns(attachment.netns);
  const devices = findDevices(attachment);
  // An ADD that is at work would look like one that died.
  const faults = withLock(attachmentKey(attachment), node, () =>
    faultsNow(limits, devices, attachment, node),
  );
  if (faults.length > 0)
    throw new CniError(ERROR_CODES.checkFailed, 'the limits are not in force', faults.join('; '));
}

function faultsNow(limits: Limits, devices: Devices, attachment: Attachment, node: Node): string[] {
  const record = readRecord(node.stateDirectory, attachment);
  const faults = DIRECTIONS.flatMap((direction) => {
    const limit = limits[direction];
    const plan = record?.directions[direction];
    const found =
      record && plan
        ? [...differences(limit, plan, devices), ...faultsOf(direction, record, plan, node)]
        : absence(limit, record);
    return found.map((fault) => `${direction}: ${fault}`);
  });
  if (record?.phase === 'failed') faults.push(failureOf(record));
  if (record?.phase === 'attaching') faults.push('the last ADD did not come to its end');
  return faults;
}

function absence(limit: Limit | undefined, record: AttachmentRecord | undefined): string[] {
  if (limit === undefined) return [];
  const what =
    record === undefined
      ? 'there is no record of an ADD'
      : record.phase === 'failed'
        ? 'no limit is in force'
        : 'the last ADD had no limit';
  return [`${what}, but the configuration asks for ${limit.rateBitsPerSecond} bits/s`];
}

/** Of a limit, beside rate and burst. */
const OPTIONS = [
  'packetsPerSecond',
  'miceSharePercent',
  'heavyThresholdBits',
  'ecn',
  'excludedSubnets',
  'shapedSubnets',
] as const satisfies readonly (keyof Limit)[];

const told = (value: Limit[(typeof OPTIONS)[number]]): string => JSON.stringify(value) ?? "natra's choice";

function differences(limit: Limit | undefined, plan: DirectionRecord, devices: Devices): string[] {
  const { rateBitsPerSecond, burstBits } = plan;
  const device = plan.side === 'pod' ? devices.pod : devices.host;
  const differs = (name: string, inForce: unknown, wanted: unknown): string[] =>
    inForce === wanted ? [] : [`${name} in force is ${inForce}, the configuration asks for ${wanted}`];
  return [
    ...(limit === undefined
      ? [`a limit of ${rateBitsPerSecond} bits/s is in force, the configuration asks for none`]
      : [
          ...differs('the rate in bits/s', rateBitsPerSecond, limit.rateBitsPerSecond),
          ...differs('the burst in bits', told(burstBits), told(limit.burstBits)),
          ...OPTIONS.flatMap((name) => differs(name, told(plan[name]), told(limit[name]))),
        ]),
    ...(device?.ifindex === plan.ifindex ? [] : [`the device ${plan.device} is gone or another one now`]),
  ];
}
