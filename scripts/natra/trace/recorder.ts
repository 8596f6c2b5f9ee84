/** What a run of the reference interpreter did, line by line: hooks that collect it. */
import type { Span, Statement } from '../../../dsl/compiler/tree/tree.ts';
import { describe, type Hooks, type Value, type Way } from '../../../dsl/interpreter/index.ts';

/** Something that happened on a line: a variable got a value, or a condition was decided. */
export type Event =
  | { readonly kind: 'value'; readonly name: string; readonly value: string }
  | { readonly kind: 'branch'; readonly condition: string; readonly way: string };

export interface TraceStep {
  readonly file: string;
  readonly line: number;
  /** The source line. */
  readonly text: string;
  readonly events: readonly Event[];
}

interface OpenStep extends TraceStep {
  readonly events: Event[];
}

const wayOf = (way: Way): string => (typeof way === 'number' ? `case ${way + 1}` : way);

/** Collects steps between two calls of `take`. */
export class Recorder {
  private steps: OpenStep[] = [];
  /** Statements that the last step has begun. */
  private readonly started = new Set<Statement>();
  private readonly lines = new Map<string, readonly string[]>();

  constructor(private readonly sources: ReadonlyMap<string, string>) {}

  readonly hooks: Hooks = {
    statement: (statement) => {
      const last = this.steps.at(-1);
      const { file, line } = statement.span;
      // Statements of one line are one step, but each round of a loop on one line is its own.
      const goesOn = last?.file === file && last.line === line && !this.started.has(statement);
      if (!goesOn) this.open(statement.span);
      this.started.add(statement);
    },
    assigned: (variable, value, span) => this.assigned(variable.name, value, span),
    stored: (statement, value) => {
      const name = statement.kind === 'store' ? this.textOf(statement.to.span) : statement.name;
      this.at(statement.span).events.push({ kind: 'value', name, value: `${value}` });
    },
    returned: ({ span }, value) => {
      if (value !== undefined && typeof value !== 'symbol')
        this.at(span).events.push({ kind: 'value', name: 'return', value: describe(value) });
    },
    branch: (at, way) => {
      this.at(at.span).events.push({ kind: 'branch', condition: this.textOf(at.span), way: wayOf(way) });
    },
  };

  /** The steps since the last call. */
  take(): readonly TraceStep[] {
    const taken = this.steps;
    this.steps = [];
    return taken;
  }

  private assigned(name: string, value: Value, span: Span): void {
    // Names that the compiler made up have no place in the source.
    if (!/^[\p{L}_]/u.test(name) || typeof value === 'symbol') return;
    this.at(span).events.push({ kind: 'value', name, value: describe(value) });
  }

  private open(span: Span): OpenStep {
    const { file, line } = span;
    const step = { file, line, text: (this.linesOf(file)[line - 1] ?? '').trim(), events: [] };
    this.steps.push(step);
    this.started.clear();
    return step;
  }

  /** The step of the span's line that is under way; where control has come back to the line, a new one. */
  private at(span: Span): OpenStep {
    const last = this.steps.at(-1);
    return last && last.file === span.file && last.line === span.line ? last : this.open(span);
  }

  private textOf({ file, line, column, endLine, endColumn }: Span): string {
    const lines = this.linesOf(file);
    const first = lines[line - 1] ?? '';
    return line === endLine ? first.slice(column - 1, endColumn - 1) : `${first.slice(column - 1)} ...`;
  }

  private linesOf(file: string): readonly string[] {
    const known = this.lines.get(file) ?? (this.sources.get(file) ?? '').split('\n');
    this.lines.set(file, known);
    return known;
  }
}
