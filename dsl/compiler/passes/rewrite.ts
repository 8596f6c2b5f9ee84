/** What passes need to change a function: replaced values, fresh values, use counts. */
import {
  blocksAlike,
  blocksById,
  changedBlocks,
  firstOf,
  remembered,
  reversePostorder,
} from '../ir/analysis.ts';
import type { Block, Edge, Instruction, IrFunction, Operand, Terminator, ValueId, Width } from '../ir/ir.ts';
import {
  eachEdge,
  eachOperandOfBlock,
  mapOperands,
  mapTerminatorOperands,
  mapUnlessSame,
  resultOf,
} from '../ir/visit.ts';
import { newFindings, type Producer } from './known-bits.ts';

/** What an analysis found of the function that it was asked for last: most of its blocks are those of the next one, too. */
type Last<T> = { readonly fn: IrFunction; readonly result: T } | undefined;

/** The instruction that makes each value. */
const madeIn = remembered((fn, last: Last<(Instruction | undefined)[]>): (Instruction | undefined)[] => {
  const changed = last && changedBlocks(last.fn, fn);
  const made = last && changed ? [...last.result] : [];
  for (const { instructions } of changed?.before ?? [])
    for (const instruction of instructions) {
      const result = resultOf(instruction);
      if (result !== undefined) made[result] = undefined;
    }
  while (made.length < fn.widths.length) made.push(undefined);
  for (const { instructions } of changed?.after ?? fn.blocks)
    for (const instruction of instructions) {
      const result = resultOf(instruction);
      if (result !== undefined) made[result] = instruction;
    }
  return made;
});

/** Where each value of a function comes from. */
export const producersOf = remembered(
  (fn): Producer => Object.assign(producerFrom(madeIn(fn), fn), { found: newFindings() }),
);

/** The same over instructions that a pass collects by their results, with the parameters of `fn`. */
export function producerFrom(made: readonly (Instruction | undefined)[], fn: IrFunction): Producer {
  const find = (operand: Operand): Instruction | undefined =>
    typeof operand === 'number' ? made[operand] : undefined;
  const received = (operand: Operand): readonly Operand[] | undefined =>
    typeof operand === 'number' ? argumentsOf(fn)[operand] : undefined;
  return Object.assign(find, { received });
}

const endsOf = firstOf(blocksAlike((a, b) => a.parameters === b.parameters && a.terminator === b.terminator));

/** What each parameter of a block receives from the edges into its block. */
export const argumentsOf = remembered((fn): readonly (readonly Operand[] | undefined)[] => {
  const received = new Array<Operand[] | undefined>(fn.widths.length);
  const blocks = blocksById(fn);
  const follow = (edge: Edge): void => {
    if (edge.arguments.length === 0) return;
    const parameters = blocks.get(edge.block)?.parameters ?? [];
    for (const [index, argument] of edge.arguments.entries()) {
      const parameter = parameters[index];
      if (parameter === undefined) continue;
      const known = received[parameter];
      if (known === undefined) received[parameter] = [argument];
      else known.push(argument);
    }
  };
  for (const { terminator } of fn.blocks) eachEdge(terminator, follow);
  return received;
}, endsOf);

/** How often each value is used. */
export interface UseCounts {
  /** 0 of a constant. */
  of(operand: Operand): number;
}

const countsIn = remembered((fn, last: Last<Uint32Array>): Uint32Array => {
  const counts = new Uint32Array(fn.widths.length);
  const changed = last && last.result.length <= counts.length ? changedBlocks(last.fn, fn) : undefined;
  if (last && changed) counts.set(last.result);
  for (const block of changed?.before ?? [])
    eachOperandOfBlock(block, (operand) => {
      if (typeof operand === 'number') counts[operand] = (counts[operand] ?? 0) - 1;
    });
  for (const block of changed?.after ?? fn.blocks)
    eachOperandOfBlock(block, (operand) => {
      if (typeof operand === 'number') counts[operand] = (counts[operand] ?? 0) + 1;
    });
  return counts;
});

export const useCounts = remembered((fn): UseCounts => {
  const counts = countsIn(fn);
  return { of: (operand) => (typeof operand === 'number' ? (counts[operand] ?? 0) : 0) };
});

/** The block with these instructions; the very block where they are its own. */
export const withInstructions = (block: Block, instructions: readonly Instruction[]): Block =>
  withBody(block, instructions, block.terminator);

/** The block with these instructions and this terminator; the very block where they are its own. */
export const withBody = (
  block: Block,
  instructions: readonly Instruction[],
  terminator: Terminator,
): Block =>
  instructions === block.instructions && terminator === block.terminator
    ? block
    : { id: block.id, parameters: block.parameters, instructions, terminator };

