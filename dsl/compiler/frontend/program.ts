/** The TypeScript program of an entry file: resolution, source files, and TypeScript's own errors as ours. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ts } from 'ts-morph';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { reasonOf } from '../diagnostics/typescript.ts';
import type { Span } from '../tree/tree.ts';
import { changedConstants, sees } from './seen-constants.ts';

const LANGUAGE = fileURLToPath(new URL('../../lang/', import.meta.url));
const LIBRARY = path.join(LANGUAGE, 'lib.d.ts');

/** Whether a file belongs to dsl/lang. */
export const isLanguage = (file: string): boolean => file.startsWith(LANGUAGE);

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  allowImportingTsExtensions: true,
  noEmit: true,
  noLib: true,
  strict: true,
  types: [],
  // What several entries are made of is one program to TypeScript: none may add to the globals of another.
  moduleDetection: ts.ModuleDetectionKind.Force,
};

/** Names of the JavaScript library that people reach for; TypeScript knows them only as missing. */
const JAVASCRIPT = new Set(
  'Math console Array Map Set Date JSON Number String BigInt Object Promise Uint8Array process Error parseInt performance'.split(
    ' ',
  ),
);
/**
 * "Cannot find the global type" or value, which TypeScript says of what the language has not: a type of the JavaScript
 * library, or Promise for what is async. Our own refusals say why.
 */
const MISSING_GLOBALS: ReadonlySet<number> = new Set([2318, 2468, 2697, 2705]);
/** "Cannot find name" and its variants that suggest a library. */
const MISSING_NAME = new Set([2304, 2552, 2580, 2583, 2584, 2585, 2591, 2592, 2662, 2693, 2708]);

/** Each file as it was parsed last: compilations of one process share dsl/lang and what else has not changed. */
const parsed = new Map<string, ts.SourceFile>();

export type ReadFile = (file: string) => string | undefined;

export function readFromDisk(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Relative imports only; a specifier names its file in full or without the `.ts`. */
function resolve(specifier: string, from: string, read: ReadFile): ts.ResolvedModuleFull | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const base = path.resolve(path.dirname(from), specifier);
  const found = [base, `${base}.ts`].find((file) => file.endsWith('.ts') && read(file) !== undefined);
  return found === undefined
    ? undefined
    : { resolvedFileName: found, extension: ts.Extension.Ts, isExternalLibraryImport: false };
}

function hostOf(read: ReadFile, root: string): ts.CompilerHost {
  const sourceFile = (file: string): ts.SourceFile | undefined => {
    const known = parsed.get(file);
    if (known !== undefined && isLanguage(file)) return known;
    const text = read(file);
    if (text === undefined) return undefined;
    if (known?.text === text) return known;
    const source = ts.createSourceFile(file, text, { languageVersion: ts.ScriptTarget.ES2022 }, true);
    parsed.set(file, source);
    return source;
  };
  return {
    getSourceFile: sourceFile,
    getDefaultLibFileName: () => LIBRARY,
    writeFile: () => undefined,
    getCurrentDirectory: () => root,
    getCanonicalFileName: (file) => file,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => '\n',
    fileExists: (file) => read(file) !== undefined,
    readFile: read,
    resolveModuleNameLiterals: (literals, from) =>
      literals.map((literal) => ({ resolvedModule: resolve(literal.text, from, read) })),
  };
}

export interface SourceProgram {
  readonly program: ts.Program;
  /** The entry and what it is made of, imported ones first. */
  readonly files: readonly ts.SourceFile[];
}

/** What TypeScript keeps of a file in a program, and leaves out of its public type (src/compiler/types.ts). */
interface WithImports {
  readonly imports?: readonly ts.StringLiteralLike[];
}

/** The files that a file of a program imports, types of them included, in order; undefined for what is not there. */
function importedBy(
  file: ts.SourceFile & WithImports,
  sourceOf: (name: string) => ts.SourceFile | undefined,
): readonly (ts.SourceFile | undefined)[] {
  return (file.imports ?? []).map(({ text }) => {
    const base = path.resolve(path.dirname(file.fileName), text);
    return sourceOf(base) ?? sourceOf(`${base}.ts`);
  });
}

