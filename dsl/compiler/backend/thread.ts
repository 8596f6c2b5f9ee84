/** Jumps to jumps, and returns that need none. */
import { reversePostorderOf } from './graph.ts';
import { type MachineBlock, type MachineFunction, type MachineTerminator, successors } from './machine.ts';

/** Blocks that only jump on are skipped by whoever jumps to them; what nobody jumps to goes. */
export function threadJumps(fn: MachineFunction): MachineFunction {
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
      if (then === terminator.then && otherwise === terminator.otherwise && then !== otherwise)
        return terminator;
      if (then !== otherwise) return { ...terminator, then, otherwise };
      return { op: 'jump', to: then, ...(terminator.span && { span: terminator.span }) };
    }
    const to = destination(terminator.to);
    return to === terminator.to ? terminator : { ...terminator, to };
  };
  const blocks = fn.blocks.map((block) => {
    const terminator = threaded(block.terminator);
    return terminator === block.terminator ? block : { ...block, terminator };
  });
  const reachable = new Set(reversePostorderOf({ ...fn, blocks }));
  return { ...fn, blocks: blocks.filter((block) => reachable.has(block)) };
}

/** Makes every return a jump to one block that does nothing else, so that one way may run into it. */
export function joinExits(fn: MachineFunction): MachineFunction {
  const id = Math.max(...fn.blocks.map((block) => block.id)) + 1;
  const blocks = fn.blocks.map((block): MachineBlock => {
    const { terminator } = block;
    if (terminator.op !== 'exit') return block;
    return {
      ...block,
      terminator: { op: 'jump', to: id, ...(terminator.span && { span: terminator.span }) },
    };
  });
  const exits = fn.blocks.filter(({ terminator }) => terminator.op === 'exit');
  const [first] = exits;
  if (first === undefined) return fn;
  const frequency = exits.reduce((sum, block) => sum + block.frequency, 0);
  return { ...fn, blocks: [...blocks, { id, instructions: [], terminator: first.terminator, frequency }] };
}

/** The other way round, for the blocks in the order of their emission: a return costs no more than a jump to one. */
export function splitExits(blocks: readonly MachineBlock[]): readonly MachineBlock[] {
  const exits = new Map(
    blocks.flatMap(({ id, instructions, terminator }) =>
      terminator.op === 'exit' && instructions.length === 0 ? [[id, terminator] as const] : [],
    ),
  );
  const split = blocks.map((block, index): MachineBlock => {
    const { terminator } = block;
    if (terminator.op !== 'jump' || terminator.to === blocks[index + 1]?.id) return block;
    return { ...block, terminator: exits.get(terminator.to) ?? terminator };
  });
  const reached = new Set(split.flatMap(({ terminator }) => successors(terminator)));
  return split.filter((block, index) => index === 0 || !exits.has(block.id) || reached.has(block.id));
}
