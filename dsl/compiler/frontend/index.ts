/** The front end: TypeScript source to the typed tree. */
import path from 'node:path';
import { ts } from 'ts-morph';
import { CONTEXTS } from '../../machine/contexts.ts';
import type { ProgramKind } from '../../object/image.ts';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { internalError, isTooDeep, tooDeep } from '../diagnostics/internal.ts';
import type { IntType, ModuleTree, ProgramTree } from '../tree/tree.ts';
import { inlinedSize } from '../tree/walk.ts';
import type { Entity, ProgramSource } from './entities.ts';
import { elementOf, fieldOf } from './expressions/property.ts';
import { expression } from './expressions/table.ts';
import { checkFlow } from './flow/check.ts';
import { checkUncalled, instantiate } from './functions.ts';
import { declaration } from './module/declarations.ts';
import {
  checkTypes,
  isLanguage,
  openedAnew,
  openProgram,
  type ReadFile,
  readFromDisk,
  type SourceProgram,
  syntaxErrors,
} from './program.ts';
import { Session } from './session.ts';
import { statement } from './statements/table.ts';
import { deepestPlace, tooDeepPlace } from './syntax/deepest.ts';
import { refuseSyntax, refuseTopLevel } from './syntax/refused.ts';
import { CONTEXT, I32, U32 } from './types/types.ts';

export interface ParseOptions {
  /** Sources that stand in for files; undefined leaves a path to the disk. Paths are absolute. */
  readonly readFile?: ReadFile;
  /** What spans name files relative to; the current directory by default. */
  readonly root?: string;
  /**
   * Leaves proofs to the kernel's verifier: bounds of indices and offsets, references that may be stale, memory that may
   * be read-only, loops that may not end, and `reference!` for "it is there". For what it can see and our checker can't.
   */
  readonly unproven?: boolean;
  /** Other files that are compiled next in this process: what they have in common is then looked at once. */
  readonly beside?: readonly string[];
}

