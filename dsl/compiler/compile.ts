/** The whole compiler: a TypeScript module to an object with every program in it. */
import { type ParseOptions, type ParseResult, parseModule, parseUnchecked } from './frontend/index.ts';
import { type Listeners, type ObjectOptions, type ObjectResult, objectOf } from './generate.ts';
import { withSeams } from './lower/index.ts';
import type { ModuleTree } from './tree/tree.ts';

export { BackendError, type Cpu } from './backend/index.ts';
export { compileTree } from './generate.ts';

export interface CompileOptions extends ParseOptions, ObjectOptions, Listeners {}

export interface CompileResult extends ObjectResult {
  /** The typed tree that the object was made from, with `__seams` where they were asked for. */
  readonly tree?: ModuleTree;
}

/**
 * Makes objects of trees in other threads, and nothing for listings. `isRehearsal`: nobody waits for the object, which is
 * made while nothing else is asked for; else it is given up, and what comes of it isn't the tree's.
 */
export type BackEnd = (
  tree: ModuleTree,
  options: ObjectOptions,
  isRehearsal?: boolean,
) => Promise<Omit<ObjectResult, 'ir'>>;

/** The typed tree of `entryFile` and what it imports, as its object is made of it. */
export function treeOf(entryFile: string, options: ParseOptions & Pick<ObjectOptions, 'seams'>): ParseResult {
  const { tree, diagnostics } = parseModule(entryFile, options);
  return { tree: tree && options.seams === 'memory' ? withSeams(tree) : tree, diagnostics };
}

/** What was checked, and what is made of it. */
export interface Checked<T> extends ParseResult {
  /** Of the tree, where that has programs. */
  readonly made: Promise<T> | undefined;
}

/** What `begin` was given a tree for. */
export interface Begun<T> {
  /** Not checked yet. */
  readonly tree: ModuleTree | undefined;
  /** As `check` of what `parseUnchecked` gives. */
  readonly check: () => Checked<T>;
}

/**
 * As `treeOf`, where `begin` gets the tree of programs before it has been checked, so that both can be done at the same
 * time. What it makes of a tree that doesn't hold is dropped, and so is what it fails with.
 */
export function beginTree<T>(
  entryFile: string,
  options: ParseOptions,
  begin: (tree: ModuleTree) => Promise<T>,
): Begun<T> {
  const begun = (tree: ModuleTree | undefined) => (tree?.programs.length ? begin(tree) : undefined);
  const unchecked = parseUnchecked(entryFile, options);
  const early = begun(unchecked.tree);
  early?.catch(() => undefined);
  const check = (): Checked<T> => {
    const result = unchecked.check();
    return { ...result, made: result.tree === unchecked.tree ? early : begun(result.tree) };
  };
  return { tree: unchecked.tree, check };
}

/**
 * Compiles `entryFile` and what it imports. What the source does wrong comes back as diagnostics, and so does a
 * failure of the compiler itself: it never throws.
 */
export function compile(entryFile: string, options: CompileOptions = {}): CompileResult {
  const { tree, diagnostics } = treeOf(entryFile, options);
  if (tree === undefined) return { diagnostics };
  const result = objectOf(tree, options);
  return result.object ? { ...result, tree } : result;
}

/** As `compile`, where another thread makes the object: the front end has run when it returns, the rest is to come. */
export async function compileOn(
  backEnd: BackEnd,
  entryFile: string,
  options: ParseOptions & ObjectOptions = {},
): Promise<CompileResult> {
  const { tree, diagnostics } = treeOf(entryFile, options);
  if (tree === undefined) return { diagnostics };
  const { cpu, seams, baseline, disablePasses, settings, license } = options;
  const given = { cpu, seams, baseline, disablePasses, settings, license };
  const result = await backEnd(tree, given);
  return result.object ? { ...result, tree } : result;
}
