/**
 * Interval analysis: for each value the unsigned bounds within which it stays, from what makes it and from the
 * branches on the way, through loops to a fixed point. Cousot and Cousot, "Abstract Interpretation" (POPL 1977), with
 * the constants of the function's comparisons as steps of the widening. It claims no more than the kernel's verifier
 * finds on each path by itself (kernel/bpf/verifier.c, adjust_scalar_min_max_vals and reg_set_min_max).
 */
import { blocksById, blocksInOrder, type DominatorTree, dominatorTree, remembered } from '../ir/analysis.ts';
import type { Block, Edge, Instruction, IrFunction, Operand, ValueId, Width } from '../ir/ir.ts';
import { eachOperand, resultOf } from '../ir/visit.ts';
import { larger, ones, smaller } from './arithmetic.ts';
import { boundsOf, type Comparison, factBehind } from './facts.ts';
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

/** The constants of comparisons and their neighbours, in order. */
function stepsOf(fn: IrFunction): readonly bigint[] {
  const steps = new Set([0n, ...[8, 16, 32, 64].map(ones)]);
  for (const { terminator } of fn.blocks) {
    if (terminator.op !== 'branch' || typeof terminator.right !== 'bigint') continue;
    for (const near of [-1n, 0n, 1n]) steps.add(terminator.right + near);
  }
  return [...steps].sort((a, b) => (a < b ? -1 : 1));
}

/** Whether a value is one of `asked` or one that their bounds are computed from, by value. */
function neededFor(asked: readonly Operand[], fn: IrFunction): Uint8Array {
  const producer = producersOf(fn);
  const needed = new Uint8Array(fn.widths.length);
  const work = [...asked];
  for (let operand = work.pop(); operand !== undefined; operand = work.pop()) {
    if (typeof operand !== 'number' || needed[operand] === 1) continue;
    needed[operand] = 1;
    const made = producer(operand);
    switch (made?.op) {
      case undefined:
        for (const argument of producer.received?.(operand) ?? []) work.push(argument);
        break;
      case 'binary':
        work.push(made.left, made.right);
        break;
      case 'zext':
      case 'trunc':
        work.push(made.value);
        break;
      default:
        break;
    }
  }
  return needed;
}

/** An argument for a parameter, and what holds on the way to it. */
interface Passed {
  readonly parameter: ValueId;
  readonly argument: Operand;
  readonly fact: Comparison | undefined;
}

/** What of a block the bounds that are asked for are computed from. */
interface Place {
  readonly block: number;
  readonly made: readonly Instruction[];
  readonly passed: readonly Passed[];
  /** Whether a value that it reads has other bounds than when it was last looked at. */
  isStale: boolean;
}

/** The analysis of some values of one function. One without a range so far is on no way that was walked. */
class Intervals {
  readonly ranges: (Range | undefined)[];
  private readonly bounds: ReturnType<typeof boundsOf>;
  private readonly dominates: DominatorTree['dominates'];
  private readonly producer: Producer;
  private readonly grown: number[] = [];
  /** Looked for only where a loop's value grows. */
  private steps: readonly bigint[] | undefined;
  /** In reverse postorder. */
  private readonly places: Place[] = [];
  /** By value, the places that read it. */
  private readonly users: (Place[] | undefined)[];

  constructor(
    private readonly fn: IrFunction,
    private readonly needed: Uint8Array,
  ) {
    this.ranges = new Array<Range | undefined>(fn.widths.length);
    this.users = new Array<Place[] | undefined>(fn.widths.length);
    this.bounds = boundsOf(fn);
    this.dominates = dominatorTree(fn).dominates;
    this.producer = producersOf(fn);
    for (const block of blocksInOrder(fn)) this.addPlace(block);
  }

  private isNeeded(instruction: Instruction): boolean {
    const result = resultOf(instruction);
    return result !== undefined && this.needed[result] === 1;
  }

  private addPlace({ id, instructions, terminator }: Block): void {
    const made = instructions.filter((instruction) => this.isNeeded(instruction));
    const passed: Passed[] = [];
    const follow = (edge: Edge, taken: boolean): void => {
      if (edge.arguments.length === 0) return;
      const fact = factBehind(terminator, taken);
      const parameters = blocksById(this.fn).get(edge.block)?.parameters ?? [];
      for (const [index, parameter] of parameters.entries())
        if (this.needed[parameter] === 1)
          passed.push({ parameter, argument: edge.arguments[index] ?? 0n, fact });
    };
    if (terminator.op === 'jump') follow(terminator.to, true);
    else if (terminator.op === 'branch') {
      follow(terminator.then, true);
      follow(terminator.otherwise, false);
    }
    if (made.length === 0 && passed.length === 0) return;
    const place = { block: id, made, passed, isStale: true };
    this.places.push(place);
    const reads = (operand: Operand): void => {
      if (typeof operand !== 'number') return;
      const known = this.users[operand];
      if (known === undefined) this.users[operand] = [place];
      else if (known[known.length - 1] !== place) known.push(place);
    };
    for (const instruction of made) eachOperand(instruction, reads);
    for (const { argument } of passed) reads(argument);
  }

