/** The operands and results of instructions and terminators, so that no pass lists every kind of instruction. */
import type { Block, Edge, Instruction, Operand, Terminator, ValueId } from './ir.ts';

/** The value that an instruction defines, if it defines one. */
export function resultOf(instruction: Instruction): ValueId | undefined {
  return instruction.op === 'store' ? undefined : instruction.result;
}

/** Operands in the order of the text form. */
export function operandsOf(instruction: Instruction): readonly Operand[] {
  switch (instruction.op) {
    case 'binary':
      return [instruction.left, instruction.right];
    case 'zext':
    case 'trunc':
    case 'sext':
    case 'swap':
      return [instruction.value];
    case 'load':
      return [instruction.base];
    case 'store':
      return [instruction.base, instruction.value];
    case 'atomic':
      return instruction.expected === undefined
        ? [instruction.base, instruction.value]
        : [instruction.base, instruction.value, instruction.expected];
    case 'helper':
    case 'call':
      return instruction.arguments;
    case 'stackAddress':
    case 'sectionAddress':
    case 'mapAddress':
    case 'functionAddress':
      return [];
  }
}

/** Visits an instruction's operands in the order of the text form. */
export function eachOperand(instruction: Instruction, visit: (operand: Operand) => void): void {
  switch (instruction.op) {
    case 'binary':
      visit(instruction.left);
      visit(instruction.right);
      break;
    case 'zext':
    case 'trunc':
    case 'sext':
    case 'swap':
      visit(instruction.value);
      break;
    case 'load':
      visit(instruction.base);
      break;
    case 'store':
      visit(instruction.base);
      visit(instruction.value);
      break;
    default:
      for (const operand of operandsOf(instruction)) visit(operand);
  }
}

/**
 * `list.map(change)`, or `list` itself where that changes nothing: what is still the same object needn't be looked at
 * again.
 */
export function mapUnlessSame<T>(list: readonly T[], change: (item: T, index: number) => T): readonly T[] {
  let changed: T[] | undefined;
  for (let index = 0; index < list.length; index += 1) {
    const before = list[index] as T;
    const after = change(before, index);
    if (changed !== undefined) changed.push(after);
    else if (after !== before) {
      changed = list.slice(0, index);
      changed.push(after);
    }
  }
  return changed ?? list;
}

/** `after`, or `before` where both hold the very same. */
export function unlessSame<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  const same = before.length === after.length && after.every((item, index) => item === before[index]);
  return same ? before : after;
}

/** `list.filter(keep)`, or `list` itself where all are kept. */
export function filterUnlessSame<T>(list: readonly T[], keep: (item: T) => boolean): readonly T[] {
  const kept = list.filter(keep);
  return kept.length === list.length ? list : kept;
}

/** The same instruction with each operand replaced; itself where all stay. */
export function mapOperands(instruction: Instruction, replace: (operand: Operand) => Operand): Instruction {
  // Written out field by field what there is most of: V8 copies objects of many shapes slowly.
  switch (instruction.op) {
    case 'binary': {
      const left = replace(instruction.left);
      const right = replace(instruction.right);
      if (left === instruction.left && right === instruction.right) return instruction;
      const { operator, width, result, span } = instruction;
      return { op: 'binary', operator, width, result, left, right, span };
    }
    case 'zext':
    case 'trunc': {
      const value = replace(instruction.value);
      if (value === instruction.value) return instruction;
      const { op, result, span } = instruction;
      return { op, result, value, span };
    }
    case 'sext':
    case 'swap': {
      const value = replace(instruction.value);
      return value === instruction.value ? instruction : { ...instruction, value };
    }
    case 'load': {
      const base = replace(instruction.base);
      if (base === instruction.base) return instruction;
      const { bytes, region, offset, result, pointer, span } = instruction;
      return { op: 'load', bytes, region, base, offset, result, pointer, span };
    }
    case 'store': {
      const base = replace(instruction.base);
      const value = replace(instruction.value);
      if (base === instruction.base && value === instruction.value) return instruction;
      const { bytes, region, offset, span } = instruction;
      return { op: 'store', bytes, region, base, offset, value, span };
    }
    case 'atomic': {
      const base = replace(instruction.base);
      const value = replace(instruction.value);
      const expected = instruction.expected === undefined ? undefined : replace(instruction.expected);
      return base === instruction.base && value === instruction.value && expected === instruction.expected
        ? instruction
        : { ...instruction, base, value, ...(expected !== undefined && { expected }) };
    }
    case 'helper':
    case 'call': {
      const replaced = mapUnlessSame(instruction.arguments, replace);
      return replaced === instruction.arguments ? instruction : { ...instruction, arguments: replaced };
    }
    case 'stackAddress':
    case 'sectionAddress':
    case 'mapAddress':
    case 'functionAddress':
      return instruction;
  }
}

