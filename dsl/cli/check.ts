/** `natra check`: everything that the compiler would refuse, in any number of files. */
import { compile } from '../compiler/compile.ts';
import type { Diagnostic } from '../compiler/diagnostics/diagnostic.ts';
import { type ExitStatus, type Output, UsageError } from './output.ts';
import { reportOf } from './report.ts';

/** Files that import the same broken module report it once. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.map((each) => [JSON.stringify(each), each])).values()];
}

/** Prints the diagnostics of all files, as a list of JSON objects when asked to; 1 when there are any. */
export function check(
  files: readonly string[],
  options: { readonly json: boolean },
  output: Output,
): ExitStatus {
  if (files.length === 0) throw new UsageError('check: name at least one file');
  const diagnostics = unique(files.flatMap((file) => compile(file).diagnostics));
  if (options.json) output.out(`${JSON.stringify(diagnostics, undefined, 2)}\n`);
  else if (diagnostics.length > 0) output.out(reportOf(diagnostics));
  return diagnostics.length === 0 ? 0 : 1;
}
