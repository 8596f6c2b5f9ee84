import { describe, expect, it } from 'vitest';
import { dominatorTree, loopDepths, predecessors, reversePostorder } from './analysis.ts';
import { parseFunction } from './parse.ts';

const LOOP = parseFunction(`func @loop(%0:64) {
b0:
  %1:32 = load.4 context [%0]
  jump b1(0, 0)
b1(%2:32, %3:32):
  branch.32 ult %2, %1 -> b2, b5
b2:
  %4:32 = and.32 %2, 1
  branch.32 eq %4, 0 -> b3, b4(%3)
b3:
  %5:32 = add.32 %3, %2
  jump b4(%5)
b4(%6:32):
  %7:32 = add.32 %2, 1
  jump b1(%7, %6)
b5:
  return %3
}`);

describe('analysis of the flow graph', () => {
  it('keeps what it knows of a flow that a changed function still has, and of no other', () => {
    const tree = dominatorTree(LOOP);
    const blocks = LOOP.blocks.map((block) => ({ ...block, instructions: [...block.instructions] }));
    expect(dominatorTree({ ...LOOP, blocks })).toBe(tree);
    const jump = { op: 'jump', to: { block: 5, arguments: [] } } as const;
    const redirected = blocks.map((block) => (block.id === 2 ? { ...block, terminator: jump } : block));
    expect(dominatorTree({ ...LOOP, blocks: redirected }).immediate.get(4)).toBeUndefined();
    expect(reversePostorder({ ...LOOP, blocks: redirected })).toEqual([0, 1, 2, 5]);
  });

  it('orders blocks after their predecessors, loops aside, the taken way of a branch first', () => {
    expect(reversePostorder(LOOP)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('lists predecessors', () => {
    expect(predecessors(LOOP).get(1)).toEqual([0, 4]);
    expect(predecessors(LOOP).get(4)).toEqual([2, 3]);
  });

  it('finds immediate dominators', () => {
    const tree = dominatorTree(LOOP);
    expect([0, 1, 2, 3, 4, 5].map((id) => tree.immediate.get(id))).toEqual([0, 0, 1, 2, 2, 1]);
    expect(tree.dominates(1, 4)).toBe(true);
    expect(tree.dominates(3, 4)).toBe(false);
    expect(tree.dominates(4, 4)).toBe(true);
  });

  it('counts the loops around each block', () => {
    expect([...loopDepths(LOOP).values()]).toEqual([0, 1, 1, 1, 1, 0]);
  });
});
