/**
 * Changes a limit in force without a packet in between that meets none: a link update, or a filter's replacement, and
 * the queue's parameters in place, or a new queue where its buckets owe too much. The new program goes on with the old one's
 * state and counters where both lay them out in the same way. What is in force is asked of the kernel wherever that matters: the
 * record of a change that was killed says what was to be.
 */
import {
  attachedProgram,
  finishMove,
  isSameProgram,
  type LoadOptions,
  movePins,
  type OpenedPins,
  openPins,
  type PinPlace,
  pinAll,
  pinnedProgram,
  readVariable,
  removePins,
  replaceProgram,
  type StructValue,
} from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { isSameJson } from '../config/json.ts';
import { describe } from '../errors.ts';
import type { Node } from '../node.ts';
import { dataplaneSettings } from '../settings.ts';
import { attachmentKey } from '../state/key.ts';
import type { DirectionRecord } from '../state/records.ts';
import { changeQueue } from './change-queue.ts';
import { inherit, isRaised, MEMORY } from './debt.ts';
import { fillExclusions } from './exclusions.ts';
import { faultsOf } from './inspect.ts';
import { agreed, heirloom, meansTheSame } from './layouts.ts';
import { attachesProgram, type Ledger, type ProgramAttachment } from './ledger.ts';
import { loadDataplane, type Source } from './load.ts';
import { isSame } from './renew.ts';
import { randomSeed } from './seed.ts';
import { programName } from './site.ts';

/**
 * Puts `next`, which sits where the direction's record has it, in the place of what is in force. The record has it before
 * the kernel does, so that a process that dies in between leaves a limit in force and a record by which CHECK sees that it is
 * the former one. What fails before the exchange is undone. Gives false, and changes nothing, where what is in force is `next`
 * with this release's program already.
 */
export function swap(direction: Direction, next: DirectionRecord, ledger: Ledger, node: Node): boolean {
  const { record } = ledger;
  const former = record.directions[direction];
  const attachment = next.made.find(attachesProgram);
  const place = { root: node.pinDirectory, key: attachmentKey(record), label: direction };
  const staging = { ...place, label: `${direction}-next` };
  if (former === undefined || attachment === undefined)
    throw new Error(`change the ${direction} limit of ${place.key}: none is in force`);
  settle(staging, place, attachment);
  const pins = openPins(place);
  if (pins === undefined) throw new Error(`change the ${direction} limit of ${place.key}: it has no pins`);
  try {
    const options = (source: Source): LoadOptions => successorOf(direction, former, next, pins, source);
    const program = loadDataplane(direction, options, node);
    const { layouts } = program;
    const { programFd } = pins;
    let mayBeExchanged = false;
    try {
      const isInForce =
        programFd !== undefined &&
        isSame(next, former) &&
        isSameJson(layouts, former.layouts) &&
        isSameProgram({ ...pins, fd: programFd }, program) &&
        faultsOf(direction, record, former, node).length === 0;
      if (isInForce) return false;
      fillExclusions(program, next);
      pinAll(program, staging, attachment);
      // Whichever of the two is pinned if this process dies is laid out so.
      ledger.plan(direction, { ...next, layouts: agreed(former.layouts, layouts) });
      changeQueue(next);
      const memory = heirloom(pins, former.layouts, layouts).get(MEMORY);
      if (memory !== undefined && memory !== program.sections[MEMORY]) {
        const settings = settingsInForce(direction, former, pins, program);
        inherit({ memory, settings }, program, dataplaneSettings(next, direction));
      }
      mayBeExchanged = true;
      replaceProgram(attachment, program.fd);
    } catch (error) {
      restore(direction, former, ledger, node, () => {
        // The kernel may have done that of which the answer could not be read.
        if (mayBeExchanged && programFd !== undefined) replaceProgram(attachment, programFd);
      });
      throw error;
    } finally {
      program.close();
    }
    movePins(staging, place);
    ledger.amend(direction, { layouts });
    return true;
  } finally {
    pins.close();
  }
}

/**
 * Ends a change that was killed: pins of the program that is attached take their place, so that what is pinned is what is in
 * force, and others go.
 */
function settle(staging: PinPlace, place: PinPlace, attachment: ProgramAttachment): void {
  const staged = pinnedProgram(staging);
  if (staged !== undefined && staged === attachedProgram(attachment)) finishMove(staging, place);
  else removePins(place.root, place.key, staging.label);
}

/** The first error is the one to report; what can't be restored is what CHECK finds. */
function restore(
  direction: Direction,
  former: DirectionRecord,
  ledger: Ledger,
  node: Node,
  putBack: () => void,
): void {
  const key = attachmentKey(ledger.record);
  const steps = [
    putBack,
    () => changeQueue(former),
    () => removePins(node.pinDirectory, key, `${direction}-next`),
    () => ledger.plan(direction, former),
  ];
  for (const step of steps)
    try {
      step();
    } catch (error) {
      node.log(`${key}: ${direction}: restore the former limit: ${describe(error)}`);
    }
}

/** What the program in force was made with; where another release gave that another meaning, what this one would make it with. */
function settingsInForce(
  direction: Direction,
  former: DirectionRecord,
  pins: OpenedPins,
  { image, layouts }: Source,
): StructValue {
  const section = image.sections.find(({ name }) => name === '.rodata');
  const map = section && meansTheSame(former.layouts, layouts) ? pins.sections[section.name] : undefined;
  const contents = map?.lookup(new Uint8Array(map.keySize));
  return section && contents
    ? readVariable(section, 'config', contents)
    : dataplaneSettings(former, direction);
}

function successorOf(
  direction: Direction,
  former: DirectionRecord,
  next: DirectionRecord,
  pins: OpenedPins,
  source: Source,
): LoadOptions {
  const inForce = settingsInForce(direction, former, pins, source);
  const settings = dataplaneSettings(next, direction);
  const reuse = heirloom(pins, former.layouts, source.layouts);
  if (isRaised(inForce, settings)) reuse.delete(MEMORY);
  // The sketch's cells are the flows' under the old seed.
  const seed = typeof inForce.seed === 'bigint' ? inForce.seed : randomSeed();
  return { name: programName(direction), settings: { config: { ...settings, seed } }, reuse };
}
