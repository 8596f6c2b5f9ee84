/** Facts about a function's flow graph that passes and the backend share. */
import { ByBlock, type ReadonlyByBlock } from './by-block.ts';
import type { Block, Edge, IrFunction, Terminator } from './ir.ts';
import { eachEdge, edgesOf } from './visit.ts';

/**
 * An analysis that remembers its result of the function that it was asked for last; no function ever changes. Whoever
 * goes on to a changed function never comes back to the one before. `basisOf` gives what the result is of: it holds as long
 * as that is the same. `analyse` gets what was found last, too.
 */
export function remembered<T, Fn extends object = IrFunction>(
  analyse: (fn: Fn, last: { readonly fn: Fn; readonly result: T } | undefined) => T,
  basisOf: (fn: Fn) => Fn = (fn) => fn,
): (fn: Fn) => T {
  let last: { readonly fn: Fn; readonly basis: Fn; readonly result: T } | undefined;
  return (fn) => {
    if (last?.fn === fn) return last.result;
    const basis = basisOf(fn);
    const result = last?.basis === basis ? last.result : analyse(fn, last);
    last = { fn, basis, result };
    return result;
  };
}

/** For `basisOf` of several analyses: of functions asked for one after the other that are alike, the first. */
export function firstOf(areAlike: (before: IrFunction, after: IrFunction) => boolean) {
  let last: { readonly fn: IrFunction; readonly first: IrFunction } | undefined;
  return (fn: IrFunction): IrFunction => {
    if (last?.fn !== fn) last = { fn, first: last !== undefined && areAlike(last.fn, fn) ? last.first : fn };
    return last.first;
  };
}

/** Whether each block of a function is the same as the one in its place in another, as far as `alike` looks. */
export const blocksAlike =
  (alike: (a: Block, b: Block) => boolean) =>
  ({ blocks: a }: IrFunction, { blocks: b }: IrFunction): boolean => {
    if (a.length !== b.length) return false;
    for (let place = 0; place < a.length; place += 1) {
      const [block, other] = [a[place], b[place]];
      if (block === other || block === undefined || other === undefined) continue;
      if (block.id !== other.id || !alike(block, other)) return false;
    }
    return true;
  };

/** Blocks that differ from those in the same places of another function; undefined where most do, or there are more or less. */
export function changedBlocks({ blocks: from }: IrFunction, { blocks: to }: IrFunction) {
  if (from.length !== to.length) return undefined;
  const [before, after]: [Block[], Block[]] = [[], []];
  for (let place = 0; place < to.length; place += 1) {
    const [old, own] = [from[place], to[place]];
    if (old === own || old === undefined || own === undefined) continue;
    before.push(old);
    after.push(own);
  }
  return after.length * 2 > to.length ? undefined : { before, after };
}

/** Whether control goes the same ways behind both. */
function leadsAlike(a: Terminator, b: Terminator): boolean {
  if (a === b) return true;
  switch (a.op) {
    case 'jump':
      return b.op === 'jump' && a.to.block === b.to.block;
    case 'branch':
      return b.op === 'branch' && a.then.block === b.then.block && a.otherwise.block === b.otherwise.block;
    case 'return':
      return b.op === 'return';
  }
}

/** A function through which control takes the same ways. */
const flowOf = firstOf(blocksAlike((a, b) => leadsAlike(a.terminator, b.terminator)));

/** Blocks by id. */
export const blocksById = remembered((fn): ReadonlyByBlock<Block> => {
  const blocks = new ByBlock<Block>(fn);
  for (const block of fn.blocks) blocks.set(block.id, block);
  return blocks;
});

