/** The order of blocks: likely ways fall through, unlikely blocks come last, and empty ones vanish. */
import { reversePostorderOf } from './graph.ts';
import { type MachineBlock, type MachineFunction, type MachineTerminator, successors } from './machine.ts';

/** A block that runs less often than this, per execution of the function, goes to the end. */
const COLD = 0.12;

/** Blocks that only jump on are skipped by whoever jumps to them. */
function threadJumps(fn: MachineFunction): MachineFunction {
  const byId = new Map(fn.blocks.map((block) => [block.id, block]));
  const destination = (id: number): number => {
    const seen = new Set<number>();
    let current = id;
    for (;;) {
      const block = byId.get(current);
      const onward = block?.terminator.op === 'jump' && block.instructions.length === 0;
      if (!onward || block.terminator.op !== 'jump' || seen.has(current)) return current;
      seen.add(current);
      current = block.terminator.to;
    }
  };
  const threaded = (terminator: MachineTerminator): MachineTerminator => {
    if (terminator.op === 'exit') return terminator;
    if (terminator.op === 'branch') {
      const then = destination(terminator.then);
      const otherwise = destination(terminator.otherwise);
      if (then !== otherwise) return { ...terminator, then, otherwise };
      return { op: 'jump', to: then, ...(terminator.span && { span: terminator.span }) };
    }
    const to = destination(terminator.to);
    const target = byId.get(to);
    // A jump to a bare exit is an exit.
    if (target?.terminator.op === 'exit' && target.instructions.length === 0) return target.terminator;
    return { ...terminator, to };
  };
  return { ...fn, blocks: fn.blocks.map((block) => ({ ...block, terminator: threaded(block.terminator) })) };
}

/** Puts blocks in the order in which they are emitted; no unreachable block is left. */
export function layOut(fn: MachineFunction): MachineFunction {
  const threaded = threadJumps(fn);
  const order = reversePostorderOf(threaded);
  const position = new Map(order.map((block, index) => [block.id, index]));
  const byId = new Map(order.map((block) => [block.id, block]));
  const placed = new Set<number>();
  const result: MachineBlock[] = [];
  const better = (left: MachineBlock, right: MachineBlock): number =>
    right.frequency - left.frequency || (position.get(left.id) ?? 0) - (position.get(right.id) ?? 0);
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
        .filter((candidate) => candidate.frequency >= COLD || own.frequency < COLD)
        .sort((left, right) => preferred(own, left, right) || better(left, right))[0];
    }
  };
  /** Where both ways are equally likely, the one that joins the other later comes after it. */
  const preferred = (from: MachineBlock, left: MachineBlock, right: MachineBlock): number => {
    if (from.terminator.op !== 'branch' || from.terminator.likely !== undefined) return 0;
    const earlier = (position.get(left.id) ?? 0) - (position.get(right.id) ?? 0);
    const [first, second] = earlier < 0 ? [left, right] : [right, left];
    return successors(first.terminator).includes(second.id) ? earlier : 0;
  };
  const [entry] = order;
  if (entry) chain(entry);
  for (const hot of [true, false])
    for (const block of order) if (!placed.has(block.id) && block.frequency >= COLD === hot) chain(block);
  return { ...threaded, blocks: result };
}
