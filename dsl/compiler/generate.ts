/** The back half of the compiler: a typed tree to an object with every program in it. Without TypeScript. */
import type { ObjectImage } from '../object/image.ts';
import { BackendError, type Cpu, emitProgram } from './backend/index.ts';
import { SourceNames } from './backend/names.ts';
import { type Diagnostic, diagnostic } from './diagnostics/diagnostic.ts';
import { internalError } from './diagnostics/internal.ts';
import type { IrProgram } from './ir/ir.ts';
import { type Baseline, LoweringError, lowerProgram, type Seams } from './lower/index.ts';
import { optimise } from './passes/index.ts';
import type { ModuleTree, ProgramTree, Span } from './tree/tree.ts';

/** What to make of a tree. Plain data, which another thread may be given. */
export interface ObjectOptions {
  /** The instruction set, v3 by default. */
  readonly cpu?: Cpu;
  /** Clocks and randomness: helpers (`kernel`, the default), or the variable `__seams` that a test sets (`memory`). */
  readonly seams?: Seams;
  /** What the kernel has at least: `5.12`, the default but for v1 and v2, or `5.10` for those that refuse its object. */
  readonly baseline?: Baseline;
  /** Names of optimisation passes to leave out. */
  readonly disablePasses?: ReadonlySet<string>;
  /** The object's licence; `GPL` by default, since some helpers are for GPL programs only. */
  readonly license?: string;
}

type Listener = (pass: string, program: string, fn: IrProgram['functions'][number]) => void;

/** For listings. */
export interface Listeners {
  /** Called with each function before each pass. */
  readonly beforePass?: Listener;
  /** Called with each function after each pass. */
  readonly afterPass?: Listener;
}

/** What was made of a tree. */
export interface ObjectResult {
  /** Absent when there are errors. */
  readonly object?: ObjectImage;
  /** The optimised IR of each program. */
  readonly ir?: readonly IrProgram[];
  readonly diagnostics: readonly Diagnostic[];
}

/** A failure of the compiler on a well-formed tree, at the span that was at hand; the cause is what was thrown. */
class CompilerFailure extends Error {
  constructor(
    readonly span: Span,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Runs `work`; what it throws comes out with a span, the program's where it has none of its own. */
function within<T>(program: ProgramTree, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof BackendError) throw new BackendError(error.message, error.span ?? program.span);
    throw new CompilerFailure(error instanceof LoweringError ? error.span : program.span, error);
  }
}

/** Compiles a typed tree. Throws {@link BackendError} when a program can't be emitted. */
export function compileTree(
  tree: ModuleTree,
  options: ObjectOptions & Listeners = {},
): { readonly object: ObjectImage; readonly ir: readonly IrProgram[] } {
  const { seams = 'kernel', disablePasses, beforePass, afterPass, cpu } = options;
  // A kernel of the older instruction sets has no atomic operation but add either.
  const { baseline = cpu === 'v1' || cpu === 'v2' ? '5.10' : '5.12' } = options;
  const names = new SourceNames(tree);
  const compiled = tree.programs.map((program) =>
    within(program, () => {
      const optimised = optimise(lowerProgram(tree, program, { seams, baseline }), {
        ...(disablePasses && { disable: disablePasses }),
        ...(beforePass && { before: (pass, fn) => beforePass(pass, program.name, fn) }),
        ...(afterPass && { after: (pass, fn) => afterPass(pass, program.name, fn) }),
      });
      const target = { names, ...(cpu === undefined ? {} : { cpu }) };
      return { ir: optimised, image: emitProgram(optimised, program.kind, tree.sources, target) };
    }),
  );
  const ir = compiled.map((one) => one.ir);
  const programs = compiled.map((one) => one.image);
  const { maps, sections } = tree;
  return { object: { license: options.license ?? 'GPL', maps, sections, programs }, ir };
}

/** What went wrong with a tree that the front end accepted. Anything but the compiler's own errors is thrown on. */
function problemOf(error: unknown): Diagnostic {
  if (error instanceof BackendError && error.span !== undefined)
    return diagnostic('N5005', error.span, { problem: error.message });
  if (error instanceof CompilerFailure) return internalError(error.cause, error.span);
  throw error;
}

/** As `compileTree`, but it never throws: what goes wrong with the tree is a diagnostic. */
export function objectOf(tree: ModuleTree, options: ObjectOptions & Listeners = {}): ObjectResult {
  try {
    return { ...compileTree(tree, options), diagnostics: [] };
  } catch (error) {
    return { diagnostics: [problemOf(error)] };
  }
}
