/** Renames the unconnected parts of a register's live range to registers of their own, so that each gets its own colour. */
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

/** Gives every web a register of its own, numbered from the first virtual one. */
export function renameWebs(fn: MachineFunction): MachineFunction {
  const webs = new UnionFind();
  const liveIn = liveAtEntry(fn);
  const entries = new Map<number, Map<Register, number>>();
  for (const block of fn.blocks) {
    const entry = new Map<Register, number>();
    liveIn.get(block.id)?.forEach((register) => {
      if (isVirtual(register)) entry.set(register, webs.create());
    });
    entries.set(block.id, entry);
  }
  const tagged = fn.blocks.map((block): Tagged => {
    const current = new Map(entries.get(block.id));
    const reads: Tags[] = [];
    const writes: Tags[] = [];
    const tagsOf = (registers: readonly Register[]): Tags => {
      const tags: number[] = [];
      for (const register of registers) {
        const web = current.get(register);
        if (web !== undefined) tags.push(register, web);
      }
      return tags;
    };
    for (const instruction of block.instructions) {
      const read = used(instruction);
      const written = defined(instruction);
      reads.push(tagsOf(read));
      // In two-address form what is written is what was read.
      for (const register of written)
        if (isVirtual(register) && !(read.includes(register) && current.has(register)))
          current.set(register, webs.create());
      writes.push(tagsOf(written));
    }
    reads.push(tagsOf(usedByTerminator(block.terminator)));
    for (const next of successors(block.terminator))
      for (const [register, web] of entries.get(next) ?? []) {
        const own = current.get(register);
        if (own !== undefined) webs.union(own, web);
      }
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
