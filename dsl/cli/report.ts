/** Diagnostics on a terminal, as tsc prints them. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Diagnostic, formatDiagnostic } from '../compiler/diagnostics/diagnostic.ts';
import { counted } from './output.ts';

/** The sources that the diagnostics point into, by the names that their spans use. */
function sourcesOf(diagnostics: readonly Diagnostic[]): ReadonlyMap<string, string> {
  const sources = new Map<string, string>();
  for (const { span } of diagnostics) {
    if (sources.has(span.file)) continue;
    try {
      sources.set(span.file, readFileSync(path.resolve(span.file), 'utf8'));
    } catch {
      // Without its source a diagnostic is shown without the excerpt: the file itself may be what is missing.
    }
  }
  return sources;
}

/** Every diagnostic with its excerpt, and a last line with their number. */
export function reportOf(diagnostics: readonly Diagnostic[]): string {
  const sources = sourcesOf(diagnostics);
  const shown = diagnostics.map((each) => `${formatDiagnostic(each, sources)}\n\n`);
  return `${shown.join('')}Found ${counted(diagnostics.length, 'error')}.\n`;
}
