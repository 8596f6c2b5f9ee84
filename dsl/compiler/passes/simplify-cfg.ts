/**
 * Control-flow simplification: branches on constants become jumps, unreachable blocks go, a block joins its only
 * predecessor, empty blocks are bypassed, and parameters that merge one value are that value. Blocks come out in
 * reverse postorder. Muchnick, "Advanced Compiler Design and Implementation" (1997), section 18.2.
 */
import { blocksById, blocksInOrder } from '../ir/analysis.ts';
import { ByBlock } from '../ir/by-block.ts';
import type { Block, Edge, IrFunction, Operand, Terminator, ValueId } from '../ir/ir.ts';
import {
  eachEdge,
  eachOperandOfBlock,
  filterUnlessSame,
  mapEdges,
  mapUnlessSame,
  unlessSame,
} from '../ir/visit.ts';
import { evaluateCondition } from './arithmetic.ts';
import { argumentsOf, Replacements, withBlocks } from './rewrite.ts';

export const sameEdge = (a: Edge, b: Edge): boolean =>
  a.block === b.block && a.arguments.every((argument, index) => argument === b.arguments[index]);

const jumpTo = (to: Edge, from: Terminator): Terminator => ({
  op: 'jump',
  to,
  ...(from.span === undefined ? {} : { span: from.span }),
});

/** A branch that can go only one way, as a jump. */
function decided(terminator: Terminator): Terminator {
  if (terminator.op !== 'branch') {
    return terminator;
  }
  const { condition, width, left, right, then, otherwise } = terminator;
  if (sameEdge(then, otherwise)) {
    return jumpTo(then, terminator);
  }
  if (typeof left === 'bigint' && typeof right === 'bigint') {
    return jumpTo(evaluateCondition(condition, width, left, right) ? then : otherwise, terminator);
  }
  return terminator;
}

function foldBranches(fn: IrFunction): IrFunction {
  const blocks = mapUnlessSame(fn.blocks, (block) => {
    const terminator = decided(block.terminator);
    return terminator === block.terminator ? block : { ...block, terminator };
  });
  return withBlocks(fn, blocks);
}

/** Keeps reachable blocks only, in reverse postorder. */
const inOrder = (fn: IrFunction): IrFunction => withBlocks(fn, unlessSame(fn.blocks, blocksInOrder(fn)));

/** Parameters that receive one operand besides themselves. */
function dropTrivialParameters(fn: IrFunction): IrFunction {
  const received = argumentsOf(fn);
  const replaced = new Replacements();
  const gone = new Set<ValueId>();
  /** The only operand that a parameter receives besides itself. */
  const onlyOne = (parameter: ValueId): Operand | undefined => {
    let only: Operand | undefined;
    for (const argument of received[parameter] ?? []) {
      const operand = replaced.resolve(argument);
      if (operand === parameter || operand === only) continue;
      if (only !== undefined) return undefined;
      only = operand;
    }
    return only;
  };
  const merging = fn.blocks.filter(({ parameters }) => parameters.length > 0);
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of merging) {
      for (const parameter of block.parameters) {
        const only = gone.has(parameter) ? undefined : onlyOne(parameter);
        if (only === undefined) continue;
        replaced.set(parameter, only);
        gone.add(parameter);
        changed = true;
      }
    }
  }
  return replaced.in(withoutParameters(fn, gone));
}

/** The function without the given block parameters and the arguments for them. */
export function withoutParameters(fn: IrFunction, gone: ReadonlySet<ValueId>): IrFunction {
  if (gone.size === 0) return fn;
  const blocks = blocksById(fn);
  const shorten = (edge: Edge): Edge => {
    const parameters = blocks.get(edge.block)?.parameters ?? [];
    if (!parameters.some((parameter) => gone.has(parameter))) return edge;
    return {
      ...edge,
      arguments: edge.arguments.filter((_, index) => {
        const parameter = parameters[index];
        return parameter === undefined || !gone.has(parameter);
      }),
    };
  };
  const shortened = mapUnlessSame(fn.blocks, (block) => {
    const parameters = filterUnlessSame(block.parameters, (parameter) => !gone.has(parameter));
    const terminator = mapEdges(block.terminator, shorten);
    return parameters === block.parameters && terminator === block.terminator
      ? block
      : { ...block, parameters, terminator };
  });
  return withBlocks(fn, shortened);
}

