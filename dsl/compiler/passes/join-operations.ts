/**
 * Common operations of ways that meet are done once behind the meeting: of `x + 1` on the way on which `k == 1` and
 * `x + y` on the other, what is left in front is whether `k` or `y` is added, and the way with `k` has nothing to do.
 * SinkCommonInstructions in SimplifyCFG of LLVM. It takes place only where a constant gives way to a value that is known
 * to equal it, so that no way gets longer.
 */
import { blocksById, dominatorTree, predecessors } from '../ir/analysis.ts';
import type { BinaryOperator, Block, Edge, Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { mapEdges } from '../ir/visit.ts';
import { type Facts, factsOnEntry } from './facts.ts';
import { FreshValues, useCounts } from './rewrite.ts';
import { simplifyCfg } from './simplify-cfg.ts';

type Binary = Instruction & { readonly op: 'binary' };

const JOINED: ReadonlySet<BinaryOperator> = new Set(['add', 'sub', 'and', 'or', 'xor', 'mul']);

/** A way into a block: its last block, and the operation whose result it brings. */
interface Way {
  readonly block: Block;
  readonly binary: Binary;
  /** The right operand, or what is known to equal it. */
  readonly right: ValueId;
}

class Joining {
  private readonly blocks;
  private readonly before;
  private readonly facts;
  private readonly uses;
  private readonly dominates;
  private readonly changed = new Map<number, Block>();
  private readonly fresh: FreshValues;

  constructor(private readonly fn: IrFunction) {
    this.blocks = blocksById(fn);
    this.before = predecessors(fn);
    this.facts = factsOnEntry(fn);
    this.uses = useCounts(fn);
    this.dominates = dominatorTree(fn).dominates;
    this.fresh = new FreshValues(fn);
  }

  private equalTo(constant: bigint, width: number, facts: Facts): ValueId | undefined {
    for (let known = facts; known !== undefined; known = known.farther) {
      const { condition, left, right, width: compared } = known.fact;
      const isEqual = condition === 'eq' && right === constant && compared === width;
      if (isEqual && typeof left === 'number' && this.fn.widths[left] === width) return left;
    }
    return undefined;
  }

  private wayFrom(id: number, join: number, index: number): Way | undefined {
    const block = this.blocks.get(id);
    if (block?.terminator.op !== 'jump' || this.changed.has(id) || this.dominates(join, id)) return undefined;
    const argument = block.terminator.to.arguments[index];
    const binary = block.instructions.find((each) => each.op === 'binary' && each.result === argument);
    if (binary?.op !== 'binary' || !JOINED.has(binary.operator)) return undefined;
    if (this.uses.of(binary.result) !== 1 || typeof binary.left !== 'number') return undefined;
    const right =
      typeof binary.right === 'number'
        ? binary.right
        : this.equalTo(binary.right, binary.width, this.facts.get(id));
    return right === undefined ? undefined : { block, binary, right };
  }

  private joinAt(join: Block, index: number, parameter: ValueId): void {
    if (this.changed.has(join.id)) return;
    const sources = this.before.get(join.id) ?? [];
    const ways = sources.flatMap((id) => this.wayFrom(id, join.id, index) ?? []);
    const [first] = ways;
    if (first === undefined || ways.length < 2 || ways.length !== sources.length) return;
    const { operator, width, left } = first.binary;
    const alike = ways.every(
      ({ binary }) => binary.operator === operator && binary.width === width && binary.left === left,
    );
    if (!alike || !ways.some(({ binary }) => typeof binary.right === 'bigint')) return;
    const operand = this.fresh.make(width);
    this.changed.set(join.id, {
      ...join,
      parameters: join.parameters.with(index, operand),
      instructions: [{ ...first.binary, right: operand, result: parameter }, ...join.instructions],
    });
    for (const { block, binary, right } of ways) {
      const bringing = (edge: Edge): Edge => ({
        ...edge,
        arguments: edge.arguments.with(index, right as Operand),
      });
      this.changed.set(block.id, {
        ...block,
        instructions: block.instructions.filter((each) => each !== binary),
        terminator: mapEdges(block.terminator, bringing),
      });
    }
  }

  run(): IrFunction {
    for (const block of this.fn.blocks)
      for (const [index, parameter] of block.parameters.entries()) this.joinAt(block, index, parameter);
    if (this.changed.size === 0) return this.fn;
    const blocks = this.fn.blocks.map((block) => this.changed.get(block.id) ?? block);
    return simplifyCfg({ ...this.fn, blocks, widths: this.fresh.widths });
  }
}

export const joinOperations = (fn: IrFunction): IrFunction => new Joining(fn).run();