/** By program: what was reached from each file. */
const reaches = new WeakMap<ts.Program, Map<ts.SourceFile, readonly ts.SourceFile[]>>();

/** A file and all that it imports, imported ones first. */
function reachedFrom(file: ts.SourceFile, program: ts.Program): readonly ts.SourceFile[] {
  const known = reaches.get(program) ?? new Map<ts.SourceFile, readonly ts.SourceFile[]>();
  reaches.set(program, known);
  const before = known.get(file);
  if (before !== undefined) return before;
  const entered = new Set<ts.SourceFile>();
  const reached: ts.SourceFile[] = [];
  const enter = (each: ts.SourceFile): void => {
    if (entered.has(each)) return;
    entered.add(each);
    for (const imported of importedBy(each, (name) => program.getSourceFile(name)))
      if (imported !== undefined) enter(imported);
    reached.push(each);
  };
  enter(file);
  known.set(file, reached);
  return reached;
}

/** The program that was opened last for several entries, each of which may come next. */
let shared: ts.Program | undefined;

/** Whether a program has the entry and all that it is made of as these are now. */
function isUpToDate(program: ts.Program, entry: string, host: ts.CompilerHost): boolean {
  const file = program.getSourceFile(entry);
  if (file === undefined) return false;
  const sourceOf = (name: string) => host.getSourceFile(name, ts.ScriptTarget.ES2022);
  return reachedFrom(file, program).every(
    (each) =>
      each === sourceOf(each.fileName) &&
      importedBy(each, (name) => program.getSourceFile(name)).every((imported) => imported !== undefined),
  );
}

/** `beside`: entries that are compiled next, so that TypeScript looks at what they have in common once. */
export function openProgram(
  entry: string,
  root: string,
  overlay: ReadFile | undefined,
  beside: readonly string[],
): SourceProgram {
  const texts = new Map<string, string | undefined>();
  const read: ReadFile = (file) => {
    if (!texts.has(file)) texts.set(file, overlay?.(file) ?? readFromDisk(file));
    return texts.get(file);
  };
  const host = hostOf(read, root);
  const known = shared !== undefined && isUpToDate(shared, entry, host) ? shared : undefined;
  const program = known ?? ts.createProgram([LIBRARY, entry, ...beside], OPTIONS, host);
  shared = known ?? (beside.length > 0 ? program : undefined);
  const file = program.getSourceFile(entry);
  const reached = file === undefined ? [] : reachedFrom(file, program);
  return { program, files: reached.filter((each) => !isLanguage(each.fileName)) };
}

function spanOf(d: ts.Diagnostic, root: string, entry: string): Span {
  if (d.file === undefined || d.start === undefined)
    return { file: path.relative(root, entry), line: 1, column: 1, endLine: 1, endColumn: 1 };
  const start = d.file.getLineAndCharacterOfPosition(d.start);
  const end = d.file.getLineAndCharacterOfPosition(d.start + (d.length ?? 0));
  return {
    file: path.relative(root, d.file.fileName),
    line: start.line + 1,
    column: start.character + 1,
    endLine: end.line + 1,
    endColumn: end.character + 1,
  };
}

function translate(d: ts.Diagnostic, root: string, entry: string): Diagnostic {
  const span = spanOf(d, root, entry);
  const name = d.file?.text.slice(d.start, (d.start ?? 0) + (d.length ?? 0)) ?? '';
  if (MISSING_NAME.has(d.code) && JAVASCRIPT.has(name)) return diagnostic('N1013', span, { name });
  const message = ts.flattenDiagnosticMessageText(d.messageText, '\n');
  return { code: `TS${d.code}`, message, ...reasonOf(d.code, message, name), span, severity: 'error' };
}

/** What was found of a file. */
interface Checked {
  readonly file: ts.SourceFile;
  readonly errors: readonly ts.Diagnostic[];
  /** What this depends on: the files that it reaches as they were found then, those that reach it back as parsed. */
  readonly on: readonly (Checked | ts.SourceFile)[];
  /** All that others see of it, as text; computed once there is something to compare it with. */
  declarations: string | undefined;
}

