/** What the compiler reports: its own refusals (N1001, ...) and stock TypeScript's errors (TS2322, ...). */
import type { Span } from '../tree/tree.ts';
import { DIAGNOSTICS, type DiagnosticCode, type DiagnosticRow } from './table.ts';

export interface Diagnostic {
  /** `N` and four digits from the table, or `TS` and TypeScript's own number. */
  readonly code: string;
  readonly message: string;
  /** Empty for errors of TypeScript's that few meet (typescript.ts has the others). */
  readonly why: string;
  /** Empty where `why` is. */
  readonly advice: string;
  readonly span: Span;
  readonly severity: 'error' | 'warning';
}

const fill = (text: string, details: Readonly<Record<string, string>>): string =>
  text.replaceAll(/\{(\w+)\}/g, (_, name: string) => details[name] ?? name);

/** A refusal by its code, the placeholders of its texts filled in from `details`. */
export function diagnostic(
  code: DiagnosticCode,
  span: Span,
  details: Readonly<Record<string, string>> = {},
): Diagnostic {
  const row: DiagnosticRow = DIAGNOSTICS[code];
  return {
    code,
    message: fill(row.title, details),
    why: row.why,
    advice: fill(row.advice, details),
    span,
    severity: 'error',
  };
}

/** The first line of `span` with a caret under each of its columns. */
function excerpt(span: Span, sources: ReadonlyMap<string, string>): string[] {
  const line = sources.get(span.file)?.split('\n')[span.line - 1];
  if (line === undefined) return [];
  const end = span.endLine === span.line ? span.endColumn : line.length + 1;
  const margin = String(span.line);
  // Tabs before the caret are kept so that it stays under its text.
  const before = line.slice(0, span.column - 1).replaceAll(/[^\t]/g, ' ');
  return [
    `${margin} ${line}`,
    `${' '.repeat(margin.length)} ${before}${'~'.repeat(Math.max(1, end - span.column)).replace('~', '^')}`,
  ];
}

/** As tsc prints errors: place, code and message, the source line with a caret, then why and what to write. */
export function formatDiagnostic(d: Diagnostic, sources: ReadonlyMap<string, string>): string {
  const lines = [`${d.span.file}:${d.span.line}:${d.span.column} - ${d.severity} ${d.code}: ${d.message}`];
  const shown = excerpt(d.span, sources);
  if (shown.length > 0) lines.push('', ...shown);
  if (d.why !== '') lines.push('', `  why: ${d.why}`);
  if (d.advice !== '') lines.push(`  instead: ${d.advice}`);
  return lines.join('\n');
}
