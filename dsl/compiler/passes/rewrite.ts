/** What passes need to change a function: replaced values, fresh values, use counts. */
import type { Block, Instruction, IrFunction, Operand, ValueId, Width } from '../ir/ir.ts';
import {
  edgesOf,
  mapOperands,
  mapTerminatorOperands,
  operandsOf,
  resultOf,
  terminatorOperands,
} from '../ir/visit.ts';
import type { Producer } from './known-bits.ts';

/** Where each value of a function comes from. */
export function producersOf(fn: IrFunction): Producer {
  const made = new Map<ValueId, Instruction>();
  for (const block of fn.blocks) {
    for (const instruction of block.instructions) {
      const result = resultOf(instruction);
      if (result !== undefined) {
        made.set(result, instruction);
      }
    }
  }
  return producerFrom(made, fn);
}

/** The same over instructions that a pass collects, with the parameters of `fn`. */
export function producerFrom(made: ReadonlyMap<ValueId, Instruction>, fn: IrFunction): Producer {
  const parameters = new Map(fn.blocks.map((block) => [block.id, block.parameters]));
  const received = new Map<ValueId, Operand[]>();
  for (const { terminator } of fn.blocks) {
    for (const edge of edgesOf(terminator)) {
      parameters.get(edge.block)?.forEach((parameter, index) => {
        const argument = edge.arguments[index];
        if (argument === undefined) return;
        const known = received.get(parameter);
        if (known === undefined) received.set(parameter, [argument]);
        else known.push(argument);
      });
    }
  }
  const find = <T>(map: ReadonlyMap<ValueId, T>, operand: Operand): T | undefined =>
    typeof operand === 'number' ? map.get(operand) : undefined;
  return Object.assign((operand: Operand) => find(made, operand), {
    received: (operand: Operand) => find(received, operand),
  });
}

/** Every operand of a block, the arguments of its edges included, once for each use. */
export function operandsOfBlock({ instructions, terminator }: Block): readonly Operand[] {
  const operands: Operand[] = [];
  for (const instruction of instructions) operands.push(...operandsOf(instruction));
  operands.push(...terminatorOperands(terminator));
  for (const edge of edgesOf(terminator)) operands.push(...edge.arguments);
  return operands;
}

/** How often each value is used. */
export function useCounts(fn: IrFunction): ReadonlyMap<ValueId, number> {
  const counts = new Map<ValueId, number>();
  for (const block of fn.blocks) {
    for (const operand of operandsOfBlock(block)) {
      if (typeof operand === 'number') counts.set(operand, (counts.get(operand) ?? 0) + 1);
    }
  }
  return counts;
}

/** Values that stand for others, chains followed to their end. */
export class Replacements {
  private readonly by = new Map<ValueId, Operand>();

  get size(): number {
    return this.by.size;
  }

  set(value: ValueId, operand: Operand): void {
    this.by.set(value, operand);
  }

  readonly resolve = (operand: Operand): Operand => {
    let current = operand;
    while (typeof current === 'number') {
      const next = this.by.get(current);
      if (next === undefined) {
        return current;
      }
      current = next;
    }
    return current;
  };

  /** The block with every use replaced. */
  inBlock(block: Block): Block {
    // Most blocks use nothing that is replaced.
    if (!operandsOfBlock(block).some((operand) => typeof operand === 'number' && this.by.has(operand)))
      return block;
    return {
      ...block,
      instructions: block.instructions.map((instruction) => mapOperands(instruction, this.resolve)),
      terminator: mapTerminatorOperands(block.terminator, this.resolve),
    };
  }

  /** The function with every use replaced; the replaced definitions stay. */
  in(fn: IrFunction): IrFunction {
    return this.by.size === 0 ? fn : { ...fn, blocks: fn.blocks.map((block) => this.inBlock(block)) };
  }
}

/** Makes values beyond those that a function has. */
export class FreshValues {
  readonly widths: Width[];

  constructor(fn: IrFunction) {
    this.widths = [...fn.widths];
  }

  make(width: Width): ValueId {
    this.widths.push(width);
    return this.widths.length - 1;
  }
}

/** The same function with values numbered in order of their definition, unused numbers gone. */
export function renumbered(fn: IrFunction): IrFunction {
  const numbers = new Map<ValueId, ValueId>();
  const widths: Width[] = [];
  const define = (value: ValueId): void => {
    numbers.set(value, widths.length);
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
  const number = (value: ValueId): ValueId => numbers.get(value) ?? value;
  const operand = (of: Operand): Operand => (typeof of === 'number' ? number(of) : of);
  return {
    ...fn,
    parameters: fn.parameters.map(number),
    widths,
    blocks: fn.blocks.map((block) => ({
      ...block,
      parameters: block.parameters.map(number),
      instructions: block.instructions.map((instruction) => {
        const mapped = mapOperands(instruction, operand);
        return mapped.op === 'store' || mapped.result === undefined
          ? mapped
          : ({ ...mapped, result: number(mapped.result) } as Instruction);
      }),
      terminator: mapTerminatorOperands(block.terminator, operand),
    })),
  };
}
