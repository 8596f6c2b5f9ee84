/**
 * One address for several settings: where a register lies unused on all ways from the load of one setting to others, it
 * keeps the address of `.rodata` for them. Global common subexpression elimination by available expressions (Muchnick,
 * Advanced Compiler Design and Implementation, 1997, section 13.1). It runs on assigned registers, so that no address
 * sends another value to the stack: a program that is made for its settings has no use for addresses.
 */
import { type Edges, edgesOf } from './accesses.ts';
import { EVERY, liveAtEnds, type Registers, type Summary, setOf, summaryOf } from './assigned.ts';
import { reversePostorderOf } from './graph.ts';
import {
  ALLOCATABLE,
  CALL_CLOBBERED,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type Register,
  usedByTerminator,
} from './machine.ts';
import { fitsOffset } from './target.ts';

type Setting = Extract<MachineInstruction, { op: 'setting' }>;

/** A block, and behind each of its instructions the registers that it doesn't set and that nobody reads any more. */
interface Space {
  readonly block: MachineBlock;
  readonly summary: Summary;
  /** Which of its instructions load settings. */
  readonly settings: readonly number[];
  /** What is live at its end. */
  readonly exit: Registers;
  readonly free: readonly Registers[];
  /** What is free behind every instruction. */
  readonly throughout: Registers;
}

function spaceOf(block: MachineBlock, summary: Summary, exit: Registers): Space {
  const { readBy, writtenBy } = summary;
  const free = new Array<Registers>(block.instructions.length).fill(0);
  const settings: number[] = [];
  let live = exit | setOf(usedByTerminator(block.terminator));
  let throughout = EVERY;
  for (let index = free.length - 1; index >= 0; index--) {
    const written = writtenBy[index] ?? 0;
    const idle = EVERY & ~live & ~written;
    throughout &= idle;
    free[index] = idle;
    live = (live & ~written) | (readBy[index] ?? 0);
    if (block.instructions[index]?.op === 'setting') settings.push(index);
  }
  return { block, summary, settings: settings.reverse(), exit, free, throughout };
}

/** For blocks in reverse postorder. `known` are the spaces as they were, most of which still are. */
function spacesOf(
  blocks: readonly MachineBlock[],
  { next }: Edges,
  known: readonly Space[],
): readonly Space[] {
  const summaries = blocks.map((block, position) => {
    const same = known[position];
    return same?.block === block ? same.summary : summaryOf(block);
  });
  const exits = liveAtEnds(summaries, next);
  return blocks.map((block, position) => {
    const exit = exits[position] ?? 0;
    const same = known[position];
    if (same?.block === block && same.exit === exit) return same;
    return spaceOf(block, summaries[position] ?? summaryOf(block), exit);
  });
}

/** A place in a function: a space's position, and one of its instructions. */
interface Place {
  readonly position: number;
  readonly index: number;
}

/** What is free from instruction `start` of a space up to instruction `end`, of `registers`. */
function freeBetween({ free }: Space, start: number, end: number, registers: Registers): Registers {
  let set = registers;
  for (let index = start; index < end; index++) set &= free[index] ?? EVERY;
  return set;
}

/** Where the registers that are unused behind `first` from there on still are, whichever way control came. */
class Kept {
  /** By position; none where control may come without `first`, as it may to all blocks in front of it. */
  private readonly atEntry: Registers[];

  constructor(
    private readonly spaces: readonly Space[],
    private readonly first: Place,
    { before }: Edges,
  ) {
    const isBehind = (position: number): boolean => position > first.position;
    this.atEntry = spaces.map((_, position) => (isBehind(position) ? EVERY : 0));
    const atEnd = spaces.map((_, position) => this.atEndOf(position));
    for (let changed = true; changed; ) {
      changed = false;
      for (let position = first.position + 1; position < spaces.length; position++) {
        let kept = EVERY;
        for (let at = before.start(position); at < before.start(position + 1); at++)
          kept &= atEnd[before.at(at)] ?? EVERY;
        if (kept === this.atEntry[position]) continue;
        this.atEntry[position] = kept;
        atEnd[position] = this.atEndOf(position);
        changed = true;
      }
    }
  }

