/** Facts about a function's flow graph that passes and the backend share. Every map is keyed by block id. */
import type { Block, IrFunction, Operand, ValueId } from './ir.ts';
import { edgesOf, operandsOf, resultOf, terminatorOperands } from './visit.ts';

/** An analysis that remembers its result for as long as the function lives; no function ever changes. */
function remembered<T>(analyse: (fn: IrFunction) => T): (fn: IrFunction) => T {
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
}

/** Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001). */
export const dominatorTree = remembered((fn): DominatorTree => {
  const order = reversePostorder(fn);
  const position = new Map(order.map((id, index) => [id, index]));
  const before = predecessors(fn);
  const at = (id: number): number => position.get(id) ?? -1;
  const entry = entryOf(fn).id;
  const immediate = new Map<number, number>([[entry, entry]]);
  const up = (id: number): number => immediate.get(id) ?? entry;
  const intersect = (first: number, second: number): number => {
    let [left, right] = [first, second];
    while (left !== right) {
      while (at(left) > at(right)) left = up(left);
      while (at(right) > at(left)) right = up(right);
    }
    return left;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      if (id === entry) continue;
      const known = (before.get(id) ?? []).filter((predecessor) => immediate.has(predecessor));
      const next = known.reduce(intersect);
      if (immediate.get(id) !== next) {
        immediate.set(id, next);
        changed = true;
      }
    }
  }
  const children = new Map<number, number[]>(order.map((id) => [id, []]));
  for (const id of order) if (id !== entry) children.get(up(id))?.push(id);
  // Preorder intervals answer dominance in constant time.
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  let clock = 0;
  const walk: { id: number; done: boolean }[] = [{ id: entry, done: false }];
  for (let top = walk.pop(); top; top = walk.pop()) {
    if (top.done) {
      last.set(top.id, clock);
      continue;
    }
    first.set(top.id, clock++);
    walk.push({ id: top.id, done: true });
    for (const child of children.get(top.id) ?? []) walk.push({ id: child, done: false });
  }
  const dominates = (above: number, below: number): boolean => {
    const [start, end, inner] = [first.get(above), last.get(above), first.get(below)];
    return start !== undefined && end !== undefined && inner !== undefined && start <= inner && inner < end;
  };
  return { immediate, children, dominates };
});

export interface Liveness {
  /** Values live on entry to a block, its own parameters excluded. */
  readonly entry: ReadonlyMap<number, ReadonlySet<ValueId>>;
  /** Values live at a block's end, after its terminator took its operands and edge arguments. */
  readonly exit: ReadonlyMap<number, ReadonlySet<ValueId>>;
}

const isValue = (operand: Operand): operand is ValueId => typeof operand === 'number';

/** Backward data flow to a fixed point. Edge arguments are uses at the end of the block that jumps. */
export function liveness(fn: IrFunction): Liveness {
  const entry = new Map<number, ReadonlySet<ValueId>>();
  const exit = new Map<number, ReadonlySet<ValueId>>();
  const blocks = blocksById(fn);
  const order = [...reversePostorder(fn)].reverse();
  for (let changed = true; changed; ) {
    changed = false;
    for (const id of order) {
      const block = blockOf(blocks, id);
      const live = new Set<ValueId>();
      const edges = edgesOf(block.terminator);
      for (const edge of edges) for (const value of entry.get(edge.block) ?? []) live.add(value);
      exit.set(id, new Set(live));
      for (const edge of edges) for (const value of edge.arguments) if (isValue(value)) live.add(value);
      for (const value of terminatorOperands(block.terminator)) if (isValue(value)) live.add(value);
      for (const instruction of [...block.instructions].reverse()) {
        const result = resultOf(instruction);
        if (result !== undefined) live.delete(result);
        for (const value of operandsOf(instruction)) if (isValue(value)) live.add(value);
      }
      for (const parameter of block.parameters) live.delete(parameter);
      if (live.size !== entry.get(id)?.size) {
        entry.set(id, live);
        changed = true;
      }
    }
  }
  return { entry, exit };
}

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
export function loopDepths(fn: IrFunction): ReadonlyMap<number, number> {
  const depth = new Map<number, number>(fn.blocks.map((block) => [block.id, 0]));
  for (const body of naturalLoops(fn).values())
    for (const id of body) depth.set(id, (depth.get(id) ?? 0) + 1);
  return depth;
}
