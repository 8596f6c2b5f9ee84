/** The order of blocks: likely ways fall through, blocks that several ways lead to follow them, unlikely ones come last. */
import { reversePostorderOf } from './graph.ts';
import { type MachineBlock, type MachineFunction, successors } from './machine.ts';
import { splitExits } from './thread.ts';

/** The blocks with an edge to each block that isn't the back edge of a loop, as far as an order tells them. */
function forwardPredecessors(order: readonly MachineBlock[]): ReadonlyMap<number, readonly number[]> {
  const position = new Map(order.map((block, index) => [block.id, index]));
  const result = new Map<number, number[]>(order.map(({ id }) => [id, []]));
  for (const [index, block] of order.entries())
    for (const next of successors(block.terminator))
      if ((position.get(next) ?? 0) > index) result.get(next)?.push(block.id);
  return result;
}

/** Blocks that only edges the source calls unlikely lead to. */
function coldBlocks(order: readonly MachineBlock[]): ReadonlySet<MachineBlock> {
  const hot = new Set(order.slice(0, 1).map(({ id }) => id));
  for (const { id, terminator } of order) {
    if (!hot.has(id)) continue;
    const likely = terminator.op === 'branch' ? terminator.likely : undefined;
    const [then, otherwise] = successors(terminator);
    if (then !== undefined && likely !== false) hot.add(then);
    if (otherwise !== undefined && likely !== true) hot.add(otherwise);
  }
  return new Set(order.filter(({ id }) => !hot.has(id)));
}

/** Where a block usually goes on, if the source says so. */
function likelyOf({ terminator }: MachineBlock): number | undefined {
  if (terminator.op !== 'branch' || terminator.likely === undefined) return undefined;
  const [then, otherwise] = successors(terminator);
  return terminator.likely ? then : otherwise;
}

/** Puts blocks in the order in which they are emitted; no unreachable block is left. */
export function layOut(fn: MachineFunction): MachineFunction {
  const order = reversePostorderOf(fn);
  const position = new Map(order.map((block, index) => [block.id, index]));
  const byId = new Map(order.map((block) => [block.id, block]));
  const before = forwardPredecessors(order);
  const cold = coldBlocks(order);
  const placed = new Set<number>();
  const result: MachineBlock[] = [];
  /** Whether ways into a block are still to come: then it follows them. */
  const awaited = ({ id }: MachineBlock): boolean => before.get(id)?.some((way) => !placed.has(way)) === true;
  /** Whether a block only returns, or sets what is returned. */
  const leaves = ({ terminator }: MachineBlock): boolean =>
    terminator.op === 'exit' ||
    (terminator.op === 'jump' && byId.get(terminator.to)?.terminator.op === 'exit');
  const inOrder = (left: MachineBlock, right: MachineBlock): number =>
    (position.get(left.id) ?? 0) - (position.get(right.id) ?? 0);
  const better = (from: MachineBlock, left: MachineBlock, right: MachineBlock): number => {
    const likely = likelyOf(from);
    if (likely !== undefined) return Number(right.id === likely) - Number(left.id === likely);
    const waits = [left, right].map(awaited);
    if (waits[0] !== waits[1]) return Number(waits[0]) - Number(waits[1]);
    const [first, second] = [left, right].map(leaves);
    return (
      (waits[0] ? 0 : right.frequency - left.frequency) ||
      Number(first) - Number(second) ||
      inOrder(left, right)
    );
  };
  const chain = (start: MachineBlock) => {
    for (let block: MachineBlock | undefined = start; block; ) {
      placed.add(block.id);
      result.push(block);
      const own: MachineBlock = block;
      const next: MachineBlock[] = successors(own.terminator)
        .filter((id) => !placed.has(id))
        .map((id) => byId.get(id))
        .filter((candidate) => candidate !== undefined);
      // A cold block follows a hot one only when nothing else could.
      block = next
        .filter((candidate) => !cold.has(candidate) || cold.has(own))
        .sort((left, right) => better(own, left, right))[0];
    }
  };
  const [entry] = order;
  if (entry) chain(entry);
  for (const isCold of [false, true])
    for (const block of order) if (!placed.has(block.id) && cold.has(block) === isCold) chain(block);
  return { ...fn, blocks: splitExits(result) };
}
