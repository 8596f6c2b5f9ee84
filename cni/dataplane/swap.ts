/**
 * Changes a limit in force without a packet in between that meets none: a link update, or a filter's replacement, and
 * the queue's parameters in place, or a new queue where its buckets owe too much. The new program goes on with the old one's
 * state and counters where both lay them out in the same way.
 */
import {
  attachFq,
  attachHtb,
  changeHtb,
  htbRates,
  isSameProgram,
  type LoadOptions,
  movePins,
  type OpenedPins,
  openPins,
  pinAll,
  readVariable,
  removePins,
  replaceProgram,
  targetOf,
} from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { isSameJson } from '../config/json.ts';
import { describe } from '../errors.ts';
import { timeOf } from '../limit.ts';
import type { Node } from '../node.ts';
import { GSO_PACKET_BYTES } from '../queue.ts';
import { dataplaneSettings } from '../settings.ts';
import { attachmentKey } from '../state/key.ts';
import type { DirectionRecord } from '../state/records.ts';
import { convertDebt } from './debt.ts';
import { fillExclusions } from './exclusions.ts';
import { fqOptions } from './fq.ts';
import { htbOptions } from './htb.ts';
import { faultsOf } from './inspect.ts';
import { heirloom } from './layouts.ts';
import { attachesProgram, type Ledger } from './ledger.ts';
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
  // What one that was killed left.
  removePins(place.root, place.key, staging.label);
  const pins = openPins(place);
  if (pins === undefined || former === undefined || attachment === undefined)
    throw new Error(`change the ${direction} limit of ${place.key}: none is in force`);
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
      ledger.plan(direction, next);
      changeQueue(next, former);
      mayBeExchanged = true;
      replaceProgram(attachment, program.fd);
      convertDebt(program, former, next);
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
    // The layouts of what is pinned: one that is killed in between leaves too old ones, and the next hands on nothing.
    ledger.amend(direction, { layouts });
    return true;
  } finally {
    pins.close();
  }
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
    () => changeQueue(former, former),
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

function successorOf(
  direction: Direction,
  former: DirectionRecord,
  next: DirectionRecord,
  pins: OpenedPins,
  { image, layouts: wanted }: Source,
): LoadOptions {
  const has = former.layouts ?? {};
  const settings = image.sections.find(({ name }) => name === '.rodata');
  const contents = settings && has[settings.name] === wanted[settings.name] && pins.sections[settings.name];
  const inForce = contents ? contents.lookup(new Uint8Array(contents.keySize)) : undefined;
  // The sketch's cells are the flows' under the old seed.
  const seed = settings && inForce ? readVariable(settings, 'config', inForce).seed : undefined;
  return {
    name: programName(direction),
    settings: {
      config: { ...dataplaneSettings(next, direction), seed: typeof seed === 'bigint' ? seed : randomSeed() },
    },
    reuse: heirloom(pins, has, wanted),
  };
}

/**
 * HTB's buckets keep the time that they owe, at any rate: those of a rate at which a packet takes longer are made anew, and what
 * little waits there is lost.
 */
const LONGEST_DEBT = 1_000_000_000n;

function changeQueue(plan: DirectionRecord, former: DirectionRecord): void {
  const qdisc = plan.made.find(({ mode }) => mode === 'fq' || mode === 'htb');
  if (qdisc === undefined) return;
  const target = targetOf(qdisc);
  if (qdisc.mode === 'fq') attachFq({ ...target, options: fqOptions(plan) });
  else {
    const isStuck =
      plan.rateBitsPerSecond > former.rateBitsPerSecond && timeOf(former, GSO_PACKET_BYTES) > LONGEST_DEBT;
    // Where making it anew failed, so is the former one.
    const isMissing = htbRates(target) === undefined;
    const change = isStuck || isMissing ? attachHtb : changeHtb;
    change({ ...target, options: htbOptions(plan) });
  }
}
