/**
 * Machine code that was made before. Neither the passes nor the back end look at where an instruction stands in the
 * source or what the program is called, so one whose instructions are the same has the same code at other places: what a
 * save comments on, moves or renames has not to be compiled again, and two programs that do the same are compiled once.
 */
import type { MachineFunction } from './backend/machine.ts';
import type { IrProgram } from './ir/ir.ts';
import { printProgram } from './ir/print.ts';
import type { Span } from './tree/tree.ts';

interface Placed {
  readonly span?: Span;
}

/** A function of the IR or of the machine. */
interface Function {
  readonly blocks: readonly { readonly instructions: readonly Placed[]; readonly terminator: Placed }[];
}

/** The same functions with each span replaced. */
function withSpans<T extends Function>(functions: readonly T[], replace: (span: Span) => Span): readonly T[] {
  const at = <P extends Placed>(placed: P): P =>
    placed.span === undefined ? placed : { ...placed, span: replace(placed.span) };
  return functions.map((fn) => ({
    ...fn,
    blocks: fn.blocks.map((block) => ({
      ...block,
      instructions: block.instructions.map(at),
      terminator: at(block.terminator),
    })),
  }));
}

/** The same functions with another name of the first, which is the program's and which no other calls. */
const entryNamed = <T extends { readonly name: string }>(
  name: string,
  functions: readonly T[],
): readonly T[] => functions.map((fn, index) => (index === 0 ? { ...fn, name } : fn));

const textOf = ({ file, line, column, endLine, endColumn }: Span): string =>
  `${file}:${line}:${column}:${endLine}:${endColumn}`;

/** A program without names of its own, in which the first span is at line 0, the next other one at line 1, and so on. */
interface Unplaced {
  readonly program: IrProgram;
  /** The spans by those lines. */
  readonly spans: readonly Span[];
}

function unplaced(program: IrProgram): Unplaced {
  const spans: Span[] = [];
  const numbers = new Map<string, Span>();
  const known = new Map<Span, Span>();
  const numbered = (span: Span): Span => {
    const text = textOf(span);
    const number = numbers.get(text) ?? {
      file: '',
      line: spans.push(span) - 1,
      column: 0,
      endLine: 0,
      endColumn: 0,
    };
    numbers.set(text, number);
    known.set(span, number);
    return number;
  };
  const functions = withSpans(program.functions, (span) => known.get(span) ?? numbered(span));
  return { program: { name: '', functions: entryNamed('', functions) }, spans };
}

/** Programs that are kept: each takes some hundred kilobytes. */
const KEPT = 16;

export class RememberedCode {
  /** By the program's text, its spans numbered; the one used last comes last. */
  private readonly known = new Map<string, readonly MachineFunction[]>();

  /** What `make` makes of a program, which it is asked for where it is not known. `options`: all else that decides. */
  of(
    program: IrProgram,
    options: string,
    make: (program: IrProgram) => readonly MachineFunction[],
  ): readonly MachineFunction[] {
    const { program: numbered, spans } = unplaced(program);
    const widths = numbered.functions.map((fn) => fn.widths.length);
    const key = `${options} ${widths} ${printProgram(numbered, { spans: true })}`;
    const functions = this.known.get(key) ?? make(numbered);
    this.known.delete(key);
    this.known.set(key, functions);
    for (const oldest of this.known.keys()) if (this.known.size > KEPT) this.known.delete(oldest);
    return entryNamed(
      program.name,
      withSpans(functions, (number) => spans[number.line] ?? number),
    );
  }
}
