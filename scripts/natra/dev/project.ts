/** The programs that `natra dev` looks after: compiled once, and again when a file that they are made of changes. */
import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from '../../../dsl/cli/output.ts';
import { type CompileResult, compile } from '../../../dsl/compiler/index.ts';

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

  /** `named`: files and folders. */
  constructor(named: readonly string[]) {
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

  /** Compiles what a change of these files affects; all there is where none are given. */
  compile(changed?: ReadonlySet<string>): readonly Compiled[] {
    const affected = this.files().filter((file) => changed === undefined || this.isAffected(file, changed));
    return affected.flatMap((file) => {
      const compiled = this.compileOne(file);
      this.last.set(file, compiled);
      // A module without programs of its own has nothing to show but what is wrong with it.
      const { tree, diagnostics } = compiled.result;
      return diagnostics.length === 0 && tree?.programs.length === 0 ? [] : [compiled];
    });
  }

  private compileOne(file: string): Compiled {
    const start = performance.now();
    const result = compile(file);
    return { file, result, milliseconds: performance.now() - start };
  }

  /** What has not compiled may be made of anything. */
  private isAffected(file: string, changed: ReadonlySet<string>): boolean {
    const tree = this.last.get(file)?.result.tree;
    if (tree === undefined) return true;
    return [file, ...tree.sources.keys()].some((source) => changed.has(path.resolve(source)));
  }
}