  private widthOf(operand: Operand): Width {
    return typeof operand === 'number' ? (this.fn.widths[operand] ?? 64) : 64;
  }

  /** In `block`, and behind `fact`, which is nearer; undefined where control never comes. */
  private at(operand: Operand, width: Width, block: number, fact?: Comparison): Range | undefined {
    if (typeof operand === 'bigint') return { low: operand & ones(width), high: operand & ones(width) };
    let range = this.ranges[operand];
    if (range === undefined) return undefined;
    if (fact?.left === operand && fact.width === this.widthOf(operand)) range = narrowedBy(range, fact);
    const holdings = this.bounds[operand];
    for (let index = (holdings?.length ?? 0) - 1; index >= 0; index -= 1) {
      const holding = holdings?.[index];
      if (holding !== undefined && this.dominates(holding.block, block))
        range = narrowedBy(range, holding.fact);
    }
    return range.low > range.high ? undefined : range;
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

  /** Takes note of a value's range; whoever reads it has to be looked at, but for `reader`, which is being looked at. */
  private set(value: ValueId, range: Range, reader?: Place): void {
    const before = this.ranges[value];
    this.ranges[value] = range;
    if (before?.low === range.low && before.high === range.high) return;
    for (const place of this.users[value] ?? []) if (place !== reader) place.isStale = true;
  }

  /** Takes what one more edge brings to a parameter. */
  private receive(parameter: ValueId, argument: Range): void {
    const before = this.ranges[parameter];
    if (before === undefined) {
      this.set(parameter, argument);
      return;
    }
    const joined = join(before, argument);
    if (joined.low === before.low && joined.high === before.high) return;
    const times = (this.grown[parameter] ?? 0) + 1;
    this.grown[parameter] = times;
    this.set(parameter, times < PATIENCE ? joined : this.widened(before, joined));
  }

  private widened(before: Range, { low, high }: Range): Range {
    this.steps ??= stepsOf(this.fn);
    return {
      low: low < before.low ? (this.steps.findLast((step) => step <= low) ?? 0n) : low,
      high: high > before.high ? (this.steps.find((step) => step >= high) ?? high) : high,
    };
  }

  private lookAt(place: Place): void {
    const { block, made, passed } = place;
    for (const instruction of made) {
      const result = resultOf(instruction);
      const range = result === undefined ? undefined : this.made(instruction, result, block);
      if (result !== undefined && range !== undefined) this.set(result, range, place);
    }
    for (const { parameter, argument, fact } of passed) {
      const range = this.at(argument, this.widthOf(parameter), block, fact);
      if (range !== undefined) this.receive(parameter, range);
    }
  }

  run(): void {
    for (const parameter of this.fn.parameters) this.ranges[parameter] = full(this.widthOf(parameter));
    for (let changed = true; changed; ) {
      changed = false;
      for (const place of this.places) {
        if (!place.isStale) continue;
        place.isStale = false;
        this.lookAt(place);
        changed = true;
      }
    }
  }
}

/** The bounds of those values of `asked` that control can reach, by value. */
export function rangesOf(fn: IrFunction, asked: readonly Operand[]): readonly (Range | undefined)[] {
  const intervals = new Intervals(fn, neededFor(asked, fn));
  intervals.run();
  return intervals.ranges;
}

type LowMask = Binary & { readonly right: bigint };

/** Whether an instruction masks all bits but low ones. */
export const isLowMask = (instruction: Instruction): instruction is LowMask =>
  instruction.op === 'binary' &&
  instruction.operator === 'and' &&
  typeof instruction.right === 'bigint' &&
  (instruction.right & (instruction.right + 1n)) === 0n;

/** The bounds of what is masked, or compared with a constant: found once for the passes that look for these. */
export const rangesOfTested = remembered((fn): readonly (Range | undefined)[] => {
  const tested: Operand[] = [];
  for (const { instructions, terminator } of fn.blocks) {
    for (const instruction of instructions) if (isLowMask(instruction)) tested.push(instruction.left);
    if (terminator.op !== 'branch') continue;
    const { left, right } = terminator;
    if (typeof left === 'bigint') tested.push(right);
    if (typeof right === 'bigint') tested.push(left);
  }
  return rangesOf(fn, tested);
});