  private atEndOf(position: number): Registers {
    const space = this.spaces[position];
    if (space === undefined) return EVERY;
    return position === this.first.position
      ? freeBetween(space, this.first.index, space.free.length, EVERY)
      : (this.atEntry[position] ?? 0) & space.throughout;
  }

  /** In front of an instruction. */
  until({ position, index }: Place): Registers {
    const { first } = this;
    const space = this.spaces[position];
    if (space === undefined) return 0;
    return position === first.position && index > first.index
      ? freeBetween(space, first.index, index, EVERY)
      : freeBetween(space, 0, index, this.atEntry[position] ?? 0);
  }
}

/** The settings of a function, in an order in which those that dominate others come first. */
function settingsIn(spaces: readonly Space[]): readonly (Place & { readonly setting: Setting })[] {
  const settings: (Place & { readonly setting: Setting })[] = [];
  for (const [position, space] of spaces.entries())
    for (const index of space.settings) {
      const setting = space.block.instructions[index];
      if (setting?.op === 'setting') settings.push({ position, index, setting });
    }
  return settings;
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
    span,
  };
}

/** Puts the address into `base` at the first of these places and loads all of the settings from there. */
function shared(
  blocks: readonly MachineBlock[],
  places: readonly Place[],
  base: Register,
): readonly MachineBlock[] {
  const result = [...blocks];
  const [first] = places;
  const indices = new Map<number, Set<number>>();
  for (const { position, index } of places)
    indices.set(position, (indices.get(position) ?? new Set()).add(index));
  for (const [position, own] of indices) {
    const block = blocks[position];
    if (block === undefined) continue;
    const instructions = block.instructions.flatMap((instruction, index): readonly MachineInstruction[] => {
      if (instruction.op !== 'setting' || !own.has(index)) return [instruction];
      const load = fromAddress(instruction, base);
      if (position !== first?.position || index !== first.index) return [load];
      const { target, span } = instruction;
      const start = target.kind === 'section' ? { ...target, offset: 0 } : target;
      return [{ op: 'relocated', to: base, target: start, span }, load];
    });
    result[position] = { ...block, instructions };
  }
  return result;
}

/** Registers that cost nothing to use: of r6 to r9 the prologue saves those alone that a program uses. */
function usable(spaces: readonly Space[]): Registers {
  let registers = setOf(CALL_CLOBBERED);
  for (const { summary } of spaces) registers |= summary.reads | summary.writes;
  return registers;
}

/** The register that most of these sets have. */
function mostFrequent(sets: readonly Registers[]): Register | undefined {
  let best: Register | undefined;
  let most = 0;
  for (let register = 0; register < ALLOCATABLE; register++) {
    let count = 0;
    for (const set of sets) count += (set >>> register) & 1;
    if (count <= most) continue;
    best = register;
    most = count;
  }
  return best;
}

export function shareAddresses(fn: MachineFunction): MachineFunction {
  const order = reversePostorderOf(fn);
  const edges = edgesOf({ ...fn, blocks: order });
  let blocks = order;
  let spaces = spacesOf(blocks, edges, []);
  const candidates = usable(spaces);
  let settings = settingsIn(spaces);
  for (let number = 0; number < settings.length; number++) {
    const first = settings[number];
    if (first === undefined || !fitsOffset(offsetOf(first.setting))) continue;
    if (((spaces[first.position]?.free[first.index] ?? 0) & candidates) === 0) continue;
    const kept = new Kept(spaces, first, edges);
    const others = settings.slice(number + 1).filter(({ setting }) => fitsOffset(offsetOf(setting)));
    const keptUntil = others.map((place) => kept.until(place) & candidates);
    const base = mostFrequent(keptUntil);
    if (base === undefined) continue;
    const reached = others.filter((_, index) => ((keptUntil[index] ?? 0) & (1 << base)) !== 0);
    blocks = shared(blocks, [first, ...reached], base);
    spaces = spacesOf(blocks, edges, spaces);
    settings = settingsIn(spaces);
    // Those in front are as they were, and this one isn't a setting any more.
    number--;
  }
  const changed = new Map(blocks.map((block) => [block.id, block]));
  return { ...fn, blocks: fn.blocks.map((block) => changed.get(block.id) ?? block) };
}
