/**
 * Reads the text form of the IR. `;` starts a comment. A negative constant is taken at the width of its use;
 * hexadecimal is accepted.
 */
import type { Span } from '../tree/tree.ts';
import type {
  BinaryOperator,
  Block,
  Bytes,
  Condition,
  Edge,
  Instruction,
  IrFunction,
  IrProgram,
  Operand,
  Region,
  StackSlot,
  Terminator,
  ValueId,
  Width,
} from './ir.ts';
import { mapEdges } from './visit.ts';

const BINARY: ReadonlySet<string> = new Set<BinaryOperator>([
  ...(['add', 'sub', 'mul', 'udiv', 'sdiv', 'umod', 'smod'] as const),
  ...(['and', 'or', 'xor', 'shl', 'lshr', 'ashr'] as const),
]);
const CONDITIONS: ReadonlySet<string> = new Set<Condition>([
  ...(['eq', 'ne', 'ult', 'ule', 'ugt', 'uge', 'slt', 'sle', 'sgt', 'sge', 'test'] as const),
]);
const REGIONS: ReadonlySet<string> = new Set<Region>([
  ...(['context', 'packet', 'map', 'global', 'settings', 'stack'] as const),
]);
const ATOMIC: ReadonlySet<string> = new Set(['add', 'and', 'or', 'xor', 'exchange', 'compareExchange']);

/** Thrown for text that isn't IR; the message names the line. */
export class IrSyntaxError extends Error {}

/** A cursor over one line. */
class Line {
  readonly text: string;
  private readonly number: number;
  private at = 0;

  constructor(text: string, number: number) {
    this.text = text;
    this.number = number;
  }

  fail(expected: string): never {
    throw new IrSyntaxError(`line ${this.number}: expected ${expected} at "${this.text.slice(this.at)}"`);
  }

  /** Takes a match of `pattern` (sticky) after white space, or nothing. */
  accept(pattern: RegExp): RegExpExecArray | undefined {
    const space = /\s*/y;
    space.lastIndex = this.at;
    space.exec(this.text);
    pattern.lastIndex = space.lastIndex;
    const match = pattern.exec(this.text);
    if (!match) return undefined;
    this.at = pattern.lastIndex;
    return match;
  }

  take(pattern: RegExp, expected: string): string {
    const match = this.accept(pattern) ?? this.fail(expected);
    return match[1] ?? match[0];
  }

  word<T extends string>(words: ReadonlySet<string>, expected: string): T {
    const word = this.take(/[A-Za-z]+/y, expected);
    if (!words.has(word)) this.fail(`${expected}, not "${word}"`);
    return word as T;
  }

  end(): void {
    if (this.accept(/$/y) === undefined) this.fail('the end of the line');
  }
}

const canonical = (value: bigint, width: Width): bigint => BigInt.asUintN(width, value);

class FunctionParser {
  private readonly widths: Width[] = [];
  private readonly slots: StackSlot[] = [];
  private readonly blocks: {
    id: number;
    parameters: ValueId[];
    instructions: Instruction[];
    terminator?: Terminator;
  }[] = [];

  constructor(
    private readonly name: string,
    private readonly parameters: ValueId[] = [],
  ) {}

  static start(line: Line): FunctionParser {
    const parser = new FunctionParser(line.take(/func @([\w.$]+)/y, 'func @name'));
    parser.parameters.push(...parser.definitions(line));
    line.take(/\{/y, '{');
    line.end();
    return parser;
  }

  private definition(line: Line): ValueId {
    const id = Number(line.take(/%(\d+):/y, 'a value with its width'));
    this.widths[id] = Number(line.take(/32|64/y, '32 or 64')) as Width;
    return id;
  }

  private definitions(line: Line): ValueId[] {
    const ids: ValueId[] = [];
    line.take(/\(/y, '(');
    if (line.accept(/\)/y)) return ids;
    do ids.push(this.definition(line));
    while (line.accept(/,/y));
    line.take(/\)/y, ')');
    return ids;
  }

  private operand(line: Line, width: Width | undefined): Operand {
    const value = line.accept(/%(\d+)/y);
    if (value) return Number(value[1]);
    const negative = line.accept(/-/y) !== undefined;
    const magnitude = BigInt(line.take(/0x[0-9a-fA-F]+|\d+/y, 'a value or a constant'));
    const constant = negative ? -magnitude : magnitude;
    return width === undefined ? constant : canonical(constant, width);
  }

