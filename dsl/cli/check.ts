/** `natra check`: everything that the compiler would refuse in any number of files, and on request the kernel's verifier. */
import path from 'node:path';
import { type CompileResult, type Cpu, compile } from '../compiler/compile.ts';
import type { Diagnostic } from '../compiler/diagnostics/diagnostic.ts';
import { hasExports } from '../compiler/frontend/syntax/exports.ts';
import type { ObjectImage } from '../object/image.ts';
import { checkSources } from './files.ts';
import { counted, type ExitStatus, type Output, UsageError } from './output.ts';
import { reportOf } from './report.ts';

/** What the kernel says of one program. */
export interface KernelVerdict {
  readonly program: string;
  /** Instructions that the verifier walked over all paths, where it accepts the program and counts them. */
  readonly processedInstructions?: number;
  /** Absent where the kernel accepts it: the words for a terminal, and the same as data. */
  readonly refusal?: { readonly text: string; readonly details: object };
}

/** Loads each program of an object, drops it again, and says what the kernel said. */
export type Verify = (object: ObjectImage) => readonly KernelVerdict[];

export interface CheckOptions {
  readonly json: boolean;
  /** Leave to the kernel's verifier what only it needs proven. */
  readonly unproven?: boolean;
  /** Ask the kernel as well. */
  readonly verify?: Verify;
  /** The instruction set to compile for. */
  readonly cpu?: Cpu;
}

/** Files that import the same broken module report it once. */
function unique(diagnostics: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...new Map(diagnostics.map((each) => [JSON.stringify(each), each])).values()];
}

/** Whether nothing can come of a file that compiles: no program of its own, nor anything for others to import. */
function isIdle({ tree }: CompileResult, file: string): boolean {
  return tree?.programs.length === 0 && !hasExports(tree.sources.get(path.relative('', file)) ?? '');
}

function textOf(diagnostics: readonly Diagnostic[], verdicts: readonly KernelVerdict[]): string {
  const refusals = verdicts.flatMap(({ refusal }) => (refusal ? [`${refusal.text}\n\n`] : []));
  const accepted = verdicts.flatMap(({ program, refusal, processedInstructions: count }) =>
    refusal
      ? []
      : [`the kernel accepts ${program}${count === undefined ? '' : ` (${count} instructions walked)`}\n`],
  );
  const told = diagnostics.length > 0 ? reportOf(diagnostics) : '';
  const summary = refusals.length > 0 ? `The kernel refuses ${counted(refusals.length, 'program')}.\n` : '';
  return [told, ...accepted, ...refusals, summary].join('');
}

/**
 * Prints the diagnostics of all files, and what the kernel says where it is asked; as a list of JSON objects when asked
 * to, the kernel's refusals with the code `KERNEL` among them. 1 when there are any. Throws {@link UsageError} where a file that
 * is right exports nothing.
 */
export function check(files: readonly string[], options: CheckOptions, output: Output): ExitStatus {
  if (files.length === 0) throw new UsageError('check: name at least one file');
  checkSources('check', files);
  const { json, unproven = false, verify, cpu } = options;
  const results = files.map((file) => compile(file, { unproven, ...(cpu && { cpu }) }));
  const diagnostics = unique(results.flatMap((result) => result.diagnostics));
  const idle = files.find((file, at) => results[at] && isIdle(results[at], file));
  if (diagnostics.length === 0 && idle !== undefined)
    throw new UsageError(
      `check ${idle}: it exports nothing, neither a program, as in \`export const name = classifier(...)\`, nor what programs import`,
    );
  const verdicts = verify ? results.flatMap(({ object }) => (object ? verify(object) : [])) : [];
  const refusals = verdicts.flatMap(({ refusal }) => (refusal ? [refusal.details] : []));
  const text = json
    ? `${JSON.stringify([...diagnostics, ...refusals], undefined, 2)}\n`
    : textOf(diagnostics, verdicts);
  if (text !== '') output.out(text);
  return diagnostics.length + refusals.length === 0 ? 0 : 1;
}
