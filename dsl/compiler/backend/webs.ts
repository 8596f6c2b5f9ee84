/** Renames the unconnected parts of a register's live range to registers of their own, so that each gets its own colour. */
import type { BitSet } from '../ir/bits.ts';
import { liveAtEntry } from './liveness.ts';
import {
  defined,
  FIRST_VIRTUAL,
  isVirtual,
  type MachineBlock,
  type MachineFunction,
  type Register,
  renameRegisters,
  renameTerminator,
  successors,
  used,
  usedByTerminator,
} from './machine.ts';

/** Disjoint sets of numbers that grow on demand. */
class UnionFind {
  private readonly parents: number[] = [];

  create(): number {
    return this.parents.push(this.parents.length) - 1;
  }

  find(member: number): number {
    let root = member;
    for (
      let parent = this.parents[root];
      parent !== undefined && parent !== root;
      parent = this.parents[root]
    )
      root = parent;
    this.parents[member] = root;
    return root;
  }

  union(left: number, right: number): void {
    this.parents[this.find(left)] = this.find(right);
  }
}

/** Registers of one instruction, each followed by its web: too few for a map. */
type Tags = readonly number[];

function webIn(tags: Tags | undefined, register: Register): number | undefined {
  if (tags === undefined) return undefined;
  for (let at = 0; at < tags.length; at += 2) if (tags[at] === register) return tags[at + 1];
  return undefined;
}

/** What one block's registers belong to, before the webs are joined. */
interface Tagged {
  readonly block: MachineBlock;
  /** For each instruction and then the terminator: as it reads them, and as it writes them. */
  readonly reads: readonly Tags[];
  readonly writes: readonly Tags[];
}

/** The web of each register at one place of a block. */
class CurrentWebs {
  private readonly webs: number[];
  /** The number of the block that a register's web is of. */
  private readonly blocks: number[];
  private block = 0;

  constructor(registers: number) {
    this.webs = new Array<number>(registers).fill(0);
    this.blocks = new Array<number>(registers).fill(0);
  }

  startBlock(): void {
    this.block += 1;
  }

  get(register: Register): number | undefined {
    return this.blocks[register] === this.block ? this.webs[register] : undefined;
  }

  set(register: Register, web: number): void {
    this.blocks[register] = this.block;
    this.webs[register] = web;
  }

  tagsOf(registers: readonly Register[]): Tags {
    const tags: number[] = [];
    for (const register of registers) {
      const web = this.get(register);
      if (web !== undefined) tags.push(register, web);
    }
    return tags;
  }
}

/** The virtual registers that are live at a block's start, each followed by its web. */
function tagsOnEntry(live: BitSet | undefined, webs: UnionFind): Tags {
  const tags: number[] = [];
  live?.forEach((register) => {
    if (isVirtual(register)) tags.push(register, webs.create());
  });
  return tags;
}

function eachTag(tags: Tags, visit: (register: Register, web: number) => void): void {
  for (let at = 0; at < tags.length; at += 2) visit(tags[at] ?? 0, tags[at + 1] ?? 0);
}

/** Gives every web a register of its own, numbered from the first virtual one. */
export function renameWebs(fn: MachineFunction): MachineFunction {
  const webs = new UnionFind();
  const liveIn = liveAtEntry(fn);
  const entries = new Map(fn.blocks.map(({ id }) => [id, tagsOnEntry(liveIn.get(id), webs)]));
  const current = new CurrentWebs(fn.nextRegister);
  const tagged = fn.blocks.map((block): Tagged => {
    current.startBlock();
    eachTag(entries.get(block.id) ?? [], (register, web) => current.set(register, web));
    const reads: Tags[] = [];
    const writes: Tags[] = [];
    for (const instruction of block.instructions) {
      const read = used(instruction);
      const written = defined(instruction);
      reads.push(current.tagsOf(read));
      // In two-address form what is written is what was read.
      for (const register of written)
        if (isVirtual(register) && !(read.includes(register) && current.get(register) !== undefined))
          current.set(register, webs.create());
      writes.push(current.tagsOf(written));
    }
    reads.push(current.tagsOf(usedByTerminator(block.terminator)));
    for (const next of successors(block.terminator))
      eachTag(entries.get(next) ?? [], (register, web) => {
        const own = current.get(register);
        if (own !== undefined) webs.union(own, web);
      });
    return { block, reads, writes };
  });
  const registers = new Map<number, Register>();
  const registerOf = (web: number): Register => {
    const root = webs.find(web);
    const known = registers.get(root);
    if (known !== undefined) return known;
    const register = FIRST_VIRTUAL + registers.size;
    registers.set(root, register);
    return register;
  };
  const renamed = (tags: Tags | undefined) => (register: Register) => {
    const web = webIn(tags, register);
    return web === undefined ? register : registerOf(web);
  };
  const blocks = tagged.map(({ block, reads, writes }): MachineBlock => {
    const instructions = block.instructions.map((instruction, index) =>
      renameRegisters(instruction, renamed(reads[index]), renamed(writes[index])),
    );
    const terminator = renameTerminator(block.terminator, renamed(reads[block.instructions.length]));
    return { ...block, instructions, terminator };
  });
  return { ...fn, blocks, nextRegister: FIRST_VIRTUAL + registers.size };
}
