/** What instructions' results are in the source, by the spans that they carry: variables, and else expressions. */
import type { ValueName } from '../../object/image.ts';
import type { FunctionTree, ModuleTree, Span, Statement } from '../tree/tree.ts';
import { walkProgram } from '../tree/walk.ts';

/** Longer expressions say more than a reader wants. */
const LONGEST = 60;

/** How a statement ends, and what assigns: no text of a value has either. */
const STATEMENT = /[;{}]$|[^=!<>]=[^=>]/;

const keyOf = ({ file, line, column, endLine, endColumn }: Span): string =>
  `${file}:${line}:${column}:${endLine}:${endColumn}`;

type Names = Map<string, string>;

/** The variables that the values of declarations and assignments go to, those that the compiler made up aside. */
function variablesOf(entries: readonly FunctionTree[]): Names {
  const names: Names = new Map();
  const seen = new Set<FunctionTree>();
  const statement = (bound: Statement): void => {
    if (bound.kind !== 'declare' && bound.kind !== 'assign') return;
    if (!bound.variable.name.startsWith('.')) names.set(keyOf(bound.value.span), bound.variable.name);
  };
  for (const entry of entries) walkProgram(entry, { statement }, seen);
  return names;
}

/** Computed when the first name is asked for, so that compilations that nobody explains cost little. */
export class SourceNames {
  private variables: Names | undefined;
  private readonly lines = new Map<string, readonly string[]>();
  private readonly known = new Map<Span, Omit<ValueName, 'slot'> | undefined>();

  constructor(private readonly tree: ModuleTree) {}

  /** The variable or expression at a span; undefined for statements and what is no text of one line. */
  nameOf(span: Span | undefined): Omit<ValueName, 'slot'> | undefined {
    if (span === undefined) return undefined;
    if (!this.known.has(span)) this.known.set(span, this.find(span));
    return this.known.get(span);
  }

  private find(span: Span): Omit<ValueName, 'slot'> | undefined {
    this.variables ??= variablesOf(this.tree.programs.map(({ entry }) => entry));
    const variable = this.variables.get(keyOf(span));
    if (variable !== undefined) return { text: variable, variable: true };
    if (span.line !== span.endLine) return undefined;
    const text = this.linesOf(span.file)[span.line - 1]?.slice(span.column - 1, span.endColumn - 1);
    if (text === undefined || text === '' || text.length > LONGEST || STATEMENT.test(text)) return undefined;
    return { text, variable: false };
  }

  private linesOf(file: string): readonly string[] {
    const known = this.lines.get(file) ?? (this.tree.sources.get(file) ?? '').split('\n');
    this.lines.set(file, known);
    return known;
  }
}
