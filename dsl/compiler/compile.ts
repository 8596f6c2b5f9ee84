/** The whole compiler: a TypeScript module to an object with every program in it. */
import type { ObjectImage, ProgramImage } from '../object/image.ts';
import { BackendError, type Cpu, emitProgram } from './backend/index.ts';
import { type Diagnostic, diagnostic } from './diagnostics/diagnostic.ts';
import { type ParseOptions, parseModule } from './frontend/index.ts';
import type { IrProgram } from './ir/ir.ts';
import { type Baseline, lowerProgram, type Seams, withSeams } from './lower/index.ts';
import { optimise } from './passes/index.ts';
import type { ModuleTree, ProgramTree } from './tree/tree.ts';

export { BackendError, type Cpu } from './backend/index.ts';

export interface CompileOptions extends ParseOptions {
  /** The instruction set, v3 by default. */
  readonly cpu?: Cpu;
  /** Clocks and randomness: helpers (`kernel`, the default), or the variable `__seams` that a test sets (`memory`). */
  readonly seams?: Seams;
  /** What the kernel has at least: `5.12`, the default, or `5.10` for those that refuse its object. */
  readonly baseline?: Baseline;
  /** Names of optimisation passes to leave out. */
  readonly disablePasses?: ReadonlySet<string>;
  /** The object's licence; `GPL` by default, since some helpers are for GPL programs only. */
  readonly license?: string;
  /** Called with each function after each pass, for listings. */
  readonly afterPass?: (pass: string, program: string, fn: IrProgram['functions'][number]) => void;
}

export interface CompileResult {
  /** Absent when there are errors. */
  readonly object?: ObjectImage;
  /** The typed tree that the object was made from, with `__seams` where they were asked for. */
  readonly tree?: ModuleTree;
  /** The optimised IR of each program. */
  readonly ir?: readonly IrProgram[];
  readonly diagnostics: readonly Diagnostic[];
}

function emitted(tree: ModuleTree, program: ProgramTree, ir: IrProgram, cpu: Cpu | undefined): ProgramImage {
  try {
    return emitProgram(ir, program.kind, tree.sources, cpu === undefined ? {} : { cpu });
  } catch (error) {
    throw error instanceof BackendError ? new BackendError(error.message, program.span) : error;
  }
}

/** Compiles a typed tree. Throws {@link BackendError} when a program can't be emitted. */
export function compileTree(
  tree: ModuleTree,
  options: CompileOptions = {},
): { readonly object: ObjectImage; readonly ir: readonly IrProgram[] } {
  const { seams = 'kernel', baseline = '5.12', disablePasses, afterPass, cpu } = options;
  const ir = tree.programs.map((program) =>
    optimise(lowerProgram(tree, program, { seams, baseline }), {
      ...(disablePasses && { disable: disablePasses }),
      ...(afterPass && { after: (pass, fn) => afterPass(pass, program.name, fn) }),
    }),
  );
  const programs = tree.programs.map((program, index) => {
    const lowered = ir[index];
    if (!lowered) throw new BackendError(`program ${program.name} was not lowered`);
    return emitted(tree, program, lowered, cpu);
  });
  const { maps, sections } = tree;
  return { object: { license: options.license ?? 'GPL', maps, sections, programs }, ir };
}

/** Compiles `entryFile` and what it imports. What the source does wrong comes back as diagnostics. */
export function compile(entryFile: string, options: CompileOptions = {}): CompileResult {
  const { tree: parsed, diagnostics } = parseModule(entryFile, options);
  if (!parsed) return { diagnostics };
  const tree = options.seams === 'memory' ? withSeams(parsed) : parsed;
  try {
    return { ...compileTree(tree, options), tree, diagnostics };
  } catch (error) {
    if (!(error instanceof BackendError) || error.span === undefined) throw error;
    return { diagnostics: [diagnostic('N5005', error.span, { problem: error.message })] };
  }
}
