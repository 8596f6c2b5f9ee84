/** The back half of the compiler: a typed tree to an object with every program in it. Without TypeScript. */
import type { ObjectImage } from '../object/image.ts';
import type { Rodata } from '../object/specialise/constants.ts';
import { BackendError, type Cpu, emitCode, machineCode } from './backend/index.ts';
import type { MachineFunction } from './backend/machine.ts';
import { SourceNames } from './backend/names.ts';
import { type Diagnostic, diagnostic } from './diagnostics/diagnostic.ts';
import { internalError } from './diagnostics/internal.ts';
import type { IrProgram } from './ir/ir.ts';
import { type Baseline, LoweringError, lowerProgram, type Seams } from './lower/index.ts';
import { optimise } from './passes/index.ts';
import { fillSettings } from './passes/known-settings.ts';
import type { RememberedCode } from './remembered.ts';
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
  /** Settings that are known already: the programs are made for them, as far as they are, and load only the others. */
  readonly settings?: Rodata;
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

type Options = ObjectOptions & Listeners;

function optimised(program: IrProgram, { disablePasses, beforePass, afterPass }: Options): IrProgram {
  return optimise(program, {
    ...(disablePasses && { disable: disablePasses }),
    ...(beforePass && { before: (pass, fn) => beforePass(pass, program.name, fn) }),
    ...(afterPass && { after: (pass, fn) => afterPass(pass, program.name, fn) }),
  });
}

/** An object of what `codeOf` makes of each lowered program. */
function objectWith(
  tree: ModuleTree,
  { seams = 'kernel', cpu, license = 'GPL', ...options }: Options,
  codeOf: (program: IrProgram) => readonly MachineFunction[],
): ObjectImage {
  // A kernel of the older instruction sets has no atomic operation but add either.
  const { baseline = cpu === 'v1' || cpu === 'v2' ? '5.10' : '5.12' } = options;
  const { settings } = options;
  const names = new SourceNames(tree);
  const target = { names, ...(cpu === undefined ? {} : { cpu }) };
  const programs = tree.programs.map((program) =>
    within(program, () => {
      const lowered = lowerProgram(tree, program, { seams, baseline });
      const code = codeOf(settings ? fillSettings(lowered, settings) : lowered);
      return emitCode(program.name, program.kind, code, tree.sources, target);
    }),
  );
  const { maps, sections } = tree;
  return { license, maps, sections, programs };
}

/** Compiles a typed tree. Throws {@link BackendError} when a program can't be emitted. */
export function compileTree(
  tree: ModuleTree,
  options: Options = {},
): { readonly object: ObjectImage; readonly ir: readonly IrProgram[] } {
  const ir: IrProgram[] = [];
  const object = objectWith(tree, options, (program) => {
    const result = optimised(program, options);
    ir.push(result);
    return machineCode(result, options.cpu);
  });
  return { object, ir };
}

/** The object that `compileTree` makes, with what is remembered of the code of others. */
function objectFrom(remembered: RememberedCode, tree: ModuleTree, options: Options): ObjectImage {
  const { cpu, disablePasses } = options;
  const deciding = JSON.stringify([cpu, [...(disablePasses ?? [])].sort()]);
  return objectWith(tree, options, (program) =>
    remembered.of(program, deciding, (same) =>
      machineCode(optimised(same, options), cpu, (selected, finish) =>
        remembered.functions.finished(selected, finish),
      ),
    ),
  );
}

/** What went wrong with a tree that the front end accepted. Anything but the compiler's own errors is thrown on. */
function problemOf(error: unknown): Diagnostic {
  if (error instanceof BackendError && error.span !== undefined)
    return diagnostic('N5005', error.span, { problem: error.message });
  if (error instanceof CompilerFailure) return internalError(error.cause, error.span);
  throw error;
}

/** As `compileTree`, but it never throws: what goes wrong with the tree is a diagnostic. */
export function objectOf(tree: ModuleTree, options: Options = {}): ObjectResult {
  try {
    return { ...compileTree(tree, options), diagnostics: [] };
  } catch (error) {
    return { diagnostics: [problemOf(error)] };
  }
}

/** As `objectOf`, without IR, and without passes and back end for programs whose code is remembered. */
export function objectAgain(
  remembered: RememberedCode,
  tree: ModuleTree,
  options: Options,
): Omit<ObjectResult, 'ir'> {
  try {
    return { object: objectFrom(remembered, tree, options), diagnostics: [] };
  } catch (error) {
    return { diagnostics: [problemOf(error)] };
  }
}
