/**
 * Machine code that was made before. Neither the passes nor the back end look at where an instruction stands in the
 * source or what the program is called, so one whose instructions are the same has the same code at other places: what a
 * save comments on, moves or renames has not to be compiled again, and two programs that do the same are compiled once.
 * Where a save changes constants alone, selected instructions still are alike, and what follows selection is remembered.
 */
import { Likeness } from './backend/likeness.ts';
import type { MachineFunction } from './backend/machine.ts';
import type { IrProgram } from './ir/ir.ts';
import { printProgram } from './ir/print.ts';
import type { Span } from './tree/tree.ts';

interface Placed {
  readonly span?: Span;
}

/** The same functions with each span replaced. */
function withSpans(
  functions: readonly MachineFunction[],
  replace: (span: Span) => Span,
): readonly MachineFunction[] {
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

/** Spans by number, in the order in which they were first asked for; those of one place have one number. */
class Places {
  readonly spans: Span[] = [];
  private readonly numbers = new Map<string, number>();
  private readonly known = new Map<Span, number>();

  numberOf(span: Span): number {
    const known = this.known.get(span);
    if (known !== undefined) return known;
    const text = textOf(span);
    const number = this.numbers.get(text) ?? this.spans.push(span) - 1;
    this.numbers.set(text, number);
    this.known.set(span, number);
    return number;
  }
}

/** Machine code, and the places in the source of the program that it was made of. */
interface Known {
  readonly functions: readonly MachineFunction[];
  readonly places: Places;
}

/** Programs and functions that are kept: each takes some hundred kilobytes. */
const KEPT = 16;

/** Finished functions by the selected ones that they were made of, the one used last first. */
class RememberedFunctions {
  private known: readonly { readonly selected: MachineFunction; readonly finished: MachineFunction }[] = [];

  /** What `finish` makes of a function, which it is asked for where no function that is like it is known. */
  finished(
    selected: MachineFunction,
    finish: (selected: MachineFunction) => MachineFunction,
  ): MachineFunction {
    for (const known of this.known) {
      const likeness = Likeness.between(known.selected, selected);
      if (likeness === undefined) continue;
      const others = this.known.filter((each) => each !== known);
      return this.keep(selected, likeness.applied(known.finished, selected.name), others);
    }
    return this.keep(selected, finish(selected), this.known.slice(0, KEPT - 1));
  }

  private keep(
    selected: MachineFunction,
    finished: MachineFunction,
    others: RememberedFunctions['known'],
  ): MachineFunction {
    this.known = [{ selected, finished }, ...others];
    return finished;
  }
}

export class RememberedCode {
  /** By the program's text, its spans numbered; the one used last comes last. */
  private readonly known = new Map<string, Known>();
  readonly functions = new RememberedFunctions();

  /** What `make` makes of a program, which it is asked for where it is not known. `options`: all else that decides. */
  of(
    program: IrProgram,
    options: string,
    make: (program: IrProgram) => readonly MachineFunction[],
  ): readonly MachineFunction[] {
    const places = new Places();
    const widths = program.functions.map((fn) => fn.widths.length);
    const unnamed = { name: '', functions: entryNamed('', program.functions) };
    const key = `${options} ${widths} ${printProgram(unnamed, { spans: (span) => `${places.numberOf(span)}` })}`;
    const known = this.known.get(key);
    const { functions } = this.keep(key, known ?? { functions: make(program), places });
    if (known === undefined) return functions;
    return entryNamed(
      program.name,
      withSpans(functions, (span) => places.spans[known.places.numberOf(span)] ?? span),
    );
  }

  private keep(key: string, code: Known): Known {
    this.known.delete(key);
    this.known.set(key, code);
    for (const oldest of this.known.keys()) if (this.known.size > KEPT) this.known.delete(oldest);
    return code;
  }
}