export interface ParseResult {
  /** Absent when there is any error. */
  readonly tree: ModuleTree | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

/** Gives every module-level constant its meaning, in order, so that sections and maps are laid out in that order. */
function declare(session: Session, file: ts.SourceFile): void {
  for (const node of file.statements) {
    const names = ts.isVariableStatement(node)
      ? node.declarationList.declarations.map((one) => one.name)
      : ts.isFunctionDeclaration(node) && node.name
        ? [node.name]
        : [];
    for (const name of names) {
      const symbol = session.symbol(name);
      if (symbol !== undefined) session.attempt(() => session.entity(symbol, name));
      else session.report(diagnostic('N1001', session.span(name), { syntax: 'a pattern at module level' }));
    }
  }
}

/** The type of a kind's result: signed where it may be negative. */
const resultType = (kind: ProgramKind): IntType => (CONTEXTS[kind].results.lowest < 0n ? I32 : U32);

function programTree(session: Session, source: ProgramSource): ProgramTree {
  session.kind = source.kind;
  const span = session.span(source.node);
  const [parameter] = source.body.node.parameters;
  const given: Entity[] = parameter
    ? [{ kind: 'value', value: { kind: 'context', type: CONTEXT, span } }]
    : [];
  const entry = instantiate(session, source.body, given, source.node, resultType(source.kind));
  return { name: source.name, kind: source.kind, entry, span };
}

/** Expressions and statements of a program: many times those of one that the verifier takes. */
const LARGEST_PROGRAM = 200_000;

/** Refuses what would take the compiler minutes: functions that call one another twice and more, many deep. */
function checkSize(session: Session, { name, entry, span }: ProgramTree): void {
  const size = inlinedSize(entry);
  if (size <= LARGEST_PROGRAM) return;
  const problem = `program ${name}: with its functions inlined at every call it has ${size} expressions and statements, and ${LARGEST_PROGRAM} are the most: mark some of them noinline`;
  session.report(diagnostic('N5005', span, { problem }));
}

/** Files without a construct that the language has not, in whatever program they are. */
const wellFormed = new WeakSet<ts.SourceFile>();

function refuseConstructs(session: Session, file: ts.SourceFile): void {
  if (wellFormed.has(file)) return;
  const before = session.diagnostics.length;
  refuseTopLevel(session, file);
  refuseSyntax(session, file);
  if (!session.unproven && session.diagnostics.length === before) wellFormed.add(file);
}

/** The tree, of which nothing is proven: what an index, an offset or a reference may be is looked at by `prove`. */
function translate(session: Session, source: SourceProgram): ModuleTree {
  for (const file of source.files) refuseConstructs(session, file);
  if (session.diagnostics.length === 0) for (const file of source.files) declare(session, file);
  const programs = session.programs.flatMap(
    (one) => session.attempt(() => session.within(one.node, () => programTree(session, one))) ?? [],
  );
  session.kind = undefined;
  for (const one of programs) checkSize(session, one);
  return {
    programs,
    maps: session.maps,
    sections: session.sectionImages(),
    sources: new Map(source.files.map((file) => [session.fileName(file), file.text])),
  };
}

/** What no tree is made of: flow through the programs, and functions that none of them calls. */
function prove(session: Session, { programs }: ModuleTree): void {
  if (session.diagnostics.length === 0) for (const one of programs) checkFlow(session, one);
  for (const one of session.functions) if (!session.called.has(one)) checkUncalled(session, one);
}

const position = (d: Diagnostic): string =>
  `${d.span.file}:${String(d.span.line).padStart(8)}:${String(d.span.column).padStart(6)}`;

/** Where an entry file is. */
interface Place {
  readonly root: string;
  readonly entry: string;
  readonly text: () => string | undefined;
}

function placeOf(entryFile: string, options: ParseOptions): Place {
  const root = path.resolve(options.root ?? process.cwd());
  const entry = path.resolve(root, entryFile);
  return { root, entry, text: () => options.readFile?.(entry) ?? readFromDisk(entry) };
}

/** What `work` gives; a failure of the compiler is a diagnostic. */
function guarded({ root, entry, text }: Place, work: () => ParseResult): ParseResult {
  try {
    return work();
  } catch (error) {
    const file = path.relative(root, entry);
    const start = { file, line: 1, column: 1, endLine: 1, endColumn: 1 };
    const span = isTooDeep(error) ? deepestPlace(file, text() ?? '') : start;
    return { tree: undefined, diagnostics: [internalError(error, span)] };
  }
}

function open({ root, entry }: Place, options: ParseOptions): SourceProgram {
  const beside = (options.beside ?? []).map((file) => path.resolve(root, file));
  return openProgram(entry, root, options.readFile, beside);
}

/** What keeps a source from being looked at any further: errors in its text, or levels without end. */
function errorsInText(source: SourceProgram, { root, entry }: Place): readonly Diagnostic[] {
  const errors = syntaxErrors(source, root, entry);
  if (errors.length > 0) return errors;
  return source.files.flatMap((file) => {
    const span = tooDeepPlace(file, path.relative(root, file.fileName));
    return span === undefined ? [] : [tooDeep(span)];
  });
}

const refused = (diagnostics: readonly Diagnostic[]): ParseResult => ({ tree: undefined, diagnostics });

/** What our own checker makes of a source. */
interface Translated {
  /** Absent where there is an error already. */
  readonly tree: ModuleTree | undefined;
  /** Looks at the rest. To be asked once. */
  readonly prove: () => ParseResult;
}

/** The tree of what TypeScript has read, and what our own checker refuses. */
function translated(source: SourceProgram, { root }: Place, options: ParseOptions): Translated {
  const checker = source.program.getTypeChecker();
  const translators = { entity: expression, field: fieldOf, element: elementOf, statement, declaration };
  const session = new Session(checker, translators, root, isLanguage, options.unproven);
  const tree = translate(session, source);
  return {
    tree: session.diagnostics.length === 0 ? tree : undefined,
    prove: () => {
      prove(session, tree);
      const diagnostics = session.diagnostics.toSorted((a, b) => (position(a) < position(b) ? -1 : 1));
      return diagnostics.length === 0 ? { tree, diagnostics } : refused(diagnostics);
    },
  };
}

/** TypeScript's check of types, then ours. */
function checkInTurn(source: SourceProgram, place: Place, options: ParseOptions): ParseResult {
  const { errors } = checkTypes(source, place.root, place.entry);
  return errors.length > 0 ? refused(errors) : translated(source, place, options).prove();
}

/**
 * Reads the entry file and what it imports, checks it with TypeScript and then with our own checker. Never throws:
 * a failure of the compiler is a diagnostic too.
 */
export function parseModule(entryFile: string, options: ParseOptions = {}): ParseResult {
  const place = placeOf(entryFile, options);
  return guarded(place, () => {
    const source = open(place, options);
    const errors = errorsInText(source, place);
    return errors.length > 0 ? refused(errors) : checkInTurn(source, place, options);
  });
}

/** A tree of source that has been checked in part: it may be of nonsense. */
export interface Unchecked {
  /** Absent where there is an error in the text, or one that translating it has found. */
  readonly tree: ModuleTree | undefined;
  /** Has TypeScript check, then our own checker, and gives what `parseModule` does: this very tree, where it holds. */
  readonly check: () => ParseResult;
}

/**
 * As `parseModule`, with the tree before TypeScript's check and before our proofs. Several may be parsed before they are
 * checked; all are to be before the files are read again.
 */
export function parseUnchecked(entryFile: string, options: ParseOptions = {}): Unchecked {
  const place = placeOf(entryFile, options);
  let opened: SourceProgram | undefined;
  let early: Translated | undefined;
  const first = guarded(place, () => {
    const source = open(place, options);
    const errors = errorsInText(source, place);
    if (errors.length > 0) return refused(errors);
    opened = source;
    early = translated(source, place, options);
    return { tree: early.tree, diagnostics: [] };
  });
  const source = opened;
  const translation = early;
  if (source === undefined) return { tree: undefined, check: () => first };
  const check = (): ParseResult => {
    const { errors, asAssumed } = checkTypes(source, place.root, place.entry);
    // In which order TypeScript names the parts of a union depends on what it was asked before.
    if (errors.length > 0) return checkInTurn(openedAnew(source, place.root), place, options);
    return ((asAssumed ? translation : undefined) ?? translated(source, place, options)).prove();
  };
  return { tree: first.tree, check: () => guarded(place, check) };
}
