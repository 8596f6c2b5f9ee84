/**
 * Interval analysis: for each value the unsigned bounds within which it stays, from what makes it and from the
 * branches on the way, through loops to a fixed point. Cousot and Cousot, "Abstract Interpretation" (POPL 1977), with
 * the constants of the function's comparisons as steps of the widening. It claims no more than the kernel's verifier
 * finds on each path by itself (kernel/bpf/verifier.c, adjust_scalar_min_max_vals and reg_set_min_max).
 */
import { reversePostorder } from '../ir/analysis.ts';
import type { Block, Edge, Instruction, IrFunction, Operand, ValueId, Width } from '../ir/ir.ts';
import { resultOf } from '../ir/visit.ts';
import { larger, ones, smaller } from './arithmetic.ts';
import { type Comparison, factBehind, factsOnEntry } from './branch-facts.ts';
import { isForgotten, type Producer, possibleBits, type Range } from './known-bits.ts';
import { producersOf } from './rewrite.ts';

/** Rounds in which a loop's value may grow by itself before the steps of the widening take over. */
const PATIENCE = 3;

const within = (high: bigint): Range => ({ low: 0n, high });
const full = (width: Width): Range => within(ones(width));

const join = (a: Range, b: Range): Range => ({ low: smaller(a.low, b.low), high: larger(a.high, b.high) });

/** What a comparison that holds says of its left operand. */
function narrowedBy({ low, high }: Range, { condition, right }: Comparison): Range {
  if (typeof right !== 'bigint') return { low, high };
  switch (condition) {
    case 'eq':
      return { low: larger(low, right), high: smaller(high, right) };
    case 'ne':
      // The end of the range is all that an interval can leave out.
      return { low: low === right ? low + 1n : low, high: high === right ? high - 1n : high };
    case 'ult':
      return { low, high: smaller(high, right - 1n) };
    case 'ule':
      return { low, high: smaller(high, right) };
    case 'ugt':
      return { low: larger(low, right + 1n), high };
    case 'uge':
      return { low: larger(low, right), high };
    default:
      return { low, high };
  }
}

type Binary = Instruction & { readonly op: 'binary' };

function binaryRange({ operator, width, right }: Binary, a: Range, b: Range): Range {
  const all = ones(width);
  const count = typeof right === 'bigint' ? right & BigInt(width - 1) : undefined;
  switch (operator) {
    case 'add':
      return a.high + b.high > all ? within(all) : { low: a.low + b.low, high: a.high + b.high };
    case 'sub':
      return a.low < b.high ? within(all) : { low: a.low - b.high, high: a.high - b.low };
    case 'mul':
      // The verifier bounds a product only of factors within half the width (scalar_min_max_mul).
      return larger(a.high, b.high) > ones(width / 2)
        ? within(all)
        : { low: a.low * b.low, high: a.high * b.high };
    case 'and':
      return within(smaller(a.high, b.high));
    case 'or':
      return { low: larger(a.low, b.low), high: all };
    case 'lshr':
      return count === undefined ? within(all) : { low: a.low >> count, high: a.high >> count };
    case 'shl':
      // Where the top bit might go, the verifier forgets the bounds (scalar32_min_max_lsh).
      return count === undefined || a.high > 1n << (BigInt(width - 1) - count)
        ? within(all)
        : { low: a.low << count, high: a.high << count };
    default:
      return within(all);
  }
}

/** The analysis of one function. A value without a range so far is on no way that was walked. */
class Intervals {
  readonly ranges = new Map<ValueId, Range>();
  private readonly facts: ReadonlyMap<number, readonly Comparison[]>;
  private readonly producer: Producer;
  private readonly grown = new Map<ValueId, number>();
  private readonly steps: readonly bigint[];

  constructor(private readonly fn: IrFunction) {
    this.facts = factsOnEntry(fn);
    this.producer = producersOf(fn);
    const compared = fn.blocks.flatMap(({ terminator }) =>
      terminator.op === 'branch' && typeof terminator.right === 'bigint' ? [terminator.right] : [],
    );
    const near = compared.flatMap((constant) => [constant - 1n, constant, constant + 1n]);
    const steps = [0n, ...near, ...[8, 16, 32, 64].map(ones)];
    this.steps = [...new Set(steps)].sort((a, b) => (a < b ? -1 : 1));
  }

  private widthOf(operand: Operand): Width {
    return typeof operand === 'number' ? (this.fn.widths[operand] ?? 64) : 64;
  }

