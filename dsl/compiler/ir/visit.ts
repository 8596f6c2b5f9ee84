/** The operands and results of instructions and terminators, so that no pass lists every kind of instruction. */
import type { Edge, Instruction, Operand, Terminator, ValueId } from './ir.ts';

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

/** The same instruction with each operand replaced. */
export function mapOperands(instruction: Instruction, replace: (operand: Operand) => Operand): Instruction {
  switch (instruction.op) {
    case 'binary':
      return { ...instruction, left: replace(instruction.left), right: replace(instruction.right) };
    case 'zext':
    case 'trunc':
    case 'sext':
    case 'swap':
      return { ...instruction, value: replace(instruction.value) };
    case 'load':
      return { ...instruction, base: replace(instruction.base) };
    case 'store':
      return { ...instruction, base: replace(instruction.base), value: replace(instruction.value) };
    case 'atomic': {
      const replaced = {
        ...instruction,
        base: replace(instruction.base),
        value: replace(instruction.value),
      };
      return instruction.expected === undefined
        ? replaced
        : { ...replaced, expected: replace(instruction.expected) };
    }
    case 'helper':
    case 'call':
      return { ...instruction, arguments: instruction.arguments.map(replace) };
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

/** The same terminator with each edge replaced. */
export function mapEdges(terminator: Terminator, replace: (edge: Edge) => Edge): Terminator {
  switch (terminator.op) {
    case 'jump':
      return { ...terminator, to: replace(terminator.to) };
    case 'branch':
      return { ...terminator, then: replace(terminator.then), otherwise: replace(terminator.otherwise) };
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

/** The same terminator with each operand replaced, the arguments of its edges included. */
export function mapTerminatorOperands(
  terminator: Terminator,
  replace: (operand: Operand) => Operand,
): Terminator {
  const mapped = mapEdges(terminator, (edge) => ({ ...edge, arguments: edge.arguments.map(replace) }));
  switch (mapped.op) {
    case 'jump':
      return mapped;
    case 'branch':
      return { ...mapped, left: replace(mapped.left), right: replace(mapped.right) };
    case 'return':
      return { ...mapped, value: replace(mapped.value) };
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
