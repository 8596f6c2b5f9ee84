/**
 * Basic blocks in reverse postorder: a forward sweep meets each block after what leads to it, a backward sweep after
 * what follows it, loops excepted. Code without loops needs one sweep of either kind.
 */
import { type Code, FLOW, nextOperation } from './code.ts';

export interface Blocks {
  /** First slot of each block that can be reached, in reverse postorder; slot 0 first. */
  readonly starts: readonly number[];
  /** By first slot: the slot of the block's last operation. */
  readonly last: Int32Array;
  /** By first slot: the slot that follows the block. */
  readonly following: Int32Array;
  /** By first slot: 1 more than the block's index in `starts`, 0 for slots where no block starts. */
  readonly order: Int32Array;
}

function leadersOf(code: Code): Uint8Array {
  const leaders = new Uint8Array(code.length + 1);
  for (let slot = 0; slot < code.length; slot++) {
    const operation = code[slot];
    if (operation === undefined || operation.target < 0) continue;
    leaders[operation.target] = 1;
    if (operation.flow !== FLOW.next) leaders[nextOperation(code, slot + 1)] = 1;
  }
  return leaders;
}

export function blocksOf(code: Code): Blocks {
  const leaders = leadersOf(code);
  const last = new Int32Array(code.length + 1);
  const following = new Int32Array(code.length + 1);
  const order = new Int32Array(code.length + 1);
  const seen = new Uint8Array(code.length + 1);
  const starts: number[] = [];
  // A number below zero is a block whose successors are all done.
  const stack = [0];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (top < 0) {
      starts.push(~top);
      continue;
    }
    if (seen[top] === 1) continue;
    seen[top] = 1;
    stack.push(~top);
    let slot = top;
    for (;;) {
      const operation = code[slot];
      last[top] = slot;
      if (operation === undefined) break;
      const next = nextOperation(code, slot + 1);
      following[top] = next;
      if (operation.target >= 0) stack.push(operation.target);
      if (operation.flow === FLOW.next && leaders[next] === 0) {
        slot = next;
        continue;
      }
      if (operation.flow === FLOW.next || operation.flow === FLOW.conditional) stack.push(next);
      break;
    }
  }
  starts.reverse();
  for (let index = 0; index < starts.length; index++) order[starts[index] ?? 0] = index + 1;
  return { starts, last, following, order };
}