/** A block by id. Throws when the function has no such block. */
export function blockOf(blocks: ReadonlyByBlock<Block>, id: number): Block {
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
export const predecessors = remembered((fn): ReadonlyByBlock<readonly number[]> => {
  const result = new ByBlock<number[]>(fn);
  for (const block of fn.blocks) result.set(block.id, []);
  for (const { id, terminator } of fn.blocks)
    eachEdge(terminator, (edge) => {
      result.get(edge.block)?.push(id);
    });
  return result;
}, flowOf);

/** The edge that is followed as the one with number `index`: the taken way of a branch comes last. */
function edgeAt(terminator: Terminator, index: number): Edge | undefined {
  switch (terminator.op) {
    case 'jump':
      return index === 0 ? terminator.to : undefined;
    case 'branch':
      return index === 0 ? terminator.otherwise : index === 1 ? terminator.then : undefined;
    case 'return':
      return undefined;
  }
}

/** Ids of reachable blocks in reverse postorder: every block after its dominators, loops aside after its predecessors. */
export const reversePostorder = remembered((fn): readonly number[] => {
  const blocks = blocksById(fn);
  /** How many edges of a block have been followed; undefined before it is reached. */
  const followed = new ByBlock<number>(fn);
  const order: number[] = [];
  const stack: Block[] = [];
  const enter = (block: Block): void => {
    if (followed.get(block.id) !== undefined) return;
    followed.set(block.id, 0);
    stack.push(block);
  };
  enter(entryOf(fn));
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { id, terminator } = top;
    const next = followed.get(id) ?? 0;
    followed.set(id, next + 1);
    // The last edge first, so that the taken way of a branch comes first in the reversed order.
    const edge = edgeAt(terminator, next);
    if (edge !== undefined) enter(blockOf(blocks, edge.block));
    else {
      order.push(id);
      stack.pop();
    }
  }
  return order.reverse();
}, flowOf);

/** The blocks of `reversePostorder`. */
export const blocksInOrder = remembered((fn): readonly Block[] => {
  const blocks = blocksById(fn);
  return reversePostorder(fn).map((id) => blockOf(blocks, id));
});

export interface DominatorTree {
  /** Immediate dominator; the entry's is itself. Unreachable blocks are absent. */
  readonly immediate: ReadonlyByBlock<number>;
  /** Blocks that a block immediately dominates. */
  readonly children: ReadonlyByBlock<readonly number[]>;
  /** Whether `above` dominates `below`; a block dominates itself. */
  dominates(above: number, below: number): boolean;
  /** The nearest block that dominates both; undefined where one can't be reached and isn't the other. */
  common(left: number, right: number): number | undefined;
}

/** The immediate dominator of each block of `order`, all by position in it. */
function immediateDominators(ways: readonly (readonly number[])[]): Int32Array {
  const above = new Int32Array(ways.length).fill(-1);
  above[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = 1; at < ways.length; at += 1) {
      let next = -1;
      for (const way of ways[at] ?? [])
        if ((above[way] ?? -1) >= 0) next = next < 0 ? way : nearest(above, way, next);
      if (above[at] === next) continue;
      above[at] = next;
      changed = true;
    }
  }
  return above;
}

/** The nearest that is above both. */
function nearest(above: Int32Array, first: number, second: number): number {
  let left = first;
  let right = second;
  while (left !== right) {
    while (left > right) left = above[left] ?? 0;
    while (right > left) right = above[right] ?? 0;
  }
  return left;
}

/** Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm" (2001). */
export const dominatorTree = remembered((fn): DominatorTree => {
  const order = reversePostorder(fn);
  const position = new ByBlock<number>(fn);
  for (const [at, id] of order.entries()) position.set(id, at);
  const before = predecessors(fn);
  const ways = order.map((id) => {
    const own: number[] = [];
    for (const way of before.get(id) ?? []) {
      const at = position.get(way);
      if (at !== undefined) own.push(at);
    }
    return own;
  });
  const above = immediateDominators(ways);
  const up = (at: number): number => above[at] ?? 0;
  const idOf = (at: number): number => order[at] ?? 0;
  const immediate = new ByBlock<number>(fn);
  const children = new ByBlock<number[]>(fn);
  for (const [at, id] of order.entries()) {
    immediate.set(id, idOf(up(at)));
    children.set(id, []);
    if (at > 0) children.get(idOf(up(at)))?.push(id);
  }
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
    return a === undefined || b === undefined ? undefined : idOf(nearest(above, a, b));
  };
  return { immediate, children, dominates, common };
}, flowOf);

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
}, flowOf);

/** How many natural loops contain each block, for spill costs. */
export const loopDepths = remembered((fn): ReadonlyMap<number, number> => {
  const depth = new Map<number, number>(fn.blocks.map((block) => [block.id, 0]));
  for (const body of naturalLoops(fn).values())
    for (const id of body) depth.set(id, (depth.get(id) ?? 0) + 1);
  return depth;
}, flowOf);
