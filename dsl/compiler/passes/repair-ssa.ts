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
  /** Blocks that use a value, or did; known once somebody asks. */
  private users: Map<ValueId, Set<number>> | undefined;
  private edges: ReadonlyMap<number, readonly OpenBlock[]> | undefined;
  private nextBlock: number;

  constructor(fn: IrFunction) {
    this.fresh = new FreshValues(fn);
    this.blocks = new Map(fn.blocks.map((own) => [own.id, { ...own }]));
    this.nextBlock = Math.max(...this.blocks.keys()) + 1;
  }

  /** Adds a block; the edge to it is the caller's. */
  add(instructions: readonly Instruction[], terminator: Terminator): OpenBlock {
    const block = { id: this.nextBlock, parameters: [], instructions, terminator };
    this.nextBlock += 1;
    this.blocks.set(block.id, block);
    this.noteUsesIn(block);
    this.edges = undefined;
    return block;
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

  /** The blocks that use `value`, in order. */
  using(value: ValueId): readonly OpenBlock[] {
    if (this.users === undefined) {
      this.users = new Map();
      for (const block of this.blocks.values()) this.noteUsesIn(block);
    }
    const users = this.users.get(value);
    return users === undefined
      ? []
      : [...this.blocks.values()].filter((block) => users.has(block.id) && uses(block, value));
  }

  /** The blocks with edges into each block; one with two edges counts twice. */
  incoming(): ReadonlyMap<number, readonly OpenBlock[]> {
    if (this.edges !== undefined) {
      return this.edges;
    }
    const edges = new Map<number, OpenBlock[]>();
    for (const block of this.blocks.values()) {
      for (const edge of edgesOf(block.terminator)) {
        const from = edges.get(edge.block) ?? [];
        from.push(block);
        edges.set(edge.block, from);
      }
    }
    this.edges = edges;
    return edges;
  }

  /** Removes the blocks that control no longer reaches. */
  prune(): void {
    const [entry = 0] = this.blocks.keys();
    const seen = new Set<number>();
    const work = [entry];
    for (let id = work.pop(); id !== undefined; id = work.pop()) {
      const block = seen.has(id) ? undefined : this.blocks.get(id);
      if (block !== undefined) {
        seen.add(id);
        work.push(...edgesOf(block.terminator).map((edge) => edge.block));
      }
    }
    for (const id of [...this.blocks.keys()].filter((candidate) => !seen.has(candidate))) {
      this.blocks.delete(id);
    }
    this.edges = undefined;
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
  const incoming = fn.incoming();
  const onEntry = new Map<number, Operand>();

  const atEnd = (block: OpenBlock): Operand => definitions.get(block.id) ?? atEntry(block);
  const atEntry = (block: OpenBlock): Operand => {
    const known = onEntry.get(block.id);
    if (known !== undefined) {
      return known;
    }
    const from = incoming.get(block.id) ?? [];
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
