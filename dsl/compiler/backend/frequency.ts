/** How often each block runs, guessed from loops and the source's hints: for spill costs and block placement. */
import { blocksById, dominatorTree, loopDepths, reversePostorder } from '../ir/analysis.ts';
import type { IrFunction } from '../ir/ir.ts';

/** A loop without a better guess runs this often; a hinted edge is taken this often out of once. */
const ROUNDS = 8;
const LIKELY = 0.95;

/** Executions of each block per execution of the function, by block id. */
export function blockFrequencies(fn: IrFunction): ReadonlyMap<number, number> {
  const blocks = blocksById(fn);
  const { dominates } = dominatorTree(fn);
  const depths = loopDepths(fn);
  const acyclic = new Map<number, number>();
  const order = reversePostorder(fn);
  const add = (to: number, from: number, share: number) => {
    // Back edges return what the loop's factor below accounts for.
    if (!dominates(to, from)) acyclic.set(to, (acyclic.get(to) ?? 0) + share);
  };
  for (const id of order) {
    const terminator = blocks.get(id)?.terminator;
    const own = id === order[0] ? 1 : (acyclic.get(id) ?? 0);
    acyclic.set(id, own);
    if (terminator?.op === 'jump') add(terminator.to.block, id, own);
    if (terminator?.op !== 'branch') continue;
    const { then, otherwise, likely } = terminator;
    // What enters a loop leaves it in the end: without its back edges, both ways get everything.
    const leaves = (depths.get(then.block) ?? 0) !== (depths.get(otherwise.block) ?? 0);
    const share = likely === undefined ? 0.5 : likely ? LIKELY : 1 - LIKELY;
    add(then.block, id, leaves && likely === undefined ? own : own * share);
    add(otherwise.block, id, leaves && likely === undefined ? own : own * (1 - share));
  }
  return new Map(order.map((id) => [id, (acyclic.get(id) ?? 0) * ROUNDS ** (depths.get(id) ?? 0)]));
}
