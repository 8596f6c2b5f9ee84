/** The programs that `natra dev` looks after: compiled once, and again when a file that they are made of changes. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../../dsl/cli/output.ts';
import {
  type BackEnd,
  beginTree,
  type Checked,
  type CompileOptions,
  type CompileResult,
  objectAgain,
  RememberedCode,
} from '../../../dsl/compiler/index.ts';
import type { ModuleTree } from '../../../dsl/compiler/tree/tree.ts';

export interface Compiled {
  /** The file with the programs, relative to the current folder where it lies below it. */
  readonly file: string;
  readonly result: CompileResult;
  readonly milliseconds: number;
}

/** A file that is being compiled. */
interface Coming {
  /** With the source: nothing has to be waited for. */
  readonly isWrong: boolean;
  readonly compiled: Promise<Compiled>;
}

const isSource = (name: string): boolean =>
  name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.d.ts');

const exists = (name: string): boolean => statSync(name, { throwIfNoEntry: false }) !== undefined;

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** What a file or a folder that was named comes down to now; a file may be gone, and come back. */
function lookInto(name: string): { readonly files: readonly string[]; readonly folders: readonly string[] } {
  const folder = statSync(name, { throwIfNoEntry: false });
  if (!folder?.isDirectory()) return { files: folder ? [name] : [], folders: [path.dirname(name)] };
  const entries = readdirSync(name, { recursive: true, withFileTypes: true });
  const pathsOf = (some: typeof entries): string[] =>
    some.map((each) => path.join(each.parentPath, each.name)).sort();
  return {
    files: pathsOf(entries.filter((each) => !each.isDirectory() && isSource(each.name))),
    folders: [name, ...pathsOf(entries.filter((each) => each.isDirectory()))],
  };
}

/** Where there are no threads. */
function inThisThread(): BackEnd {
  const remembered = new RememberedCode();
  const rehearsed = new RememberedCode();
  return async (tree, options, isRehearsal) =>
    objectAgain(isRehearsal ? rehearsed : remembered, tree, options);
}

/** A source with another text than it has. */
export interface Edit {
  /** Absolute. */
  readonly file: string;
  readonly text: string;
}

async function finish(
  file: string,
  { tree, diagnostics, made }: Checked<CompileResult>,
  start: number,
): Promise<Compiled> {
  const result = tree && made ? { tree, ...(await made) } : { diagnostics };
  return { file, result, milliseconds: performance.now() - start };
}

export class Project {
  private readonly named: readonly string[];
  /** By file that was compiled for itself: the last tree, undefined where something was wrong. */
  private readonly trees = new Map<string, ModuleTree | undefined>();
  /** By file that was not compiled for itself: the program that it is a part of. */
  private readonly lookedAtWith = new Map<string, string>();

  /** `named`: files and folders. `edit`: what is to be read in place of a file. */
  constructor(
    named: readonly string[],
    private readonly options: Pick<CompileOptions, 'cpu'> = {},
    private readonly backEnd: BackEnd = inThisThread(),
    private readonly edit?: Edit,
  ) {
    for (const name of named)
      if (!exists(name)) throw new UsageError(`dev ${name}: there is no such file or folder`);
    this.named = named;
  }

  /** Every file that may have programs, those included that were added since. */
  private files(): readonly string[] {
    return [...new Set(this.named.flatMap((name) => lookInto(name).files))];
  }

  /** Folders to watch: those named with all in them, and those that hold what is imported. */
  folders(): ReadonlySet<string> {
    const sources = [...this.trees.values()].flatMap((tree) => [...(tree?.sources.keys() ?? [])]);
    const imported = sources.map((file) => path.dirname(file));
    const folders = [...this.named.flatMap((name) => lookInto(name).folders), ...imported];
    return new Set(folders.filter(exists).map((each) => path.resolve(each)));
  }

  /** What is another than when it was compiled last, or never was: absolute paths. */
  outdated(): ReadonlySet<string> {
    const added = this.files().filter((file) => !this.trees.has(file) && !this.lookedAtWith.has(file));
    const sources = [...this.trees.values()].flatMap((tree) => [...(tree?.sources ?? [])]);
    const changed = sources.flatMap(([file, text]) => (textOf(file) === text ? [] : [file]));
    return new Set([...added, ...changed].map((file) => path.resolve(file)));
  }

