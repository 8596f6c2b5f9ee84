/**
 * Makes SSA form whole again after control flow was redirected around definitions: each use of a value that now has
 * several definitions reads the one that reaches it. Braun et al. (CC 2013), on a complete graph.
 */
import type { Instruction, Operand, Terminator, ValueId } from '../ir/ir.ts';
import {
  edgesOf,
  mapEdges,
  mapOperands,
  mapTerminatorOperands,
  operandsOf,
  terminatorOperands,
} from '../ir/visit.ts';
import type { FreshValues } from './rewrite.ts';

/** A block that a pass changes in place. */
export interface OpenBlock {
  readonly id: number;
  parameters: ValueId[];
  instructions: Instruction[];
  terminator: Terminator;
}

export type OpenBlocks = Map<number, OpenBlock>;

/**
 * Rewrites the uses of `value` outside the blocks that define it. `definitions` gives, by block, what stands for
 * `value` at that block's end; every path to a use passes one of them.
 */
export function repairUses(
  blocks: OpenBlocks,
  fresh: FreshValues,
  value: ValueId,
  definitions: ReadonlyMap<number, Operand>,
): void {
  const using = [...blocks.values()].filter((block) => !definitions.has(block.id) && uses(block, value));
  if (using.length === 0) {
    return;
  }
  const width = fresh.widths[value] ?? 64;
  const incoming = new Map<number, OpenBlock[]>();
  for (const block of blocks.values()) {
    for (const edge of edgesOf(block.terminator)) {
      const from = incoming.get(edge.block) ?? [];
      from.push(block);
      incoming.set(edge.block, from);
    }
  }
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
    const position = block.parameters.push(parameter) - 1;
    for (const predecessor of new Set(from)) {
      const argument = atEnd(predecessor);
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
    const replace = (operand: Operand): Operand => (operand === value ? reaching : operand);
    block.instructions = block.instructions.map((instruction) => mapOperands(instruction, replace));
    block.terminator = mapTerminatorOperands(block.terminator, replace);
  }
}

const uses = (block: OpenBlock, value: ValueId): boolean =>
  block.instructions.some((instruction) => operandsOf(instruction).includes(value)) ||
  terminatorOperands(block.terminator).includes(value) ||
  edgesOf(block.terminator).some((edge) => edge.arguments.includes(value));
