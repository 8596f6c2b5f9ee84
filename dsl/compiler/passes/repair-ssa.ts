/**
 * Makes SSA form whole again after control flow was redirected around definitions: each use of a value that now has
 * several definitions reads the one that reaches it. Braun et al. (CC 2013), on a complete graph.
 */
import type { Block, Edge, Instruction, IrFunction, Operand, Terminator, ValueId } from '../ir/ir.ts';
import {
  eachEdge,
  eachOperandOfBlock,
  edgesOf,
  mapEdges,
  mapOperands,
  mapTerminatorOperands,
  mapUnlessSame,
  operandsOf,
  resultOf,
  terminatorOperands,
} from '../ir/visit.ts';
import { FreshValues } from './rewrite.ts';

/** A block that a pass changes in place. */
export interface OpenBlock {
  readonly id: number;
  /** Where it stands among the others. */
  readonly place: number;
  parameters: readonly ValueId[];
  instructions: readonly Instruction[];
  terminator: Terminator;
}

/** A function whose blocks a pass changes in place, with what repairing needs to know of it at any time. */
export class OpenFunction {
  readonly fresh: FreshValues;
  /** All that are or were there, by their places. */
  private readonly places: OpenBlock[];
  private readonly blocks: (OpenBlock | undefined)[] = [];
  /** Whether somebody may ask who uses a value, by value; of fresh ones somebody may. */
  private readonly isAskedFor: Uint8Array;
  /** Blocks that use a value, or did; known once somebody asks. */
  private users: (OpenBlock[] | undefined)[] | undefined;
  /** For each block, where its incoming edges come from; known once somebody asks. */
  private sources: (OpenBlock[] | undefined)[] | undefined;

  /** `copied`: the blocks whose values may get other definitions beside their own. */
  constructor(
    private readonly fn: IrFunction,
    copied: readonly Block[],
  ) {
    this.fresh = new FreshValues(fn);
    this.isAskedFor = new Uint8Array(fn.widths.length);
    for (const block of copied) for (const value of definedIn(block)) this.isAskedFor[value] = 1;
    this.places = fn.blocks.map(({ id, parameters, instructions, terminator }, place) => ({
      id,
      place,
      parameters,
      instructions,
      terminator,
    }));
    this.blocks = new Array<OpenBlock | undefined>(1 + Math.max(...fn.blocks.map(({ id }) => id)));
    for (const block of this.places) this.blocks[block.id] = block;
  }

  /** A block that is there. */
  block(id: number): OpenBlock | undefined {
    return this.blocks[id];
  }

  /** The function as it is now; blocks that nothing changed are the same objects as before. */
  close(): IrFunction {
    const blocks: Block[] = [];
    for (const open of this.places) {
      if (this.blocks[open.id] === undefined) continue;
      const { id, place, parameters, instructions, terminator } = open;
      const before = this.fn.blocks[place];
      const isSame =
        before?.parameters === parameters &&
        before.instructions === instructions &&
        before.terminator === terminator;
      blocks.push(isSame ? before : { id, parameters, instructions, terminator });
    }
    return { ...this.fn, blocks, widths: this.fresh.widths };
  }

  /** Adds a block; the edge to it is the caller's. */
  add(instructions: readonly Instruction[], terminator: Terminator): OpenBlock {
    const place = this.places.length;
    const block: OpenBlock = { id: this.blocks.length, place, parameters: [], instructions, terminator };
    this.blocks.push(block);
    this.places.push(block);
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

  noteUse(block: OpenBlock, operand: Operand): void {
    if (this.users === undefined || typeof operand !== 'number' || this.isAskedFor[operand] === 0) return;
    const known = this.users[operand];
    if (known === undefined) this.users[operand] = [block];
    else if (known[known.length - 1] !== block) known.push(block);
  }

  private noteUsesIn(block: OpenBlock): void {
    if (this.users !== undefined) eachOperandOfBlock(block, (operand) => this.noteUse(block, operand));
  }

  private noteEdgesOf(block: OpenBlock): void {
    const { sources } = this;
    if (sources === undefined) return;
    eachEdge(block.terminator, (edge) => {
      const known = sources[edge.block];
      if (known === undefined) sources[edge.block] = [block];
      else known.push(block);
    });
  }

  private forgetEdgesOf(block: OpenBlock): void {
    if (this.sources === undefined) return;
    eachEdge(block.terminator, (edge) => {
      const known = this.sources?.[edge.block];
      known?.splice(known.indexOf(block), 1);
    });
  }

  private areThere(blocks: Iterable<OpenBlock>): readonly OpenBlock[] {
    const there = [...blocks].filter(({ id }) => this.blocks[id] !== undefined);
    return there.sort((a, b) => a.place - b.place);
  }

  /** The blocks that use `value`, in order. */
  using(value: ValueId): readonly OpenBlock[] {
    if (this.users === undefined) {
      this.users = new Array<OpenBlock[] | undefined>(this.fresh.widths.length);
      for (const block of this.places) if (this.blocks[block.id] !== undefined) this.noteUsesIn(block);
    }
    return this.areThere(new Set(this.users[value])).filter((block) => uses(block, value));
  }

  /** The blocks with edges into a block, in order; one with two edges counts twice. */
  incoming(id: number): readonly OpenBlock[] {
    if (this.sources === undefined) {
      this.sources = new Array<OpenBlock[] | undefined>(this.blocks.length);
      for (const block of this.places) if (this.blocks[block.id] !== undefined) this.noteEdgesOf(block);
    }
    return this.areThere(this.sources[id] ?? []);
  }

  /** Removes a block that no edge leads to any more, and nothing else. */
  remove(block: OpenBlock): void {
    this.forgetEdgesOf(block);
    this.blocks[block.id] = undefined;
  }

  /** Removes the blocks that control no longer reaches. */
  prune(): void {
    const seen = new Uint8Array(this.blocks.length);
    const work = this.places.slice(0, 1);
    for (const { id } of work) seen[id] = 1;
    const reach = (edge: Edge): void => {
      const block = this.blocks[edge.block];
      if (block === undefined || seen[edge.block] === 1) return;
      seen[edge.block] = 1;
      work.push(block);
    };
    for (let block = work.pop(); block !== undefined; block = work.pop()) eachEdge(block.terminator, reach);
    for (const block of this.places) {
      if (this.blocks[block.id] !== undefined && seen[block.id] !== 1) this.remove(block);
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

/** The values that a block defines. */
export const definedIn = ({
  parameters,
  instructions,
}: Pick<Block, 'parameters' | 'instructions'>): ValueId[] => [
  ...parameters,
  ...instructions.flatMap((instruction) => resultOf(instruction) ?? []),
];

const uses = (block: OpenBlock, value: ValueId): boolean =>
  block.instructions.some((instruction) => operandsOf(instruction).includes(value)) ||
  terminatorOperands(block.terminator).includes(value) ||
  edgesOf(block.terminator).some((edge) => edge.arguments.includes(value));