  /** In `block`, and behind an edge of its branch where `behind` says what holds there; undefined where never. */
  private at(
    operand: Operand,
    width: Width,
    block: number,
    behind: readonly Comparison[] = [],
  ): Range | undefined {
    if (typeof operand === 'bigint') return { low: operand & ones(width), high: operand & ones(width) };
    let range = this.ranges.get(operand);
    for (const fact of [...behind, ...(this.facts.get(block) ?? [])]) {
      if (range !== undefined && fact.left === operand && fact.width === this.widthOf(operand))
        range = narrowedBy(range, fact);
    }
    return range === undefined || range.low > range.high ? undefined : range;
  }

  private made(instruction: Instruction, result: ValueId, block: number): Range | undefined {
    const width = this.widthOf(result);
    switch (instruction.op) {
      case 'binary': {
        const a = this.at(instruction.left, width, block);
        const b = this.at(instruction.right, width, block);
        if (a === undefined || b === undefined) return undefined;
        const { low, high } = binaryRange(instruction, a, b);
        return { low, high: smaller(high, possibleBits(this.producer, result, width)) };
      }
      case 'zext':
        return isForgotten(this.producer(instruction.value))
          ? full(64)
          : this.at(instruction.value, 32, block);
      case 'trunc': {
        const range = this.at(instruction.value, 64, block);
        return range === undefined || range.high <= ones(32) ? range : full(32);
      }
      case 'load':
        return instruction.pointer ? full(width) : within(ones(8 * instruction.bytes));
      default:
        return full(width);
    }
  }

  /** Takes what one more edge brings to a parameter. Whether that changed anything. */
  private receive(parameter: ValueId, argument: Range): boolean {
    const before = this.ranges.get(parameter);
    if (before === undefined) {
      this.ranges.set(parameter, argument);
      return true;
    }
    const joined = join(before, argument);
    if (joined.low === before.low && joined.high === before.high) return false;
    const times = (this.grown.get(parameter) ?? 0) + 1;
    this.grown.set(parameter, times);
    this.ranges.set(parameter, times < PATIENCE ? joined : this.widened(before, joined));
    return true;
  }

  private widened(before: Range, { low, high }: Range): Range {
    return {
      low: low < before.low ? (this.steps.findLast((step) => step <= low) ?? 0n) : low,
      high: high > before.high ? (this.steps.find((step) => step >= high) ?? high) : high,
    };
  }

  private follow(block: Block, edge: Edge, taken: boolean, parameters: readonly ValueId[]): boolean {
    const behind = factBehind(block.terminator, taken);
    let changed = false;
    for (const [index, parameter] of parameters.entries()) {
      const argument = this.at(edge.arguments[index] ?? 0n, this.widthOf(parameter), block.id, behind);
      if (argument !== undefined && this.receive(parameter, argument)) changed = true;
    }
    return changed;
  }

  run(): void {
    const blocks = new Map(this.fn.blocks.map((block) => [block.id, block]));
    const parametersOf = (id: number): readonly ValueId[] => blocks.get(id)?.parameters ?? [];
    for (const parameter of this.fn.parameters) this.ranges.set(parameter, full(this.widthOf(parameter)));
    const order = reversePostorder(this.fn);
    for (let changed = true; changed; ) {
      changed = false;
      for (const block of order.flatMap((id) => blocks.get(id) ?? [])) {
        for (const instruction of block.instructions) {
          const result = resultOf(instruction);
          const range = result === undefined ? undefined : this.made(instruction, result, block.id);
          if (result !== undefined && range !== undefined) this.ranges.set(result, range);
        }
        const { terminator } = block;
        if (terminator.op === 'jump') {
          changed = this.follow(block, terminator.to, true, parametersOf(terminator.to.block)) || changed;
        } else if (terminator.op === 'branch') {
          const { then, otherwise } = terminator;
          changed = this.follow(block, then, true, parametersOf(then.block)) || changed;
          changed = this.follow(block, otherwise, false, parametersOf(otherwise.block)) || changed;
        }
      }
    }
  }
}

const known = new WeakMap<IrFunction, ReadonlyMap<ValueId, Range>>();

/** The bounds of every value that control can reach; found once for each function: none ever changes. */
export function rangesOf(fn: IrFunction): ReadonlyMap<ValueId, Range> {
  const found = known.get(fn);
  if (found !== undefined) return found;
  const intervals = new Intervals(fn);
  intervals.run();
  known.set(fn, intervals.ranges);
  return intervals.ranges;
}

/** Where the values of a function come from, with their bounds. */
export function producersWithRanges(fn: IrFunction): Producer {
  const ranges = rangesOf(fn);
  return Object.assign(producersOf(fn), {
    range: (operand: Operand) => (typeof operand === 'number' ? ranges.get(operand) : undefined),
  });
}