/** Outgoing edges: of a branch, the taken one first. */
export function edgesOf(terminator: Terminator): readonly Edge[] {
  switch (terminator.op) {
    case 'jump':
      return [terminator.to];
    case 'branch':
      return [terminator.then, terminator.otherwise];
    case 'return':
      return [];
  }
}

/** Visits the outgoing edges, of a branch the taken one first. */
export function eachEdge(terminator: Terminator, visit: (edge: Edge) => void): void {
  switch (terminator.op) {
    case 'jump':
      visit(terminator.to);
      break;
    case 'branch':
      visit(terminator.then);
      visit(terminator.otherwise);
      break;
    case 'return':
      break;
  }
}

/** The same terminator with each edge replaced; itself where all stay. */
export function mapEdges(terminator: Terminator, replace: (edge: Edge) => Edge): Terminator {
  switch (terminator.op) {
    case 'jump': {
      const to = replace(terminator.to);
      return to === terminator.to ? terminator : { op: 'jump', to, span: terminator.span };
    }
    case 'branch': {
      const then = replace(terminator.then);
      const otherwise = replace(terminator.otherwise);
      if (then === terminator.then && otherwise === terminator.otherwise) return terminator;
      const { condition, width, left, right, likely, span } = terminator;
      return { op: 'branch', condition, width, left, right, then, otherwise, likely, span };
    }
    case 'return':
      return terminator;
  }
}

/** A terminator's own operands, without the arguments of its edges. */
export function terminatorOperands(terminator: Terminator): readonly Operand[] {
  switch (terminator.op) {
    case 'jump':
      return [];
    case 'branch':
      return [terminator.left, terminator.right];
    case 'return':
      return [terminator.value];
  }
}

/** The same terminator with each operand replaced, the arguments of its edges included; itself where all stay. */
export function mapTerminatorOperands(
  terminator: Terminator,
  replace: (operand: Operand) => Operand,
): Terminator {
  switch (terminator.op) {
    case 'jump': {
      const to = mapArguments(terminator.to, replace);
      return to === terminator.to ? terminator : { op: 'jump', to, span: terminator.span };
    }
    case 'branch': {
      const before = terminator;
      const then = mapArguments(before.then, replace);
      const otherwise = mapArguments(before.otherwise, replace);
      const left = replace(before.left);
      const right = replace(before.right);
      const isSame = left === before.left && right === before.right;
      if (isSame && then === before.then && otherwise === before.otherwise) return before;
      const { condition, width, likely, span } = before;
      return { op: 'branch', condition, width, left, right, then, otherwise, likely, span };
    }
    case 'return': {
      const value = replace(terminator.value);
      return value === terminator.value ? terminator : { op: 'return', value, span: terminator.span };
    }
  }
}

function mapArguments(edge: Edge, replace: (operand: Operand) => Operand): Edge {
  if (edge.arguments.length === 0) return edge;
  const replaced = mapUnlessSame(edge.arguments, replace);
  return replaced === edge.arguments ? edge : { block: edge.block, arguments: replaced };
}

/** Visits every operand of a block, the arguments of its edges included, once for each use. */
export function eachOperandOfBlock(
  { instructions, terminator }: Block,
  visit: (operand: Operand) => void,
): void {
  for (const instruction of instructions) eachOperand(instruction, visit);
  eachTerminatorOperand(terminator, visit);
  eachArgument(terminator, visit);
}

/** Visits a terminator's own operands. */
export function eachTerminatorOperand(terminator: Terminator, visit: (operand: Operand) => void): void {
  switch (terminator.op) {
    case 'jump':
      break;
    case 'branch':
      visit(terminator.left);
      visit(terminator.right);
      break;
    case 'return':
      visit(terminator.value);
      break;
  }
}

/** Visits the arguments of a terminator's edges. */
export function eachArgument(terminator: Terminator, visit: (operand: Operand) => void): void {
  switch (terminator.op) {
    case 'jump':
      for (const argument of terminator.to.arguments) visit(argument);
      break;
    case 'branch':
      for (const argument of terminator.then.arguments) visit(argument);
      for (const argument of terminator.otherwise.arguments) visit(argument);
      break;
    case 'return':
      break;
  }
}

/** Whether removing an instruction with an unused result changes nothing else. */
export function isRemovable(instruction: Instruction): boolean {
  switch (instruction.op) {
    case 'store':
    case 'atomic':
    case 'call':
      return false;
    case 'helper':
      return instruction.pure;
    default:
      return true;
  }
}