/** The function with these blocks; the very function where they are its own, so that what is known of it still holds. */
export const withBlocks = (
  fn: IrFunction,
  blocks: readonly Block[],
  widths: readonly Width[] = fn.widths,
): IrFunction => (blocks === fn.blocks ? fn : { ...fn, blocks, widths });

/** What stands for an instruction; undefined where it stays. */
export type Rewrite = (
  instruction: Instruction,
  index: number,
  block: Block,
) => readonly Instruction[] | undefined;

/** The blocks with their instructions rewritten; those in which all stay are the same objects. */
export function rewrittenBlocks(blocks: readonly Block[], rewrite: Rewrite): readonly Block[] {
  return mapUnlessSame(blocks, (block) => {
    let changed: Instruction[] | undefined;
    let index = 0;
    for (const instruction of block.instructions) {
      const made = rewrite(instruction, index, block);
      if (made !== undefined) {
        changed ??= block.instructions.slice(0, index);
        changed.push(...made);
      } else {
        changed?.push(instruction);
      }
      index += 1;
    }
    return changed === undefined ? block : withInstructions(block, changed);
  });
}

/** Values that stand for others, chains followed to their end. */
export class Replacements {
  /** By value. */
  private readonly by: (Operand | undefined)[] = [];

  get areNone(): boolean {
    return this.by.length === 0;
  }

  set(value: ValueId, operand: Operand): void {
    // V8 keeps an array without gaps.
    while (this.by.length < value) this.by.push(undefined);
    this.by[value] = operand;
  }

  readonly resolve = (operand: Operand): Operand => {
    let current = operand;
    while (typeof current === 'number') {
      const next = this.by[current];
      if (next === undefined) {
        return current;
      }
      current = next;
    }
    return current;
  };

  /** The block with every use replaced. */
  inBlock(block: Block): Block {
    const instructions = mapUnlessSame(block.instructions, (instruction) =>
      mapOperands(instruction, this.resolve),
    );
    const terminator = mapTerminatorOperands(block.terminator, this.resolve);
    return withBody(block, instructions, terminator);
  }

  /** The function with every use replaced; the replaced definitions stay. */
  in(fn: IrFunction): IrFunction {
    if (this.areNone) return fn;
    return withBlocks(
      fn,
      mapUnlessSame(fn.blocks, (block) => this.inBlock(block)),
    );
  }
}

/**
 * The function with every use replaced, for a pass that came by way of what dominates a block to the block and replaced
 * the uses there: what control doesn't reach is left.
 */
export const replacedEverywhere = (replaced: Replacements, fn: IrFunction): IrFunction =>
  reversePostorder(fn).length === fn.blocks.length ? fn : replaced.in(fn);

/** Makes values beyond those that a function has. */
export class FreshValues {
  private own: Width[] | undefined;

  constructor(private readonly fn: IrFunction) {}

  get widths(): readonly Width[] {
    return this.own ?? this.fn.widths;
  }

  make(width: Width): ValueId {
    this.own ??= [...this.fn.widths];
    return this.own.push(width) - 1;
  }
}

/** The same function with values numbered in order of their definition, unused numbers gone. */
export function renumbered(fn: IrFunction): IrFunction {
  const numbers: ValueId[] = [];
  const widths: Width[] = [];
  const define = (value: ValueId): void => {
    numbers[value] = widths.length;
    widths.push(fn.widths[value] ?? 64);
  };
  fn.parameters.forEach(define);
  for (const block of fn.blocks) {
    block.parameters.forEach(define);
    for (const instruction of block.instructions) {
      const result = resultOf(instruction);
      if (result !== undefined) {
        define(result);
      }
    }
  }
  if (widths.length === fn.widths.length && numbers.every((number, value) => number === value)) return fn;
  const number = (value: ValueId): ValueId => numbers[value] ?? value;
  const operand = (of: Operand): Operand => (typeof of === 'number' ? number(of) : of);
  return {
    ...fn,
    parameters: fn.parameters.map(number),
    widths,
    blocks: fn.blocks.map((block) => ({
      id: block.id,
      parameters: block.parameters.map(number),
      instructions: block.instructions.map((instruction): Instruction => {
        const mapped = mapOperands(instruction, operand);
        const result = resultOf(mapped);
        if (result === undefined) return mapped;
        // What was mapped is a copy, which nobody else has seen.
        const own = mapped === instruction ? { ...instruction } : mapped;
        return Object.assign(own, { result: number(result) });
      }),
      terminator: mapTerminatorOperands(block.terminator, operand),
    })),
  };
}