  private operands(line: Line, width: Width | undefined): Operand[] {
    const values: Operand[] = [];
    line.take(/\(/y, '(');
    if (line.accept(/\)/y)) return values;
    do values.push(this.operand(line, width));
    while (line.accept(/,/y));
    line.take(/\)/y, ')');
    return values;
  }

  private edge(line: Line): Edge {
    const block = Number(line.take(/b(\d+)/y, 'a block'));
    const args = line.accept(/(?=\()/y) ? this.operands(line, undefined) : [];
    return { block, arguments: args };
  }

  private memory(line: Line): { region: Region; base: Operand; offset: number } {
    const region = line.word<Region>(REGIONS, 'a region');
    line.take(/\[/y, '[');
    const base = this.operand(line, 64);
    const sign = line.accept(/[+-]/y)?.[0];
    const offset = sign ? Number(line.take(/\d+/y, 'an offset')) : 0;
    line.take(/\]/y, ']');
    return { region, base, offset: sign === '-' ? -offset : offset };
  }

  private span(line: Line): { span?: Span } {
    const match = line.accept(/!(.+):(\d+):(\d+)-(\d+):(\d+)/y);
    if (!match) return {};
    const [, file = '', ...numbers] = match;
    const [first = 0, column = 0, endLine = 0, endColumn = 0] = numbers.map(Number);
    return { span: { file, line: first, column, endLine, endColumn } };
  }

  private width(line: Line): Width {
    return Number(line.take(/\.(32|64)/y, '.32 or .64')) as Width;
  }

  private comma(line: Line): void {
    line.take(/,/y, ',');
  }

  private instruction(line: Line, word: string, result: ValueId | undefined): Instruction {
    const defined = (): ValueId => result ?? line.fail(`a result for ${word}`);
    const optional = result === undefined ? {} : { result };
    if (BINARY.has(word)) {
      const width = this.width(line);
      const left = this.operand(line, width);
      this.comma(line);
      const right = this.operand(line, width);
      return { op: 'binary', operator: word as BinaryOperator, width, result: defined(), left, right };
    }
    switch (word) {
      case 'zext':
        return { op: 'zext', result: defined(), value: this.operand(line, 32) };
      case 'trunc':
        return { op: 'trunc', result: defined(), value: this.operand(line, 64) };
      case 'sext': {
        const from = Number(line.take(/\.(8|16|32)(?=\.)/y, '.8, .16 or .32')) as 8 | 16 | 32;
        const width = this.width(line);
        return { op: 'sext', from, width, result: defined(), value: this.operand(line, 32) };
      }
      case 'swap': {
        const bits = Number(line.take(/\.(16|32|64)/y, '.16, .32 or .64')) as 16 | 32 | 64;
        return { op: 'swap', bits, result: defined(), value: this.operand(line, bits === 64 ? 64 : 32) };
      }
      case 'load': {
        const bytes = Number(line.take(/\.([1248])/y, 'a size in bytes')) as Bytes;
        const memory = this.memory(line);
        const pointer = line.accept(/pointer/y) ? { pointer: true } : {};
        return { op: 'load', bytes, ...memory, result: defined(), ...pointer };
      }
      case 'store': {
        const bytes = Number(line.take(/\.([1248])/y, 'a size in bytes')) as Bytes;
        const memory = this.memory(line);
        this.comma(line);
        return { op: 'store', bytes, ...memory, value: this.operand(line, bytes === 8 ? 64 : 32) };
      }
      case 'atomic':
        return this.atomic(line, optional);
      case 'stack':
        return { op: 'stackAddress', slot: Number(line.take(/\$(\d+)/y, 'a slot')), result: defined() };
      case 'section': {
        const section = line.take(/\.(?:rodata|data|bss)/y, 'a section') as '.rodata' | '.data' | '.bss';
        const offset = line.accept(/\+/y) ? Number(line.take(/\d+/y, 'an offset')) : 0;
        return { op: 'sectionAddress', section, offset, result: defined() };
      }
      case 'map':
        return { op: 'mapAddress', map: line.take(/@([\w.$]+)/y, 'a map'), result: defined() };
      case 'function':
        return {
          op: 'functionAddress',
          function: line.take(/@([\w.$]+)/y, 'a function'),
          result: defined(),
        };
      case 'helper': {
        const id = Number(line.take(/\d+/y, "a helper's id"));
        const name = line.take(/@([\w.$]+)/y, "a helper's name");
        const args = this.operands(line, 64);
        const invalidatesPacket = line.accept(/packet/y) !== undefined;
        const pure = line.accept(/pure/y) !== undefined;
        return { op: 'helper', id, name, arguments: args, ...optional, invalidatesPacket, pure };
      }
      case 'call': {
        const name = line.take(/@([\w.$]+)/y, 'a function');
        return { op: 'call', function: name, arguments: this.operands(line, 64), ...optional };
      }
      default:
        return line.fail(`an instruction, not "${word}"`);
    }
  }

  private atomic(line: Line, optional: { result?: ValueId }): Instruction {
    line.take(/\./y, '.');
    const operator = line.word<'add'>(ATOMIC, 'an atomic operator');
    const width = this.width(line);
    const memory = this.memory(line);
    this.comma(line);
    const value = this.operand(line, width);
    const expected = line.accept(/expected/y) ? { expected: this.operand(line, width) } : {};
    return { op: 'atomic', operator, width, ...memory, value, ...expected, ...optional };
  }

  private terminator(line: Line, word: string): Terminator | undefined {
    switch (word) {
      case 'jump':
        return { op: 'jump', to: this.edge(line) };
      case 'return':
        return { op: 'return', value: this.operand(line, 64) };
      case 'branch': {
        const width = this.width(line);
        const condition = line.word<Condition>(CONDITIONS, 'a condition');
        const left = this.operand(line, width);
        this.comma(line);
        const right = this.operand(line, width);
        line.take(/->/y, '->');
        const then = this.edge(line);
        this.comma(line);
        const otherwise = this.edge(line);
        const hint = line.accept(/likely|unlikely/y)?.[0];
        const likely = hint === undefined ? {} : { likely: hint === 'likely' };
        return { op: 'branch', condition, width, left, right, then, otherwise, ...likely };
      }
      default:
        return undefined;
    }
  }

  line(line: Line): void {
    if (line.accept(/slot(?=\s)/y)) {
      const id = Number(line.take(/\$(\d+)/y, 'a slot'));
      const size = Number(line.take(/size (\d+)/y, 'size'));
      this.slots.push({ id, size, alignment: Number(line.take(/align ([1248])/y, 'align')) });
      line.end();
      return;
    }
    const label = line.accept(/b(\d+)(?=[:(])/y);
    if (label) {
      const parameters = line.accept(/(?=\()/y) ? this.definitions(line) : [];
      this.blocks.push({ id: Number(label[1]), parameters, instructions: [] });
      line.take(/:/y, ':');
      line.end();
      return;
    }
    const block = this.blocks.at(-1) ?? line.fail('a block');
    if (block.terminator) line.fail('a block after a terminator');
    const result = line.accept(/(?=%)/y) ? this.definition(line) : undefined;
    if (result !== undefined) line.take(/=/y, '=');
    const word = line.take(/[a-z]+/y, 'an instruction');
    const terminator = result === undefined ? this.terminator(line, word) : undefined;
    if (terminator) block.terminator = { ...terminator, ...this.span(line) };
    else {
      const instruction = this.instruction(line, word, result);
      block.instructions.push({ ...instruction, ...this.span(line) });
    }
    line.end();
  }

  finish(line: Line): IrFunction {
    const parametersOf = new Map(this.blocks.map((block) => [block.id, block.parameters]));
    const atWidth = (edge: Edge): Edge => ({
      ...edge,
      arguments: edge.arguments.map((value, index) => {
        const parameter = parametersOf.get(edge.block)?.[index];
        const width = parameter === undefined ? 64 : (this.widths[parameter] ?? 64);
        return typeof value === 'bigint' ? canonical(value, width) : value;
      }),
    });
    const blocks = this.blocks.map((block): Block => {
      if (!block.terminator) return line.fail(`a terminator in b${block.id}`);
      return { ...block, terminator: mapEdges(block.terminator, atWidth) };
    });
    const widths = Array.from(this.widths, (width) => width ?? 64);
    return { name: this.name, parameters: this.parameters, blocks, slots: this.slots, widths };
  }
}

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .map((line, index) => new Line(line.replace(/;.*$/, '').trim(), index + 1))
    .filter((line) => line.text !== '');
}

function functionsOf(lines: readonly Line[]): IrFunction[] {
  const functions: IrFunction[] = [];
  let current: FunctionParser | undefined;
  for (const line of lines) {
    if (!current) current = FunctionParser.start(line);
    else if (line.accept(/\}/y)) {
      functions.push(current.finish(line));
      current = undefined;
    } else current.line(line);
  }
  if (current) throw new IrSyntaxError('the text ends inside a function');
  return functions;
}

/** Parses one function. Throws {@link IrSyntaxError}. */
export function parseFunction(text: string): IrFunction {
  const functions = functionsOf(linesOf(text));
  const [fn] = functions;
  if (!fn || functions.length > 1)
    throw new IrSyntaxError(`expected one function, found ${functions.length}`);
  return fn;
}

/** Parses a program: an optional `program @name` (else the entry's name) and its functions, the entry first. */
export function parseProgram(text: string): IrProgram {
  const lines = linesOf(text);
  const name = lines[0]?.accept(/program @([\w.$]+)/y)?.[1];
  const functions = functionsOf(name === undefined ? lines : lines.slice(1));
  const [entry] = functions;
  if (!entry) throw new IrSyntaxError('expected a function');
  return { name: name ?? entry.name, functions };
}
