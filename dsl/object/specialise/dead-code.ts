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

/** Registers, as bits, that an operation without other effects writes; 0 for one with effects. */
function removable(operation: Operation): number {
  const kind = operation.opcode & 7;
  const pure =
    kind === CLASS.alu || kind === CLASS.alu64 || kind === CLASS.ldx || operation.opcode === OPCODE_LDDW;
  return pure ? bit(operation.dst) : 0;
}

/** Registers, as bits, that an operation overwrites without reading them. */
function overwritten(operation: Operation): number {
  const { opcode, dst } = operation;
  switch (opcode & 7) {
    case CLASS.ld:
      return opcode === OPCODE_LDDW ? bit(dst) : RESULT | ARGUMENTS;
    case CLASS.ldx:
      return bit(dst);
    case CLASS.alu:
    case CLASS.alu64:
      return (opcode & 0xf0) === ALU.mov ? bit(dst) : 0;
    default:
      return opcode === OPCODE_CALL ? RESULT | ARGUMENTS : 0;
  }
}

/** Registers, as bits, that an operation reads. */
function read(operation: Operation): number {
  const { opcode, dst, src, imm, flow } = operation;
  const source = (opcode & SOURCE.register) !== 0 ? bit(src) : 0;
  switch (opcode & 7) {
    case CLASS.ld:
      return opcode === OPCODE_LDDW ? 0 : bit(src) | CLASSIC_CONTEXT;
    case CLASS.ldx:
      return bit(src);
    case CLASS.st:
      return bit(dst);
    case CLASS.stx: {
      const exchanges = (opcode & 0xe0) === MODE.atomic && imm === ATOMIC.compareExchange;
      return bit(dst) | bit(src) | (exchanges ? RESULT : 0);
    }
    case CLASS.alu:
    case CLASS.alu64:
      if ((opcode & 0xf0) === ALU.mov) return source;
      return (opcode & 0xf0) === ALU.end ? bit(dst) : bit(dst) | source;
    default:
      if (opcode === OPCODE_CALL) return ARGUMENTS;
      if (flow === FLOW.exit) return RESULT;
      return flow === FLOW.conditional ? bit(dst) | source : 0;
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
        if (operation === undefined) continue;
        const written = removable(operation);
        if (written === 0 || (live & written) !== 0)
          live = (live & ~overwritten(operation)) | read(operation);
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
  code.forEach((operation, slot) => {
    if (operation === undefined) return;
    const written = removable(operation);
    if (written !== 0 && ((after[slot] ?? 0) & written) === 0) code[slot] = undefined;
  });
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
  code.forEach((operation, slot) => {
    if (operation === undefined || operation.target < 0 || refersToFunction(operation)) return;
    const target = destination(code, operation.target);
    if (target !== operation.target) code[slot] = { ...operation, target };
  });
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
