/** The programs that `natra dev` looks after: compiled once, and again when a file that they are made of changes. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../../dsl/cli/output.ts';
import { type CompileOptions, type CompileResult, compile } from '../../../dsl/compiler/index.ts';

export interface Compiled {
  /** The file with the programs, relative to the current folder where it lies below it. */
  readonly file: string;
  readonly result: CompileResult;
  readonly milliseconds: number;
}

const isSource = (name: string): boolean =>
  name.endsWith('.ts') && !name.endsWith('.test.ts') && !name.endsWith('.d.ts');

function filesIn(name: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(name).isDirectory();
  } catch {
    throw new UsageError(`dev ${name}: there is no such file or folder`);
  }
  if (!isFolder) return [name];
  return readdirSync(name, { recursive: true, encoding: 'utf8' })
    .filter(isSource)
    .map((each) => path.join(name, each))
    .sort();
}

export class Project {
  private readonly named: readonly string[];
  /** By file: what it was compiled to last. */
  private readonly last = new Map<string, Compiled>();
  /** By file that was not compiled for itself: the program that it is a part of. */
  private readonly lookedAtWith = new Map<string, string>();

  /** `named`: files and folders. */
  constructor(
    named: readonly string[],
    private readonly options: Pick<CompileOptions, 'cpu'> = {},
  ) {
    this.named = named;
    this.files();
  }

  /** Every file that may have programs, those included that were added since. */
  private files(): readonly string[] {
    return [...new Set(this.named.flatMap(filesIn))];
  }

  /** Folders to watch: those named, and those that hold what is imported. */
  folders(): ReadonlySet<string> {
    const sources = [...this.last.values()].flatMap(({ result }) => [...(result.tree?.sources.keys() ?? [])]);
    return new Set([...this.files(), ...sources].map((file) => path.resolve(path.dirname(file))));
  }

  /** Compiles what a change of these files affects, one after the other; all there is where none are given. */
  *compile(changed?: ReadonlySet<string>): Generator<Compiled> {
    const affected = this.files().filter((file) => changed === undefined || this.isAffected(file, changed));
    // Programs first: a module that one of them is made of is looked at with it.
    const ordered = affected.toSorted((a, b) => this.programsOf(b) - this.programsOf(a));
    const within = new Map<string, string>();
    const told = new Set<string>();
    for (const file of ordered) {
      const by = within.get(path.resolve(file));
      if (by === undefined) {
        const compiled = this.compileOne(file, ordered);
        const { tree, diagnostics } = compiled.result;
        for (const source of tree?.sources.keys() ?? []) within.set(path.resolve(source), file);
        const problems = diagnostics.map((each) => JSON.stringify(each));
        const isTold = problems.length > 0 && problems.every((problem) => told.has(problem));
        for (const problem of problems) told.add(problem);
        // A module without programs of its own has nothing to show but what is wrong with it.
        if (!isTold && tree?.programs.length !== 0) yield compiled;
      } else {
        this.last.delete(file);
        this.lookedAtWith.set(file, by);
      }
    }
  }

  private programsOf(file: string): number {
    return this.last.get(file)?.result.tree?.programs.length ?? 0;
  }

  private compileOne(file: string, beside: readonly string[]): Compiled {
    const start = performance.now();
    const result = compile(file, { ...this.options, beside });
    const compiled = { file, result, milliseconds: performance.now() - start };
    this.last.set(file, compiled);
    this.lookedAtWith.delete(file);
    return compiled;
  }

  /** What has not compiled may be made of anything. */
  private isAffected(file: string, changed: ReadonlySet<string>): boolean {
    const by = this.lookedAtWith.get(file);
    if (by !== undefined) return changed.has(path.resolve(file)) || this.isAffected(by, changed);
    const tree = this.last.get(file)?.result.tree;
    if (tree === undefined) return true;
    return [file, ...tree.sources.keys()].some((source) => changed.has(path.resolve(source)));
  }
}
