/**
 * The order of two tests of one number that lead to the same place, as `type === A || type === B` does: the test in front of
 * that place runs into it, the other one has to jump. The likelier number is named first, as a rule, so it's tested last:
 * one more test that fails costs less than a jump (Intel 64 and IA-32 Architectures Optimization Reference Manual, section
 * 3.4.1, on taken branches).
 */
import { predecessorsOf } from './graph.ts';
import { livenessOf } from './liveness.ts';
import {
  defined,
  hasOnlyResult,
  type MachineBlock,
  type MachineFunction,
  type MachineTerminator,
} from './machine.ts';

type Branch = Extract<MachineTerminator, { op: 'branch' }>;
/** A test of a register for equality with a constant. */
type Test = Branch & { readonly right: { readonly imm: number } };

function testOf({ terminator }: MachineBlock): Test | undefined {
  if (terminator.op !== 'branch' || terminator.likely !== undefined || 'register' in terminator.right)
    return undefined;
  const isEquality = terminator.condition === 'eq' || terminator.condition === 'ne';
  return isEquality ? { ...terminator, right: terminator.right } : undefined;
}

/** Where a test leads with the number that it asks for, and with any other. */
function waysOf({ condition, then, otherwise }: Test): readonly [number, number] {
  return condition === 'eq' ? [then, otherwise] : [otherwise, then];
}

/** For blocks in the order of their emission. */
export function orderTests(fn: MachineFunction): MachineFunction {
  const before = predecessorsOf(fn);
  const blocks = [...fn.blocks];
  for (const [index, unchanged] of fn.blocks.entries()) {
    const [block, second] = [blocks[index], blocks[index + 1]];
    const place = blocks[index + 2]?.id;
    if (block === undefined || second === undefined || place === undefined || block !== unchanged) continue;
    const [first, last] = [testOf(block), testOf(second)];
    if (first === undefined || last === undefined) continue;
    const same = first.left === last.left && first.width === last.width;
    const [to, on] = waysOf(first);
    const leads = to === place && on === second.id && waysOf(last)[0] === place;
    if (!same || !leads || before.get(second.id)?.length !== 1) continue;
    // What stands between the tests is done on more ways than before.
    const harmless = second.instructions.every(
      (each) =>
        hasOnlyResult(each) &&
        defined(each).every(
          (register) => register !== first.left && !livenessOf(fn).entry.has(index + 2, register),
        ),
    );
    if (!harmless) continue;
    blocks[index] = { ...block, terminator: { ...first, right: last.right } };
    blocks[index + 1] = { ...second, terminator: { ...last, right: first.right } };
  }
  return { ...fn, blocks };
}
