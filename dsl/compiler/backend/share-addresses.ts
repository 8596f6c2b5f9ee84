/**
 * One address for several settings: where a register lies unused on all ways from the load of one setting to others, it
 * keeps the address of `.rodata` for them. Global common subexpression elimination by available expressions (Muchnick,
 * Advanced Compiler Design and Implementation, 1997, section 13.1). It runs on assigned registers, so that no address
 * sends another value to the stack: a program that is made for its settings has no use for addresses.
 */
import { predecessorsOf, reversePostorderOf } from './graph.ts';
import { liveAtExit, liveBeforeTerminator, stepBackward } from './liveness.ts';
import {
  ALLOCATABLE,
  CALL_CLOBBERED,
  defined,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
  used,
} from './machine.ts';
import { fitsOffset } from './target.ts';

type Setting = Extract<MachineInstruction, { op: 'setting' }>;
/** One bit for each of r0 to r9. */
type Registers = number;

const ALL: Registers = (1 << ALLOCATABLE) - 1;
const MACHINE: readonly Register[] = Array.from({ length: ALLOCATABLE }, (_, register) => register);
const setOf = (registers: readonly Register[]): Registers =>
  registers.reduce((set, register) => set | (1 << register), 0) & ALL;

/** A block, and behind each of its instructions the registers that it doesn't set and that nobody reads any more. */
interface Space {
  readonly block: MachineBlock;
  readonly free: readonly Registers[];
}

function spacesOf(fn: MachineFunction): readonly Space[] {
  const exits = liveAtExit(fn);
  return reversePostorderOf(fn).flatMap((block): Space[] => {
    const exit = exits.get(block.id);
    if (exit === undefined) return [];
    const live = liveBeforeTerminator(block, exit);
    const free = block.instructions.toReversed().map((instruction) => {
      const idle = ALL & ~setOf(MACHINE.filter((register) => live.has(register)));
      stepBackward(live, instruction);
      return idle & ~setOf(defined(instruction));
    });
    return [{ block, free: free.reverse() }];
  });
}

/** A place in a function: a block and one of its instructions. */
interface Place {
  readonly block: number;
  readonly index: number;
}

/** Where the registers that are unused behind `first` from there on still are, whichever way control came. */
class Kept {
  private readonly atEntry = new Map<number, Registers>();
  private readonly spaces: ReadonlyMap<number, Space>;

  constructor(
    spaces: readonly Space[],
    private readonly first: Place,
    before: ReadonlyMap<number, readonly number[]>,
  ) {
    this.spaces = new Map(spaces.map((space) => [space.block.id, space]));
    const [entry, ...others] = spaces.map(({ block }) => block.id);
    if (entry !== undefined) this.atEntry.set(entry, 0);
    for (const id of others) this.atEntry.set(id, ALL);
    for (let changed = true; changed; ) {
      changed = false;
      for (const id of others) {
        const ways = (before.get(id) ?? []).filter((way) => this.spaces.has(way));
        const kept = ways.reduce((set, way) => set & this.until(way, Number.POSITIVE_INFINITY), ALL);
        if (kept === this.atEntry.get(id)) continue;
        this.atEntry.set(id, kept);
        changed = true;
      }
    }
  }

  /** In front of an instruction of a block. */
  until(block: number, index: number): Registers {
    const { first } = this;
    const free = this.spaces.get(block)?.free ?? [];
    const behind = block === first.block && index > first.index;
    const start = behind ? first.index : 0;
    const entry = behind ? ALL : (this.atEntry.get(block) ?? 0);
    return free.slice(start, index).reduce((set, each) => set & each, entry);
  }
}

/** The settings of a function, in an order in which those that dominate others come first. */
function settingsIn(spaces: readonly Space[]): readonly (Place & { readonly setting: Setting })[] {
  return spaces.flatMap(({ block }) =>
    block.instructions.flatMap((instruction, index) =>
      instruction.op === 'setting' ? [{ block: block.id, index, setting: instruction }] : [],
    ),
  );
}

/** Bytes from the section's start. */
function offsetOf({ target, offset }: Setting): number {
  return (target.kind === 'section' ? target.offset : 0) + offset;
}

/** A load of the setting from the address in `base`. */
function fromAddress(setting: Setting, base: Register): MachineInstruction {
  const { bytes, to, span } = setting;
  return {
    op: 'load',
    bytes,
    to,
    from: { register: base, offset: offsetOf(setting) },
    ...(span && { span }),
  };
}

/** Puts the address into `base` at the first of these places and loads all of the settings from there. */
function shared(fn: MachineFunction, places: readonly Place[], base: Register): MachineFunction {
  const [first] = places;
  const indices = new Map<number, Set<number>>();
  for (const { block, index } of places) indices.set(block, (indices.get(block) ?? new Set()).add(index));
  const blocks = fn.blocks.map((block) => {
    const own = indices.get(block.id);
    if (own === undefined) return block;
    const instructions = block.instructions.flatMap((instruction, index): readonly MachineInstruction[] => {
      if (instruction.op !== 'setting' || !own.has(index)) return [instruction];
      const load = fromAddress(instruction, base);
      if (block.id !== first?.block || index !== first.index) return [load];
      const { target, span } = instruction;
      const start = target.kind === 'section' ? { ...target, offset: 0 } : target;
      return [{ op: 'relocated', to: base, target: start, ...(span && { span }) }, load];
    });
    return { ...block, instructions };
  });
  return { ...fn, blocks };
}

/** Registers that cost nothing to use: of r6 to r9 the prologue saves those alone that a program uses. */
function usable(fn: MachineFunction): Registers {
  const all = fn.blocks.flatMap((block) =>
    block.instructions.flatMap((each) => [...defined(each), ...used(each)]),
  );
  return setOf(CALL_CLOBBERED) | setOf(all.filter((register) => register < ALLOCATABLE));
}

export function shareAddresses(fn: MachineFunction): MachineFunction {
  const candidates = usable(fn);
  const before = predecessorsOf(fn);
  let current = fn;
  let spaces = spacesOf(current);
  let settings = settingsIn(spaces);
  for (let number = 0; number < settings.length; number++) {
    const first = settings[number];
    if (first === undefined || !fitsOffset(offsetOf(first.setting))) continue;
    const kept = new Kept(spaces, first, before);
    const others = settings
      .slice(number + 1)
      .filter(({ setting }) => fitsOffset(offsetOf(setting)))
      .map((place) => ({ ...place, kept: kept.until(place.block, place.index) & candidates }));
    const reached = (register: Register) => others.filter((place) => (place.kept & (1 << register)) !== 0);
    const [best] = MACHINE.map((register) => ({ register, places: reached(register) })).toSorted(
      (a, b) => b.places.length - a.places.length,
    );
    if (best === undefined || best.places.length === 0) continue;
    current = shared(current, [first, ...best.places], best.register);
    spaces = spacesOf(current);
    settings = settingsIn(spaces);
    // Those in front are as they were, and this one isn't a setting any more.
    number--;
  }
  return current;
}
