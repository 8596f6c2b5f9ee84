/** The IR as text; `parse.ts` reads it back. Values carry their width where they are defined. */
import type { Span } from '../tree/tree.ts';
import type { Edge, Instruction, IrFunction, IrProgram, Operand, Terminator, ValueId } from './ir.ts';

export interface PrintOptions {
  /** Write each instruction's source span as `!file:line:column-endLine:endColumn`, or as what this makes of it. */
  readonly spans?: boolean | ((span: Span) => string);
}

const operand = (value: Operand): string => (typeof value === 'bigint' ? value.toString() : `%${value}`);
const list = (values: readonly Operand[]): string => values.map(operand).join(', ');

function address(base: Operand, offset: number): string {
  if (offset === 0) return `[${operand(base)}]`;
  return offset < 0 ? `[${operand(base)} - ${-offset}]` : `[${operand(base)} + ${offset}]`;
}

function body(instruction: Instruction): string {
  switch (instruction.op) {
    case 'binary':
      return `${instruction.operator}.${instruction.width} ${list([instruction.left, instruction.right])}`;
    case 'zext':
    case 'trunc':
      return `${instruction.op} ${operand(instruction.value)}`;
    case 'sext':
      return `sext.${instruction.from}.${instruction.width} ${operand(instruction.value)}`;
    case 'swap':
      return `swap.${instruction.bits} ${operand(instruction.value)}`;
    case 'load':
      return `load.${instruction.bytes} ${instruction.region} ${address(instruction.base, instruction.offset)}${
        instruction.pointer ? ' pointer' : ''
      }`;
    case 'store':
      return `store.${instruction.bytes} ${instruction.region} ${address(instruction.base, instruction.offset)}, ${operand(
        instruction.value,
      )}`;
    case 'atomic': {
      const expected = instruction.expected === undefined ? '' : ` expected ${operand(instruction.expected)}`;
      return `atomic.${instruction.operator}.${instruction.width} ${instruction.region} ${address(
        instruction.base,
        instruction.offset,
      )}, ${operand(instruction.value)}${expected}`;
    }
    case 'stackAddress':
      return `stack $${instruction.slot}`;
    case 'sectionAddress':
      return `section ${instruction.section} + ${instruction.offset}`;
    case 'mapAddress':
      return `map @${instruction.map}`;
    case 'functionAddress':
      return `function @${instruction.function}`;
    case 'helper':
      return `helper ${instruction.id} @${instruction.name}(${list(instruction.arguments)})${
        instruction.invalidatesPacket ? ' packet' : ''
      }${instruction.pure ? ' pure' : ''}`;
    case 'call':
      return `call @${instruction.function}(${list(instruction.arguments)})`;
  }
}

function edge(to: Edge): string {
  return to.arguments.length === 0 ? `b${to.block}` : `b${to.block}(${list(to.arguments)})`;
}

function terminatorText(terminator: Terminator): string {
  switch (terminator.op) {
    case 'jump':
      return `jump ${edge(terminator.to)}`;
    case 'branch': {
      const hint = terminator.likely === undefined ? '' : terminator.likely ? ' likely' : ' unlikely';
      return `branch.${terminator.width} ${terminator.condition} ${list([terminator.left, terminator.right])} -> ${edge(
        terminator.then,
      )}, ${edge(terminator.otherwise)}${hint}`;
    }
    case 'return':
      return `return ${operand(terminator.value)}`;
  }
}

function spanText(span: Span | undefined, options: PrintOptions): string {
  if (!options.spans || !span) return '';
  if (options.spans !== true) return ` !${options.spans(span)}`;
  return ` !${span.file}:${span.line}:${span.column}-${span.endLine}:${span.endColumn}`;
}

/** Prints one instruction without its span, for messages and listings. */
export function printInstruction(instruction: Instruction, widths: IrFunction['widths']): string {
  const result = instruction.op === 'store' ? undefined : instruction.result;
  return result === undefined ? body(instruction) : `%${result}:${widths[result]} = ${body(instruction)}`;
}

/** Prints one terminator without its span. */
export const printTerminator = (terminator: Terminator): string => terminatorText(terminator);

/** Prints one function. */
export function printFunction(fn: IrFunction, options: PrintOptions = {}): string {
  const parameters = (ids: readonly ValueId[]) => ids.map((id) => `%${id}:${fn.widths[id]}`).join(', ');
  const lines = [`func @${fn.name}(${parameters(fn.parameters)}) {`];
  for (const slot of fn.slots) lines.push(`  slot $${slot.id} size ${slot.size} align ${slot.alignment}`);
  for (const block of fn.blocks) {
    lines.push(block.parameters.length ? `b${block.id}(${parameters(block.parameters)}):` : `b${block.id}:`);
    for (const instruction of block.instructions)
      lines.push(`  ${printInstruction(instruction, fn.widths)}${spanText(instruction.span, options)}`);
    lines.push(`  ${terminatorText(block.terminator)}${spanText(block.terminator.span, options)}`);
  }
  lines.push('}', '');
  return lines.join('\n');
}

/** Prints a program: its name, then its functions, the entry first. */
export function printProgram(program: IrProgram, options: PrintOptions = {}): string {
  return [`program @${program.name}\n`, ...program.functions.map((fn) => printFunction(fn, options))].join(
    '\n',
  );
}
