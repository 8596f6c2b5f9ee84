/**
 * Control-flow simplification: branches on constants become jumps, unreachable blocks go, a block joins its only
 * predecessor, empty blocks are bypassed, and parameters that merge one value are that value. Blocks come out in
 * reverse postorder. Muchnick, "Advanced Compiler Design and Implementation" (1997), section 18.2.
 */
import { blocksById, predecessors, reversePostorder } from '../ir/analysis.ts';
import type { Edge, IrFunction, Operand, Terminator, ValueId } from '../ir/ir.ts';
import { edgesOf, mapEdges } from '../ir/visit.ts';
import { evaluateCondition } from './arithmetic.ts';
import { operandsOfBlock, Replacements } from './rewrite.ts';

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
  return {
    ...fn,
    blocks: fn.blocks.map((block) => {
      const terminator = decided(block.terminator);
      return terminator === block.terminator ? block : { ...block, terminator };
    }),
  };
}

/** Keeps reachable blocks only, in reverse postorder. */
function inOrder(fn: IrFunction): IrFunction {
  const blocks = blocksById(fn);
  return { ...fn, blocks: reversePostorder(fn).flatMap((id) => blocks.get(id) ?? []) };
}

/** Parameters that receive one operand besides themselves. */
function dropTrivialParameters(fn: IrFunction): IrFunction {
  const incoming = new Map<number, Edge[]>();
  for (const edge of fn.blocks.flatMap((block) => edgesOf(block.terminator))) {
    const edges = incoming.get(edge.block) ?? [];
    edges.push(edge);
    incoming.set(edge.block, edges);
  }
  const replaced = new Replacements();
  const gone = new Set<ValueId>();
  for (let changed = true; changed; ) {
    changed = false;
    for (const block of fn.blocks) {
      for (const [index, parameter] of block.parameters.entries()) {
        if (gone.has(parameter)) {
          continue;
        }
        const received = new Set<Operand>();
        for (const edge of incoming.get(block.id) ?? []) {
          received.add(replaced.resolve(edge.arguments[index] ?? parameter));
        }
        received.delete(parameter);
        const [only] = received;
        if (received.size === 1 && only !== undefined) {
          replaced.set(parameter, only);
          gone.add(parameter);
          changed = true;
        }
      }
    }
  }
  return gone.size === 0 ? fn : replaced.in(withoutParameters(fn, gone));
}

/** The function without the given block parameters and the arguments for them. */
export function withoutParameters(fn: IrFunction, gone: ReadonlySet<ValueId>): IrFunction {
  const blocks = blocksById(fn);
  const shorten = (edge: Edge): Edge => {
    const parameters = blocks.get(edge.block)?.parameters ?? [];
    return {
      ...edge,
      arguments: edge.arguments.filter((_, index) => {
        const parameter = parameters[index];
        return parameter === undefined || !gone.has(parameter);
      }),
    };
  };
  return {
    ...fn,
    blocks: fn.blocks.map((block) => ({
      ...block,
      parameters: block.parameters.filter((parameter) => !gone.has(parameter)),
      terminator: mapEdges(block.terminator, shorten),
    })),
  };
}

/** Appends each block that has one predecessor, which jumps to it, to that predecessor. */
function mergeBlocks(fn: IrFunction): IrFunction {
  const before = predecessors(fn);
  const blocks = new Map(blocksById(fn));
  const replaced = new Replacements();
  const merged = new Set<number>();
  for (const { id } of fn.blocks) {
    let block = merged.has(id) ? undefined : blocks.get(id);
    while (block?.terminator.op === 'jump') {
      const { to } = block.terminator;
      const next = blocks.get(to.block);
      if (next === undefined || next.id === id || before.get(next.id)?.length !== 1) {
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
      blocks.set(id, block);
      merged.add(next.id);
    }
  }
  if (merged.size === 0) {
    return fn;
  }
  return replaced.in({
    ...fn,
    blocks: fn.blocks.flatMap(({ id }) => (merged.has(id) ? [] : (blocks.get(id) ?? []))),
  });
}

/** Parameters that some block besides their own uses. */
function escapingParameters(fn: IrFunction): ReadonlySet<Operand> {
  const home = new Map<Operand, number>();
  for (const block of fn.blocks) {
    for (const parameter of block.parameters) {
      home.set(parameter, block.id);
    }
  }
  const escaping = new Set<Operand>();
  for (const block of fn.blocks) {
    for (const operand of operandsOfBlock(block)) {
      if (home.has(operand) && home.get(operand) !== block.id) {
        escaping.add(operand);
      }
    }
  }
  return escaping;
}

/** Sends edges into blocks that only jump on straight to where they jump. */
function bypassEmptyBlocks(fn: IrFunction): IrFunction {
  const [entry] = fn.blocks;
  const candidates = fn.blocks.filter(
    (block) => block.terminator.op === 'jump' && block.instructions.length === 0 && block !== entry,
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
  return {
    ...fn,
    blocks: fn.blocks.map((block) => ({ ...block, terminator: mapEdges(block.terminator, forward) })),
  };
}

export function simplifyCfg(fn: IrFunction): IrFunction {
  let current = inOrder(foldBranches(fn));
  for (;;) {
    const next = [dropTrivialParameters, mergeBlocks, bypassEmptyBlocks, foldBranches].reduce(
      (before, step) => step(before),
      current,
    );
    const ordered = inOrder(next);
    if (ordered.blocks.length === current.blocks.length && countsOf(ordered) === countsOf(current)) {
      return ordered;
    }
    current = ordered;
  }
}

/** Edges and parameters in all: what a step that keeps the number of blocks can still reduce. */
function countsOf(fn: IrFunction): number {
  return fn.blocks.reduce(
    (sum, block) => sum + block.parameters.length + edgesOf(block.terminator).length,
    0,
  );
}
