/**
 * Strength reduction of counters: a loop's counter of which the body only needs a multiple counts in steps of that, and
 * the test at the loop's end compares with a multiple of its bound. Cooper, Simpson and Vick, "Operator Strength Reduction"
 * (TOPLAS 2001), with its linear function test replacement, for counters that start, grow and end at constants.
 */
import { dominatorTree, naturalLoops, predecessors } from '../ir/analysis.ts';
import type { Block, Instruction, IrFunction, Operand, Terminator, ValueId } from '../ir/ir.ts';
import { edgesOf, mapEdges, operandsOf, terminatorOperands } from '../ir/visit.ts';
import { ones } from './arithmetic.ts';
import { rangesOf } from './ranges.ts';
import { Replacements } from './rewrite.ts';

type Binary = Instruction & { readonly op: 'binary'; readonly right: bigint };
type Branch = Terminator & { readonly op: 'branch' };

/** A counter: what it is in a round, what it is in the next one, and the multiples that the body takes. */
interface Counter {
  readonly head: Block;
  readonly index: number;
  readonly value: ValueId;
  readonly step: Binary;
  readonly multiples: readonly Binary[];
  readonly factor: bigint;
}

/** Everything that reads a value. */
interface Uses {
  readonly instructions: readonly Instruction[];
  readonly terminators: readonly Terminator[];
  readonly arguments: number;
}

function usesOf(fn: IrFunction, value: ValueId): Uses {
  const instructions = fn.blocks.flatMap((block) =>
    block.instructions.filter((each) => operandsOf(each).includes(value)),
  );
  const terminators = fn.blocks
    .map(({ terminator }) => terminator)
    .filter((each) => terminatorOperands(each).includes(value));
  const passed = fn.blocks.flatMap(({ terminator }) => edgesOf(terminator).flatMap((edge) => edge.arguments));
  return { instructions, terminators, arguments: passed.filter((each) => each === value).length };
}

const byConstant = (instruction: Instruction | undefined): Binary | undefined =>
  instruction?.op === 'binary' && typeof instruction.right === 'bigint'
    ? { ...instruction, right: instruction.right }
    : undefined;

/** By what an instruction multiplies. */
function factorOf(instruction: Instruction): bigint | undefined {
  const binary = byConstant(instruction);
  if (binary?.operator === 'mul') return binary.right;
  return binary?.operator === 'shl' ? 1n << (binary.right & BigInt(binary.width - 1)) : undefined;
}

/** What the edges into a block bring for a parameter: constants from outside, one value from the loop's end. */
function broughtTo(fn: IrFunction, head: Block, index: number): Operand | undefined {
  const { dominates } = dominatorTree(fn);
  const before = new Set(predecessors(fn).get(head.id));
  const brought = fn.blocks
    .filter(({ id }) => before.has(id))
    .flatMap(({ id, terminator }) =>
      edgesOf(terminator)
        .filter((edge) => edge.block === head.id)
        .map((edge) => ({ inside: dominates(head.id, id), operand: edge.arguments[index] })),
    );
  const [back, ...more] = brought.filter(({ inside }) => inside);
  const entries = brought.filter(({ inside }) => !inside);
  const constant = entries.every(({ operand }) => typeof operand === 'bigint');
  return more.length === 0 && constant ? back?.operand : undefined;
}

function counterAt(fn: IrFunction, head: Block, index: number): Counter | undefined {
  const value = head.parameters[index];
  const next = value === undefined ? undefined : broughtTo(fn, head, index);
  if (value === undefined || typeof next !== 'number') return undefined;
  const uses = usesOf(fn, value);
  const [steps, multiples] = [true, false].map((steps) =>
    uses.instructions.filter((each) => (each.op === 'binary' && each.result === next) === steps),
  );
  const step = byConstant(steps?.[0]);
  const factor = multiples?.[0] && factorOf(multiples[0]);
  const multiplied = multiples?.flatMap((each) => byConstant(each) ?? []) ?? [];
  if (step?.operator !== 'add' || factor === undefined || factor < 2n) return undefined;
  const alone = uses.terminators.length === 0 && uses.arguments === 0;
  const alike =
    multiples?.every((each) => factorOf(each) === factor) &&
    multiplied.every(({ width }) => width === step.width);
  return alone && alike ? { head, index, value, step, multiples: multiplied, factor } : undefined;
}

const isUnsigned = ({ condition }: Branch): boolean => condition !== 'test' && !condition.startsWith('s');

/** Whether the next value is only compared with constants, and no multiple of it or of them wraps. */
function scales(fn: IrFunction, { step, factor }: Counter): boolean {
  const { instructions, terminators, arguments: passed } = usesOf(fn, step.result);
  const most = ones(step.width) / factor;
  const within = terminators.every(
    (each) =>
      each.op === 'branch' &&
      isUnsigned(each) &&
      each.width === step.width &&
      each.left === step.result &&
      typeof each.right === 'bigint' &&
      each.right <= most,
  );
  const high = rangesOf(fn, [step.result])[step.result]?.high;
  return instructions.length === 0 && passed === 1 && within && high !== undefined && high <= most;
}

function scaled(fn: IrFunction, { head, index, value, step, multiples, factor }: Counter): IrFunction {
  const replaced = new Replacements();
  for (const { result } of multiples) replaced.set(result, value);
  const gone = new Set(multiples.map(({ result }) => result));
  const times = (operand: Operand): Operand =>
    typeof operand === 'bigint' ? (operand * factor) & ones(step.width) : operand;
  const blocks = fn.blocks.map((block): Block => {
    const { terminator } = block;
    const compared =
      terminator.op === 'branch' && terminator.left === step.result
        ? { ...terminator, right: times(terminator.right) }
        : terminator;
    return {
      ...block,
      instructions: block.instructions
        .filter((each) => each.op !== 'binary' || !gone.has(each.result))
        .map((each) =>
          each.op === 'binary' && each.result === step.result ? { ...each, right: times(step.right) } : each,
        ),
      terminator: mapEdges(compared, (edge) =>
        edge.block === head.id
          ? { ...edge, arguments: edge.arguments.with(index, times(edge.arguments[index] ?? 0n)) }
          : edge,
      ),
    };
  });
  return replaced.in({ ...fn, blocks });
}

export function scaleCounters(fn: IrFunction): IrFunction {
  const loops = naturalLoops(fn);
  for (const head of fn.blocks.filter(({ id }) => loops.has(id)))
    for (const index of head.parameters.keys()) {
      const counter = counterAt(fn, head, index);
      if (counter !== undefined && scales(fn, counter)) return scaleCounters(scaled(fn, counter));
    }
  return fn;
}