  /**
   * Compiles what a change of these files affects, all there is where none are given: `tell` hears of what is wrong with
   * sources when all have been checked, and then of each object when it is made. Resolves with what was told.
   */
  async compile(
    changed: ReadonlySet<string> | undefined,
    tell: (compiled: Compiled) => void,
  ): Promise<readonly Compiled[]> {
    const coming = this.begin(changed);
    const told: Compiled[] = [];
    const known = new Set<string>();
    for (const each of [
      ...coming.filter(({ isWrong }) => isWrong),
      ...coming.filter(({ isWrong }) => !isWrong),
    ]) {
      const compiled = await each.compiled;
      const problems = compiled.result.diagnostics.map((problem) => JSON.stringify(problem));
      // What several files import is told of once.
      const isKnown = problems.length > 0 && problems.every((problem) => known.has(problem));
      for (const problem of problems) known.add(problem);
      if (isKnown) continue;
      tell(compiled);
      told.push(compiled);
    }
    return told;
  }

  /** What programs are made of, as it was when they were compiled last: texts by absolute path. */
  sources(): ReadonlyMap<string, string> {
    const trees = [...this.trees.values()].flatMap((tree) => (tree?.programs.length ? tree : []));
    return new Map(
      trees.flatMap(({ sources }) => [...sources].map(([file, text]) => [path.resolve(file), text] as const)),
    );
  }

  /**
   * Compiles what a save of this would affect and forgets of it what it can, so that V8 has seen all that a save takes.
   * Resolves when it is done, or given up for what isn't a rehearsal.
   */
  async rehearse(edit: Edit): Promise<void> {
    const rehearsed: BackEnd = (tree, options) => this.backEnd(tree, options, true);
    const rehearsal = new Project(this.named, this.options, rehearsed, edit);
    for (const [file, tree] of this.trees) rehearsal.trees.set(file, tree);
    for (const [file, by] of this.lookedAtWith) rehearsal.lookedAtWith.set(file, by);
    await rehearsal.compile(new Set([edit.file]), () => undefined);
  }

  /** The front end, of one file after the other; the threads have their trees when it returns. */
  private begin(changed: ReadonlySet<string> | undefined): readonly Coming[] {
    const files = this.files();
    for (const file of this.trees.keys()) if (!files.includes(file)) this.trees.delete(file);
    for (const file of this.lookedAtWith.keys()) if (!files.includes(file)) this.lookedAtWith.delete(file);
    const affected = files.filter((file) => changed === undefined || this.isAffected(file, changed));
    // Programs first: a module that one of them is made of is looked at with it. The largest, which takes
    // longest, begins first.
    const ordered = affected.toSorted((a, b) => this.sizeOf(b) - this.sizeOf(a));
    const coming: Coming[] = [];
    // Parts of what turns out to be wrong are looked at for themselves.
    for (let files: readonly string[] = ordered; files.length > 0; )
      files = this.beginTogether(files, ordered, coming);
    return coming;
  }

  /** All trees first, so that no thread waits for a check. Gives the parts of what is wrong. */
  private beginTogether(
    files: readonly string[],
    beside: readonly string[],
    coming: Coming[],
  ): readonly string[] {
    const within = new Map<string, string>();
    const begun = files.flatMap((file) => {
      const start = performance.now();
      if (within.has(path.resolve(file))) return [];
      const one = beginTree(file, { beside, readFile: (each) => this.edited(each) }, (tree) =>
        this.backEnd(tree, this.options),
      );
      for (const source of one.tree?.sources.keys() ?? []) within.set(path.resolve(source), file);
      return { file, start, ...one };
    });
    for (const { file, start, check } of begun) {
      const checked = check();
      const { tree } = checked;
      this.trees.set(file, tree);
      this.lookedAtWith.delete(file);
      // A module without programs of its own has nothing to show but what is wrong with it.
      if (tree?.programs.length === 0) continue;
      coming.push({ isWrong: tree === undefined, compiled: finish(file, checked, start) });
    }
    const entries = new Set(begun.map(({ file }) => file));
    return files.filter((file) => {
      const by = within.get(path.resolve(file));
      if (entries.has(file) || by === undefined) return false;
      if (this.trees.get(by) === undefined) return true;
      this.trees.delete(file);
      this.lookedAtWith.set(file, by);
      return false;
    });
  }

  private edited(file: string): string | undefined {
    return this.edit?.file === file ? this.edit.text : undefined;
  }

  /** How many files a file with programs was made of; 0 for others. */
  private sizeOf(file: string): number {
    const tree = this.trees.get(file);
    return tree === undefined || tree.programs.length === 0 ? 0 : tree.sources.size;
  }

  /** What has not compiled may be made of anything. */
  private isAffected(file: string, changed: ReadonlySet<string>): boolean {
    const by = this.lookedAtWith.get(file);
    if (by !== undefined) return changed.has(path.resolve(file)) || this.isAffected(by, changed);
    const tree = this.trees.get(file);
    if (tree === undefined) return true;
    return [file, ...tree.sources.keys()].some((source) => changed.has(path.resolve(source)));
  }
}
