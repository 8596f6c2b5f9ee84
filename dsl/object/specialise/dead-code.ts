/**
 * Removes what has no effect: computations whose result nobody needs (backward liveness, a removed operation needing
 * nothing itself), code that nothing reaches, and jumps to where control goes anyway.
 */
import { ALU, ATOMIC, CLASS, MODE, OPCODE_CALL, OPCODE_LDDW, SOURCE } from '../instruction.ts';
import type { Blocks } from './blocks.ts';
import { type Code, FLOW, nextOperation, type Operation, refersToFunction } from './code.ts';

const bit = (register: number): number => 1 << register;
const RESULT = bit(0);
const ARGUMENTS = bit(1) | bit(2) | bit(3) | bit(4) | bit(5);
const CLASSIC_CONTEXT = bit(6);

/** Whether an operation does nothing where `live` are the registers, as bits, that are needed after it. */
function isUnneeded({ opcode, dst }: Operation, live: number): boolean {
  if ((live & bit(dst)) !== 0) return false;
  const kind = opcode & 7;
  return kind === CLASS.alu || kind === CLASS.alu64 || kind === CLASS.ldx || opcode === OPCODE_LDDW;
}

/** Registers, as bits, that are needed before an operation where those of `live` are after it; none of it where it is unneeded. */
function neededBefore(operation: Operation, live: number): number {
  const { opcode, dst, src } = operation;
  const own = bit(dst);
  const source = (opcode & SOURCE.register) !== 0 ? bit(src) : 0;
  switch (opcode & 7) {
    case CLASS.ldx:
      return (live & own) === 0 ? live : (live & ~own) | bit(src);
    case CLASS.alu:
    case CLASS.alu64: {
      if ((live & own) === 0) return live;
      const kind = opcode & 0xf0;
      if (kind === ALU.mov) return (live & ~own) | source;
      return kind === ALU.end ? live : live | source;
    }
    case CLASS.ld:
      if (opcode === OPCODE_LDDW) return live & ~own;
      return (live & ~(RESULT | ARGUMENTS)) | bit(src) | CLASSIC_CONTEXT;
    case CLASS.st:
      return live | own;
    case CLASS.stx: {
      const exchanges = (opcode & 0xe0) === MODE.atomic && operation.imm === ATOMIC.compareExchange;
      return live | own | bit(src) | (exchanges ? RESULT : 0);
    }
    default:
      if (opcode === OPCODE_CALL) return (live & ~RESULT) | ARGUMENTS;
      if (operation.flow === FLOW.exit) return live | RESULT;
      return operation.flow === FLOW.conditional ? live | own | source : live;
  }
}

/** Registers needed after each slot's operation. */
function liveness(code: Code, { starts, last, following, order }: Blocks): Uint16Array {
  /** By first slot of a block: needed at its start. */
  const needed = new Uint16Array(code.length + 1);
  const after = new Uint16Array(code.length + 1);
  const retreats = (index: number, to: number): boolean => {
    const position = order[to] ?? 0;
    return position !== 0 && position <= index + 1;
  };
  const done = new Uint8Array(code.length + 1);
  let again: boolean;
  do {
    let changed = false;
    let loops = false;
    for (let index = starts.length - 1; index >= 0; index--) {
      const start = starts[index] ?? 0;
      const end = last[start] ?? start;
      const ending = code[end];
      const flow = ending?.flow ?? FLOW.next;
      let live = 0;
      if (flow === FLOW.next || flow === FLOW.conditional) {
        const next = following[start] ?? 0;
        live |= needed[next] ?? 0;
        if (retreats(index, next)) loops = true;
      }
      if (flow === FLOW.goto || flow === FLOW.conditional) {
        const target = ending?.target ?? 0;
        live |= needed[target] ?? 0;
        if (retreats(index, target)) loops = true;
      }
      if (done[start] === 1 && after[end] === live) continue;
      done[start] = 1;
      for (let slot = end; slot >= start; slot--) {
        const operation = code[slot];
        after[slot] = live;
        if (operation !== undefined) live = neededBefore(operation, live);
      }
      if (live !== needed[start]) changed = true;
      needed[start] = live;
    }
    again = changed && loops;
  } while (again);
  return after;
}

function removeUnneeded(code: Code, blocks: Blocks): void {
  const after = liveness(code, blocks);
  for (let slot = 0; slot < code.length; slot++) {
    const operation = code[slot];
    if (operation !== undefined && isUnneeded(operation, after[slot] ?? 0)) code[slot] = undefined;
  }
}

/** Where a jump to the block at `slot` ends up: past jumps that go elsewhere at once. */
function destination(code: Code, slot: number): number {
  let at = slot;
  for (let hops = 0; hops < code.length; hops++) {
    const operation = code[nextOperation(code, at)];
    if (operation === undefined || operation.flow !== FLOW.goto) return at;
    at = operation.target;
  }
  return at;
}

function threadJumps(code: Code): void {
  for (let slot = 0; slot < code.length; slot++) {
    const operation = code[slot];
    if (operation === undefined || operation.target < 0 || refersToFunction(operation)) continue;
    const target = destination(code, operation.target);
    if (target !== operation.target) code[slot] = { ...operation, target };
  }
}

function removeUnreachable(code: Code): void {
  const reached = new Uint8Array(code.length + 1);
  const work = [0];
  for (let start = work.pop(); start !== undefined; start = work.pop()) {
    let slot = nextOperation(code, start);
    while (reached[slot] === 0) {
      reached[slot] = 1;
      const operation = code[slot];
      if (operation === undefined || operation.flow === FLOW.exit) break;
      if (operation.target >= 0) work.push(operation.target);
      if (operation.flow === FLOW.goto) break;
      slot = nextOperation(code, slot + 1);
    }
  }
  for (let slot = 0; slot < code.length; slot++) if (reached[slot] === 0) code[slot] = undefined;
}

/** Removes jumps to what follows anyway; true when one of them had a condition, whose operands are needed no more. */
function removeIdleJumps(code: Code): boolean {
  let removedCondition = false;
  for (let slot = code.length - 1; slot >= 0; slot--) {
    const operation = code[slot];
    if (operation === undefined || operation.target < 0 || refersToFunction(operation)) continue;
    if (nextOperation(code, slot + 1) !== nextOperation(code, operation.target)) continue;
    code[slot] = undefined;
    if (operation.flow === FLOW.conditional) removedCondition = true;
  }
  return removedCondition;
}

/** Removes dead code in place, until none is left. `blocks`: of the code as it was decoded. */
export function removeDeadCode(code: Code, blocks: Blocks): void {
  do {
    removeUnneeded(code, blocks);
    threadJumps(code);
    removeUnreachable(code);
  } while (removeIdleJumps(code));
}