/**
 * By file as it was parsed: what a compilation finds of files that did not change, the next one need not find again. A
 * file's errors depend on its text and on what it sees of others, their declarations: as in TypeScript's own builder
 * (src/compiler/builderState.ts), a change that leaves those as they were has no other file checked again. Nor has one of a
 * constant's value but those that see the constant.
 */
const checked = new WeakMap<ts.SourceFile, Checked>();

/** The declarations of what a file exports; undefined where their text can't say all of it. */
function declarationsOf(file: ts.SourceFile, program: ts.Program): string | undefined {
  let text: string | undefined;
  const take = (_name: string, written: string): void => {
    text = written;
  };
  // Its last parameter, which its public type leaves out, has declarations written in spite of `noEmit`.
  const emit = program.emit as (...given: unknown[]) => ts.EmitResult;
  const { diagnostics } = emit(file, take, undefined, true, undefined, true);
  return diagnostics.length > 0 ? undefined : text;
}

const NONE: ReadonlySet<string> = new Set();

/** What others see of a file is the same but for these constants; undefined where more may be another. */
function changesOf(then: Checked, now: Checked, program: ts.Program): ReadonlySet<string> | undefined {
  if (then === now) return NONE;
  if (then.file.fileName !== now.file.fileName) return undefined;
  if (then.errors.length > 0 || now.errors.length > 0) return undefined;
  now.declarations ??= declarationsOf(now.file, program);
  if (now.declarations === undefined || then.declarations === undefined) return undefined;
  return changedConstants(then.declarations, now.declarations);
}

function changesBetween(
  then: Checked | ts.SourceFile | undefined,
  now: Checked | ts.SourceFile,
  program: ts.Program,
): ReadonlySet<string> | undefined {
  if (then === undefined) return undefined;
  if ('errors' in then && 'errors' in now) return changesOf(then, now, program);
  return then === now ? NONE : undefined;
}

/** Whether what a file sees of others is what it was when it was checked. */
function seesTheSame({ file, on: then }: Checked, now: Checked['on'], program: ts.Program): boolean {
  // All are compared, so that the declarations of each are there for the next time.
  const changes = now.map((each, at) => changesBetween(then[at], each, program));
  const constants = changes.flatMap((each) => [...(each ?? [])]);
  if (then.length !== now.length || changes.includes(undefined)) return false;
  const reached = now.map((each) => ('errors' in each ? each : { file: each, declarations: undefined }));
  return !sees(file, reached, new Set(constants));
}

/**
 * By file as it was parsed: expressions that were asked about, and whether TypeScript knows that they are not `undefined`.
 * Like the file's errors, this depends on nothing but what the file sees.
 */
const presence = new WeakMap<ts.SourceFile, Map<ts.Expression, boolean>>();

const ABSENT = ts.TypeFlags.Undefined | ts.TypeFlags.Void | ts.TypeFlags.Never;

function looksPresent(node: ts.Expression, checker: ts.TypeChecker): boolean {
  const type = checker.getTypeAtLocation(node);
  const parts = type.isUnion() ? type.types : [type];
  return !parts.some((part) => part.flags & ABSENT);
}

/**
 * Whether TypeScript knows that an expression is not `undefined`. Before the check of its file it is what was so in the
 * last one: `TypescriptErrors` says whether it still is.
 */
export function isPresent(node: ts.Expression, checker: ts.TypeChecker): boolean {
  const file = node.getSourceFile();
  const known = presence.get(file) ?? new Map<ts.Expression, boolean>();
  presence.set(file, known);
  const present = known.get(node) ?? looksPresent(node, checker);
  known.set(node, present);
  return present;
}

/** Looks again at what `isPresent` has said of a file; whether all of it is still so. */
function confirmPresence(file: ts.SourceFile, checker: ts.TypeChecker): boolean {
  const known = presence.get(file) ?? new Map<ts.Expression, boolean>();
  const wrong = [...known].filter(([node, present]) => looksPresent(node, checker) !== present);
  for (const [node, present] of wrong) known.set(node, !present);
  return wrong.length === 0;
}

/** What `check` has found in a program. */
interface Findings {
  readonly found: Map<ts.SourceFile, Checked>;
  /** Files of which `isPresent` had said what is not so, to the one or the other who has a tree of them. */
  readonly misjudged: Set<ts.SourceFile>;
}

