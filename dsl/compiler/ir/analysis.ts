/** Facts about a function's flow graph that passes and the backend share. Every map is keyed by block id. */
import { BitSet } from './bits.ts';
import type { Block, IrFunction, Operand } from './ir.ts';
import { eachOperand, edgesOf, resultOf, terminatorOperands } from './visit.ts';

/** An analysis that remembers its result for as long as the function lives; no function ever changes. */
export function remembered<T>(analyse: (fn: IrFunction) => T): (fn: IrFunction) => T {
  const results = new WeakMap<IrFunction, { readonly result: T }>();
  return (fn) => {
    const known = results.get(fn) ?? { result: analyse(fn) };
    results.set(fn, known);
    return known.result;
  };
}

/** Blocks by id. */
export const blocksById = remembered(
  (fn): ReadonlyMap<number, Block> => new Map(fn.blocks.map((block) => [block.id, block])),
);

/** A block by id. Throws when the function has no such block. */
export function blockOf(blocks: ReadonlyMap<number, Block>, id: number): Block {
  const block = blocks.get(id);
  if (!block) throw new Error(`the function has no block b${id}`);
  return block;
}

/** The entry block. Throws when the function has no block. */
export function entryOf(fn: IrFunction): Block {
  const [entry] = fn.blocks;
  if (!entry) throw new Error(`function ${fn.name} has no block`);
  return entry;
}

/** Ids of the blocks that jump to each block, in block order; a block that has two edges to another counts twice. */
export const predecessors = remembered((fn): ReadonlyMap<number, readonly number[]> => {
  const result = new Map<number, number[]>(fn.blocks.map((block) => [block.id, []]));
  for (const block of fn.blocks)
    for (const edge of edgesOf(block.terminator)) result.get(edge.block)?.push(block.id);
  return result;
});

/** Reachable block ids in reverse postorder: every block after its dominators, loops aside after its predecessors. */
export const reversePostorder = remembered((fn): readonly number[] => {
  const blocks = blocksById(fn);
  const seen = new Set<number>();
  const order: number[] = [];
  const stack: { block: Block; next: number }[] = [];
  const enter = (id: number) => {
    if (seen.has(id)) return;
    seen.add(id);
    stack.push({ block: blockOf(blocks, id), next: 0 });
  };
  enter(entryOf(fn).id);
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    // The last edge first, so that the taken way of a branch comes first in the reversed order.
    const edges = edgesOf(top.block.terminator);
    const edge = edges[edges.length - 1 - top.next++];
    if (edge) enter(edge.block);
    else {
      order.push(top.block.id);
      stack.pop();
    }
  }
  return order.reverse();
});

export interface DominatorTree {
  /** Immediate dominator; the entry's is itself. Unreachable blocks are absent. */
  readonly immediate: ReadonlyMap<number, number>;
  /** Blocks that a block immediately dominates. */
  readonly children: ReadonlyMap<number, readonly number[]>;
  /** Whether `above` dominates `below`; a block dominates itself. */
  dominates(above: number, below: number): boolean;
  /** The nearest block that dominates both; undefined where one can't be reached and isn't the other. */
  common(left: number, right: number): number | undefined;
}

/** Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001). */
export const dominatorTree = remembered((fn): DominatorTree => {
  const order = reversePostorder(fn);
  const position = new Map(order.map((id, index) => [id, index]));
  const before = predecessors(fn);
  /** All by position in `order`; -1 where nothing is known yet. */
  const ways = order.map((id) => (before.get(id) ?? []).flatMap((way) => position.get(way) ?? []));
  const above = new Int32Array(order.length).fill(-1);
  above[0] = 0;
  const up = (at: number): number => above[at] ?? 0;
  const intersect = (first: number, second: number): number => {
    let left = first;
    let right = second;
    while (left !== right) {
      while (left > right) left = up(left);
      while (right > left) right = up(right);
    }
    return left;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = 1; at < order.length; at += 1) {
      let next = -1;
      for (const way of ways[at] ?? []) if (up(way) >= 0) next = next < 0 ? way : intersect(next, way);
      if (above[at] === next) continue;
      above[at] = next;
      changed = true;
    }
  }
  const idOf = (at: number): number => order[at] ?? 0;
  const immediate = new Map(order.map((id, at) => [id, idOf(up(at))]));
  const children = new Map<number, number[]>(order.map((id) => [id, []]));
  for (const [at, id] of order.entries()) if (at > 0) children.get(idOf(up(at)))?.push(id);
  // Preorder intervals answer dominance in constant time.
  const first = new Int32Array(order.length);
  const last = new Int32Array(order.length);
  // Whatever a block dominates comes behind it.
  const sizes = new Int32Array(order.length).fill(1);
  for (let at = order.length - 1; at > 0; at -= 1) sizes[up(at)] = (sizes[up(at)] ?? 0) + (sizes[at] ?? 0);
  const next = new Int32Array(order.length);
  for (let at = 0; at < order.length; at += 1) {
    const start = at === 0 ? 0 : (next[up(at)] ?? 0);
    first[at] = start;
    next[at] = start + 1;
    last[at] = start + (sizes[at] ?? 0);
    if (at > 0) next[up(at)] = start + (sizes[at] ?? 0);
  }
  const dominates = (outer: number, inner: number): boolean => {
    const [a, b] = [position.get(outer), position.get(inner)];
    if (a === undefined || b === undefined) return false;
    const start = first[b] ?? 0;
    return (first[a] ?? 0) <= start && start < (last[a] ?? 0);
  };
  const common = (left: number, right: number): number | undefined => {
    if (left === right) return left;
    const [a, b] = [position.get(left), position.get(right)];
    return a === undefined || b === undefined ? undefined : idOf(intersect(a, b));
  };
  return { immediate, children, dominates, common };
});

export interface Liveness {
  /** Values live on entry to a block, its own parameters excluded. */
  readonly entry: ReadonlyMap<number, BitSet>;
  /** Values live at a block's end, after its terminator took its operands and edge arguments. */
  readonly exit: ReadonlyMap<number, BitSet>;
}

/** Backward data flow to a fixed point. Edge arguments are uses at the end of the block that jumps. */
export const liveness = remembered((fn): Liveness => {
  const entry = new Map<number, BitSet>();
  const exit = new Map<number, BitSet>();
  const blocks = blocksById(fn);
  const before = predecessors(fn);
  const order = [...reversePostorder(fn)].reverse();
  /** Blocks in front of what has changed since they were looked at. */
  const stale = new Set(order);
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      if (!stale.delete(id)) continue;
      const block = blockOf(blocks, id);
      const live = new BitSet(fn.widths.length);
      for (const { block: next } of edgesOf(block.terminator)) {
        const following = entry.get(next);
        if (following !== undefined) live.addAll(following);
      }
      exit.set(id, live.copy());
      const use = (operand: Operand): void => {
        if (typeof operand === 'number') live.add(operand);
      };
      for (const edge of edgesOf(block.terminator)) edge.arguments.forEach(use);
      terminatorOperands(block.terminator).forEach(use);
      for (const instruction of block.instructions.toReversed()) {
        const result = resultOf(instruction);
        if (result !== undefined) live.delete(result);
        eachOperand(instruction, use);
      }
      for (const parameter of block.parameters) live.delete(parameter);
      const known = entry.get(id);
      if (known !== undefined && !known.addAll(live)) continue;
      entry.set(id, live);
      for (const predecessor of before.get(id) ?? []) stale.add(predecessor);
      changed = true;
    }
  }
  return { entry, exit };
});

/** Natural loops: by its head's id, the ids of a loop's blocks. Loops with one head are one. */
export const naturalLoops = remembered((fn): ReadonlyMap<number, ReadonlySet<number>> => {
  const { dominates } = dominatorTree(fn);
  const before = predecessors(fn);
  const bodies = new Map<number, Set<number>>();
  for (const block of fn.blocks)
    for (const edge of edgesOf(block.terminator)) {
      if (!dominates(edge.block, block.id)) continue;
      const body = bodies.get(edge.block) ?? new Set([edge.block]);
      bodies.set(edge.block, body);
      const work = [block.id];
      for (let id = work.pop(); id !== undefined; id = work.pop()) {
        if (body.has(id)) continue;
        body.add(id);
        work.push(...(before.get(id) ?? []));
      }
    }
  return bodies;
});

/** How many natural loops contain each block, for spill costs. */
export const loopDepths = remembered((fn): ReadonlyMap<number, number> => {
  const depth = new Map<number, number>(fn.blocks.map((block) => [block.id, 0]));
  for (const body of naturalLoops(fn).values())
    for (const id of body) depth.set(id, (depth.get(id) ?? 0) + 1);
  return depth;
});
