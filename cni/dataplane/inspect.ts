/** Whether what a record names is still in force. */
import {
  attachedProgram,
  type HtbRates,
  hasQueues,
  htbRates,
  inOptionalNetns,
  isNatras,
  type Attachment as KernelAttachment,
  linkInfo,
  type OpenedPins,
  openPins,
  programInfo,
  readVariable,
  rootQdisc,
  targetOf,
  tcxAttachType,
} from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { bytesPerSecondOf } from '../limit.ts';
import type { Node } from '../node.ts';
import { dataplaneSettings } from '../settings.ts';
import { attachmentKey } from '../state/key.ts';
import type { AttachmentRecord, DirectionRecord } from '../state/records.ts';
import { withRouteSocket } from './devices.ts';
import { meansTheSame } from './layouts.ts';
import { sourceOf } from './load.ts';

/** What is missing or different, in words; empty where the direction is as its record says. */
export function faultsOf(
  direction: Direction,
  record: AttachmentRecord,
  plan: DirectionRecord,
  node: Node,
): string[] {
  const place = { root: node.pinDirectory, key: attachmentKey(record), label: direction };
  const pins = openPins(place);
  if (pins === undefined) return [`the pins ${place.root}/${place.key}/${place.label} are missing`];
  try {
    return [
      ...pinFaults(plan, pins),
      ...plan.made.flatMap((made) => faultOf(made, pins, bytesPerSecondOf(plan))),
      ...settingsFaults(direction, plan, pins, node),
    ];
  } finally {
    pins.close();
  }
}

/** What the limit is read by, and goes on with in another release. A map that only waiting needs isn't pinned where nothing waits. */
function pinFaults({ layouts = {} }: DirectionRecord, { programFd, maps, sections }: OpenedPins): string[] {
  const isLost = (name: string, pin: unknown): boolean => layouts[name] !== undefined && pin === undefined;
  return [
    ...(programFd === undefined ? ["the program's pin is missing"] : []),
    ...(isLost('counters', maps.counters) ? ["the counters' pin is missing"] : []),
    ...(isLost('.bss', sections['.bss']) ? ["the state's pin is missing"] : []),
  ];
}

/** Which of the attachments on record are gone or elsewhere, whatever program and rate they have. */
export function attachmentFaults(plan: DirectionRecord, pins: OpenedPins): string[] {
  return plan.made.flatMap((made) => faultOf(made, pins));
}

/** With `cap`, bytes a second, also whether the pinned program is attached, and the classes hold that. */
function faultOf(made: KernelAttachment, pins: OpenedPins, cap?: bigint): string[] {
  const where = `ifindex ${made.ifindex}${made.netns === undefined ? '' : ` in ${made.netns.path}`}`;
  switch (made.mode) {
    case 'tcx': {
      if (pins.linkFd === undefined) return [`the tcx link's pin ${made.pinPath} is missing`];
      const { ifindex, attachType, programId } = linkInfo(pins.linkFd);
      const attached = ifindex === made.ifindex && attachType === tcxAttachType(made.direction);
      if (!attached) return [`the tcx link is no longer attached to ${where} ${made.direction}`];
      return cap === undefined ? [] : programFaults(programId, pins);
    }
    case 'clsact': {
      const programId = attachedProgram(made);
      if (programId === undefined)
        return [`the filter ${made.name} is missing at ${where} ${made.direction}`];
      return cap === undefined ? [] : programFaults(programId, pins);
    }
    default: {
      const root = inNetnsOf(made, () => withRouteSocket((socket) => rootQdisc(socket, made.ifindex)));
      if (root === undefined || root.kind !== made.mode || !isNatras(root))
        return [`the ${made.mode} qdisc is missing at ${where}`];
      if (made.mode === 'fq') return [];
      const rates = htbRates(targetOf(made));
      if (rates === undefined) return [`an htb class is missing at ${where}`];
      if (cap === undefined) return [];
      const other = classFaults(rates, cap);
      return hasQueues(targetOf(made))
        ? other
        : [...other, `the queue of an htb class is missing at ${where}`];
    }
  }
}

/** Whether the attached program is the pinned one. */
function programFaults(attached: number, { programFd }: OpenedPins): string[] {
  const pinned = programFd === undefined ? attached : programInfo(programFd).id;
  return attached === pinned ? [] : [`the attached program is ${attached}, not ${pinned}, which is pinned`];
}

/** Whether the classes hold the cap. How they share it is their own release's business. */
function classFaults({ bounds, own }: HtbRates, cap: bigint): string[] {
  const other = [...bounds, own].find((rate) => rate !== cap);
  return other === undefined ? [] : [`the htb classes let ${other} bytes/s pass instead of ${cap}`];
}

const inNetnsOf = <T>(made: KernelAttachment, body: () => T): T => inOptionalNetns(made.netns?.path, body);

/**
 * Compares the frozen settings of the running program with those the record's limit asks for. What another release meant by
 * them is not known here: its program limits the Pod as well until `natra upgrade`.
 */
function settingsFaults(direction: Direction, plan: DirectionRecord, pins: OpenedPins, node: Node): string[] {
  const { image, layouts } = sourceOf(node);
  const section = image.sections.find(({ name }) => name === '.rodata');
  if (section === undefined) throw new Error(`check ${direction}: its object has no settings`);
  const map = pins.sections[section.name];
  if (map === undefined) return ["the settings' pin is missing"];
  if (!meansTheSame(plan.layouts, layouts)) return [];
  const contents = map.lookup(new Uint8Array(map.keySize)) ?? new Uint8Array(section.size);
  const inForce = readVariable(section, 'config', contents);
  return Object.entries(dataplaneSettings(plan, direction))
    .filter(([name, value]) => BigInt(value) !== inForce[name] && Number(value) !== inForce[name])
    .map(([name, value]) => `the setting ${name} is ${inForce[name]} instead of ${value}`);
}