const findings = new WeakMap<ts.Program, Findings>();

function findingsIn(program: ts.Program): Findings {
  const known = findings.get(program) ?? { found: new Map(), misjudged: new Set() };
  findings.set(program, known);
  return known;
}

/** The file's own errors: those of its text, in the light of what it imports and of no other file. */
function check(file: ts.SourceFile, program: ts.Program): Checked {
  const { found } = findingsIn(program);
  const checkedNow = found.get(file) ?? checkAgain(file, program);
  found.set(file, checkedNow);
  return checkedNow;
}

function checkAgain(file: ts.SourceFile, program: ts.Program): Checked {
  const on = reachedFrom(file, program)
    .filter((each) => each !== file && !isLanguage(each.fileName))
    .map((each) => (reachedFrom(each, program).includes(file) ? each : check(each, program)));
  const known = checked.get(file);
  if (known !== undefined && seesTheSame(known, on, program)) return known;
  const errors = program.getSemanticDiagnostics(file);
  if (!confirmPresence(file, program.getTypeChecker())) findingsIn(program).misjudged.add(file);
  const found = { file, errors, on, declarations: undefined };
  checked.set(file, found);
  return found;
}

/** By name: the symbol that it has, where the name's own file alone says so. */
const ownSymbols = new WeakMap<ts.Node, ts.Symbol>();

function isOwn(symbol: ts.Symbol, node: ts.Node): boolean {
  const file = node.getSourceFile();
  const { declarations = [] } = symbol;
  if (symbol.flags & ts.SymbolFlags.Transient || declarations.length === 0) return false;
  return declarations.every((declaration) => declaration.getSourceFile() === file);
}

/** The symbol of a name as its file has it: what is imported is an alias there. */
export function symbolAt(node: ts.Node, checker: ts.TypeChecker): ts.Symbol | undefined {
  const known = ownSymbols.get(node);
  if (known !== undefined) return known;
  const symbol = ts.isShorthandPropertyAssignment(node.parent)
    ? checker.getShorthandAssignmentValueSymbol(node.parent)
    : checker.getSymbolAtLocation(node);
  if (symbol !== undefined && isOwn(symbol, node)) ownSymbols.set(node, symbol);
  return symbol;
}

const problemsOf = (found: readonly ts.Diagnostic[], root: string, entry: string): Diagnostic[] =>
  found
    .filter((d) => d.category === ts.DiagnosticCategory.Error && !MISSING_GLOBALS.has(d.code))
    .map((d) => translate(d, root, entry));

/** An entry that is not there, and what stock TypeScript refuses of the text alone. */
export function syntaxErrors({ program, files }: SourceProgram, root: string, entry: string): Diagnostic[] {
  const missing = files.length === 0 ? program.getOptionsDiagnostics() : [];
  const found = files.flatMap((file) => program.getSyntacticDiagnostics(file));
  const all = problemsOf([...missing, ...found], root, entry);
  // Of an entry that is not there TypeScript says in further lines why it looked for it.
  return all.map((d) => (missing.length > 0 ? { ...d, message: d.message.split('\n')[0] ?? '' } : d));
}

/** The same sources in a program that nothing has been asked of, nor has anything been found wrong with them. */
export function openedAnew({ program, files }: SourceProgram, root: string): SourceProgram {
  const read = (file: string): string | undefined => program.getSourceFile(file)?.text;
  const anew = ts.createProgram(program.getRootFileNames(), OPTIONS, hostOf(read, root));
  if (shared === program) shared = anew;
  for (const file of files) if (checked.get(file)?.errors.length) checked.delete(file);
  return { program: anew, files };
}

export interface SemanticCheck {
  readonly errors: readonly Diagnostic[];
  /** Whether all that `isPresent` had said of these files before they were checked is so. */
  readonly asAssumed: boolean;
}

/** What stock TypeScript refuses in the program's own files, whose text it takes. */
export function checkTypes({ program, files }: SourceProgram, root: string, entry: string): SemanticCheck {
  const found = files.flatMap((file) => check(file, program).errors);
  const { misjudged } = findingsIn(program);
  return { errors: problemsOf(found, root, entry), asAssumed: !files.some((file) => misjudged.has(file)) };
}