/** Appends each block that has one predecessor, which jumps to it, to that predecessor. */
function mergeBlocks(fn: IrFunction): IrFunction {
  const ways = new ByBlock<number>(fn);
  for (const { terminator } of fn.blocks)
    eachEdge(terminator, ({ block }) => {
      ways.set(block, (ways.get(block) ?? 0) + 1);
    });
  const blocks = blocksById(fn);
  const replaced = new Replacements();
  /** What is left of the blocks that others were appended to. */
  const longer = new ByBlock<Block>(fn);
  const merged = new Set<number>();
  for (const own of fn.blocks) {
    const { id } = own;
    let block = merged.has(id) ? undefined : own;
    while (block?.terminator.op === 'jump') {
      const { to } = block.terminator;
      const next = longer.get(to.block) ?? blocks.get(to.block);
      if (next === undefined || next.id === id || ways.get(next.id) !== 1) {
        break;
      }
      for (const [index, parameter] of next.parameters.entries()) {
        replaced.set(parameter, to.arguments[index] ?? 0n);
      }
      block = {
        ...block,
        instructions: [...block.instructions, ...next.instructions],
        terminator: next.terminator,
      };
      longer.set(id, block);
      merged.add(next.id);
    }
  }
  if (merged.size === 0) {
    return fn;
  }
  const left = fn.blocks.filter(({ id }) => !merged.has(id));
  return replaced.in({ ...fn, blocks: left.map((block) => longer.get(block.id) ?? block) });
}

/** Parameters that some block besides their own uses. */
function escapingParameters(fn: IrFunction): ReadonlySet<Operand> {
  const home = new Array<number | undefined>(fn.widths.length);
  for (const block of fn.blocks) for (const parameter of block.parameters) home[parameter] = block.id;
  const escaping = new Set<Operand>();
  for (const block of fn.blocks) {
    const { id } = block;
    eachOperandOfBlock(block, (operand) => {
      if (typeof operand === 'number' && (home[operand] ?? id) !== id) escaping.add(operand);
    });
  }
  return escaping;
}

/** Sends edges into blocks that only jump on straight to where they jump. */
function bypassEmptyBlocks(fn: IrFunction): IrFunction {
  const [entry] = fn.blocks;
  const candidates = fn.blocks.filter(
    (block) => block.instructions.length === 0 && block.terminator.op === 'jump' && block !== entry,
  );
  if (candidates.length === 0) {
    return fn;
  }
  const merges = candidates.some((block) => block.parameters.length > 0);
  const escaping = merges ? escapingParameters(fn) : new Set<Operand>();
  const empty = new Map(
    candidates.flatMap((block) => {
      const { terminator } = block;
      return terminator.op === 'jump' && !block.parameters.some((parameter) => escaping.has(parameter))
        ? [[block.id, { parameters: block.parameters, to: terminator.to }] as const]
        : [];
    }),
  );
  if (empty.size === 0) {
    return fn;
  }
  const forward = (edge: Edge): Edge => {
    let current = edge;
    // A cycle of empty blocks is an endless loop; it stays one.
    for (let left = empty.size; left > 0; left -= 1) {
      const passed = empty.get(current.block);
      if (passed === undefined) {
        break;
      }
      const received = new Map<Operand, Operand>();
      for (const [index, parameter] of passed.parameters.entries()) {
        received.set(parameter, current.arguments[index] ?? 0n);
      }
      const through = passed.to.arguments.map((operand) => received.get(operand) ?? operand);
      current = { block: passed.to.block, arguments: through };
    }
    return current;
  };
  const bypassed = mapUnlessSame(fn.blocks, (block) => {
    const terminator = mapEdges(block.terminator, forward);
    return terminator === block.terminator ? block : { ...block, terminator };
  });
  return withBlocks(fn, bypassed);
}

interface Step {
  readonly run: (fn: IrFunction) => IrFunction;
  /** Whether it leaves its own result as it is. */
  readonly isThorough: boolean;
}

/** In the order in which they run, again and again. */
export const STEPS: readonly Step[] = [
  { run: dropTrivialParameters, isThorough: true },
  { run: mergeBlocks, isThorough: true },
  { run: bypassEmptyBlocks, isThorough: false },
  { run: foldBranches, isThorough: true },
];

/** The function that came out last and that no step changes. */
let simplest: IrFunction | undefined;

export function simplifyCfg(fn: IrFunction): IrFunction {
  if (fn === simplest) return fn;
  let current = inOrder(foldBranches(fn));
  /** By step, the function that it is known to leave as it is. */
  const left: (IrFunction | undefined)[] = STEPS.map(() => undefined);
  for (;;) {
    let next = current;
    for (const [number, { run, isThorough }] of STEPS.entries()) {
      if (left[number] === next) continue;
      const result = run(next);
      if (isThorough || result === next) left[number] = result;
      next = result;
    }
    const ordered = inOrder(next);
    if (ordered === current) {
      simplest = current;
      return current;
    }
    if (ordered.blocks.length === current.blocks.length && countsOf(ordered) === countsOf(current)) {
      return ordered;
    }
    current = ordered;
  }
}

/** Edges and parameters in all: what a step that keeps the number of blocks can still reduce. */
function countsOf(fn: IrFunction): number {
  let count = 0;
  for (const { parameters, terminator } of fn.blocks) {
    count += parameters.length;
    eachEdge(terminator, () => {
      count += 1;
    });
  }
  return count;
}
