/**
 * Makes SSA form whole again after control flow was redirected around definitions: each use of a value that now has
 * several definitions reads the one that reaches it. Braun et al. (CC 2013), on a complete graph.
 */
import type { Instruction, IrFunction, Operand, Terminator, ValueId } from '../ir/ir.ts';
import {
  eachOperandOfBlock,
  edgesOf,
  mapEdges,
  mapOperands,
  mapTerminatorOperands,
  mapUnlessSame,
  operandsOf,
  terminatorOperands,
} from '../ir/visit.ts';
import { FreshValues } from './rewrite.ts';

/** A block that a pass changes in place. */
export interface OpenBlock {
  readonly id: number;
  parameters: readonly ValueId[];
  instructions: readonly Instruction[];
  terminator: Terminator;
}

/** A function whose blocks a pass changes in place, with what repairing needs to know of it at any time. */
export class OpenFunction {
  readonly blocks: Map<number, OpenBlock>;
  readonly fresh: FreshValues;
  /** Where each block stands among the others. */
  private readonly places: Map<number, number>;
  /** Blocks that use a value, or did; known once somebody asks. */
  private users: Map<ValueId, Set<number>> | undefined;
  /** For each block, where its incoming edges come from; known once somebody asks. */
  private sources: Map<number, number[]> | undefined;
  private nextBlock: number;

  constructor(fn: IrFunction) {
    this.fresh = new FreshValues(fn);
    this.blocks = new Map(fn.blocks.map((own) => [own.id, { ...own }]));
    this.places = new Map(fn.blocks.map(({ id }, place) => [id, place]));
    this.nextBlock = Math.max(...this.blocks.keys()) + 1;
  }

  /** Adds a block; the edge to it is the caller's. */
  add(instructions: readonly Instruction[], terminator: Terminator): OpenBlock {
    const block = { id: this.nextBlock, parameters: [], instructions, terminator };
    this.nextBlock += 1;
    this.blocks.set(block.id, block);
    this.places.set(block.id, this.places.size);
    this.noteUsesIn(block);
    this.noteEdgesOf(block);
    return block;
  }

  /** Gives a block another terminator, which may go elsewhere. */
  redirect(block: OpenBlock, terminator: Terminator): void {
    this.forgetEdgesOf(block);
    block.terminator = terminator;
    this.noteEdgesOf(block);
  }

  noteUse(block: { readonly id: number }, operand: Operand): void {
    if (this.users === undefined || typeof operand !== 'number') return;
    const known = this.users.get(operand);
    if (known === undefined) this.users.set(operand, new Set([block.id]));
    else known.add(block.id);
  }

  private noteUsesIn(block: OpenBlock): void {
    if (this.users !== undefined) eachOperandOfBlock(block, (operand) => this.noteUse(block, operand));
  }

  private noteEdgesOf({ id, terminator }: OpenBlock): void {
    if (this.sources === undefined) return;
    for (const edge of edgesOf(terminator)) {
      const known = this.sources.get(edge.block);
      if (known === undefined) this.sources.set(edge.block, [id]);
      else known.push(id);
    }
  }

  private forgetEdgesOf({ id, terminator }: OpenBlock): void {
    for (const edge of edgesOf(terminator)) {
      const known = this.sources?.get(edge.block);
      known?.splice(known.indexOf(id), 1);
    }
  }

  private inOrder(ids: Iterable<number>): readonly OpenBlock[] {
    const placeOf = (id: number): number => this.places.get(id) ?? 0;
    return [...ids].sort((a, b) => placeOf(a) - placeOf(b)).flatMap((id) => this.blocks.get(id) ?? []);
  }

  /** The blocks that use `value`, in order. */
  using(value: ValueId): readonly OpenBlock[] {
    if (this.users === undefined) {
      this.users = new Map();
      for (const block of this.blocks.values()) this.noteUsesIn(block);
    }
    return this.inOrder(this.users.get(value) ?? []).filter((block) => uses(block, value));
  }

  /** The blocks with edges into a block, in order; one with two edges counts twice. */
  incoming(id: number): readonly OpenBlock[] {
    if (this.sources === undefined) {
      this.sources = new Map();
      for (const block of this.blocks.values()) this.noteEdgesOf(block);
    }
    return this.inOrder(this.sources.get(id) ?? []);
  }

  /** Removes the blocks that control no longer reaches. */
  prune(): void {
    const [entry = 0] = this.blocks.keys();
    const seen = new Set([entry]);
    // A set's loop visits what is added meanwhile.
    for (const id of seen) {
      const block = this.blocks.get(id);
      if (block !== undefined) for (const edge of edgesOf(block.terminator)) seen.add(edge.block);
    }
    for (const block of [...this.blocks.values()].filter(({ id }) => !seen.has(id))) {
      this.forgetEdgesOf(block);
      this.blocks.delete(block.id);
    }
  }
}

/**
 * Rewrites the uses of `value` outside the blocks that define it. `definitions` gives, by block, what stands for
 * `value` at that block's end; every path to a use passes one of them.
 */
export function repairUses(
  fn: OpenFunction,
  value: ValueId,
  definitions: ReadonlyMap<number, Operand>,
): void {
  const { fresh } = fn;
  const using = fn.using(value).filter((block) => !definitions.has(block.id));
  if (using.length === 0) {
    return;
  }
  const width = fresh.widths[value] ?? 64;
  const onEntry = new Map<number, Operand>();

  const atEnd = (block: OpenBlock): Operand => definitions.get(block.id) ?? atEntry(block);
  const atEntry = (block: OpenBlock): Operand => {
    const known = onEntry.get(block.id);
    if (known !== undefined) {
      return known;
    }
    const from = fn.incoming(block.id);
    const [only, ...others] = from;
    if (only === undefined) {
      return 0n;
    }
    if (others.length === 0) {
      const single = atEnd(only);
      onEntry.set(block.id, single);
      return single;
    }
    const parameter = fresh.make(width);
    onEntry.set(block.id, parameter);
    const position = block.parameters.length;
    block.parameters = [...block.parameters, parameter];
    for (const predecessor of new Set(from)) {
      const argument = atEnd(predecessor);
      fn.noteUse(predecessor, argument);
      predecessor.terminator = mapEdges(predecessor.terminator, (edge) => {
        if (edge.block !== block.id) {
          return edge;
        }
        const passed = [...edge.arguments];
        passed[position] = argument;
        return { ...edge, arguments: passed };
      });
    }
    return parameter;
  };

  for (const block of using) {
    // Read first: it may add parameters, and arguments to this block's own terminator.
    const reaching = atEntry(block);
    fn.noteUse(block, reaching);
    const replace = (operand: Operand): Operand => (operand === value ? reaching : operand);
    block.instructions = mapUnlessSame(block.instructions, (instruction) =>
      mapOperands(instruction, replace),
    );
    block.terminator = mapTerminatorOperands(block.terminator, replace);
  }
}

const uses = (block: OpenBlock, value: ValueId): boolean =>
  block.instructions.some((instruction) => operandsOf(instruction).includes(value)) ||
  terminatorOperands(block.terminator).includes(value) ||
  edgesOf(block.terminator).some((edge) => edge.arguments.includes(value));
