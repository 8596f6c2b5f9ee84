/**
 * What one compilation shares: the TypeScript checker, the diagnostics, what module-level names stand for, and the
 * counters that number variables and stack slots.
 */
import path from 'node:path';
import { ts } from 'ts-morph';
import type { GlobalVariable, MapImage, ProgramKind, SectionImage } from '../../object/image.ts';
import type { Layout, StructLayout } from '../../object/layout.ts';
import { type Diagnostic, diagnostic } from '../diagnostics/diagnostic.ts';
import { internalError } from '../diagnostics/internal.ts';
import type { DiagnosticCode } from '../diagnostics/table.ts';
import type { Expression, FunctionTree, Span, Statement, Type, Variable } from '../tree/tree.ts';
import type { Entity, FunctionSource, ProgramSource } from './entities.ts';
import { symbolAt } from './program.ts';
import { Refusal } from './refusal.ts';
import type { Scope } from './scope.ts';

/** The translators, handed in so that a construct's file can reach every other construct without importing it. */
export interface Translators {
  /** What an expression stands for. */
  readonly entity: (scope: Scope, node: ts.Expression) => Entity;
  /** `base.name` on a value. */
  readonly field: (scope: Scope, base: Expression, name: string, node: ts.Node) => Expression;
  /** `base[index]` on a value. */
  readonly element: (scope: Scope, base: Expression, node: ts.ElementAccessExpression) => Expression;
  readonly statement: (scope: Scope, node: ts.Statement) => Statement[];
  /** What a module-level declaration stands for, or undefined when it is none. */
  readonly declaration: (session: Session, declaration: ts.Declaration) => Entity | undefined;
}

/** Each starts at a multiple of this, so that what is packed lies within it as its own offsets say; bytes. */
const WIDEST = 8;

interface PlacedVariable {
  readonly variable: GlobalVariable;
  /** Its bytes, where the source gives them. */
  readonly initial: Uint8Array | undefined;
}

export class Session {
  readonly diagnostics: Diagnostic[] = [];
  readonly maps: MapImage[] = [];
  /** What the records of each ring buffer are like: the kernel's map doesn't say. */
  readonly records = new Map<MapImage, Layout>();
  readonly programs: ProgramSource[] = [];
  readonly functions: FunctionSource[] = [];
  readonly sections: Record<SectionImage['name'], PlacedVariable[]> = {
    '.rodata': [],
    '.data': [],
    '.bss': [],
  };
  /** One tree for each function and tuple of argument types. */
  readonly instances = new Map<string, FunctionTree>();
  /** Functions whose bodies are being translated, outermost first. */
  readonly active: FunctionSource[] = [];
  /** Functions that a call has reached. */
  readonly called = new Set<FunctionSource>();
  /** Refusals so far, those included that were reported before. */
  refusals = 0;
  /** The kind of the program that is being translated; undefined for a function that no program calls. */
  kind: ProgramKind | undefined;
  /** What is being translated, for the span of a failure. */
  at: ts.Node | undefined;
  /** What a `const` holds, where that is an integer known now. */
  readonly constants = new Map<Variable, bigint>();
  private readonly entities = new Map<ts.Symbol, Entity | 'pending' | 'refused'>();
  private readonly reported = new Set<string>();
  private readonly identities = new Map<object, number>();
  private readonly fileNames = new Map<ts.SourceFile, string>();
  private functionIds = 0;
  private variables = 0;
  private slots = 0;

  readonly checker: ts.TypeChecker;
  readonly translators: Translators;
  private readonly root: string;
  readonly isLanguage: (file: string) => boolean;
  /** What only the verifier needs proven is left to it. */
  readonly unproven: boolean;

  constructor(
    checker: ts.TypeChecker,
    translators: Translators,
    root: string,
    isLanguage: (file: string) => boolean,
    unproven = false,
  ) {
    this.unproven = unproven;
    this.checker = checker;
    this.translators = translators;
    this.root = root;
    this.isLanguage = isLanguage;
  }

  /** The name that spans use for a file. */
  fileName(file: ts.SourceFile): string {
    const known = this.fileNames.get(file) ?? path.relative(this.root, file.fileName);
    this.fileNames.set(file, known);
    return known;
  }

  span(node: ts.Node): Span {
    const file = node.getSourceFile();
    const start = file.getLineAndCharacterOfPosition(node.getStart(file));
    const end = file.getLineAndCharacterOfPosition(node.end);
    return {
      file: this.fileName(file),
      line: start.line + 1,
      column: start.character + 1,
      endLine: end.line + 1,
      endColumn: end.character + 1,
    };
  }

  /** Adds a diagnostic, once for each code and place. */
  report(d: Diagnostic): void {
    const key = `${d.code} ${d.span.file}:${d.span.line}:${d.span.column}:${d.message}`;
    if (this.reported.has(key)) return;
    this.reported.add(key);
    this.diagnostics.push(d);
  }

  refuse(code: DiagnosticCode, node: ts.Node, details: Readonly<Record<string, string>> = {}): never {
    throw new Refusal(diagnostic(code, this.span(node), details));
  }

  /** Runs `work`; a refusal in it is reported and gives undefined, and so is a failure of the compiler. */
  attempt<T>(work: () => T): T | undefined {
    const outer = this.at;
    try {
      return work();
    } catch (error) {
      if (!(error instanceof Refusal) && this.at === undefined) throw error;
      this.refusals += 1;
      const found =
        error instanceof Refusal ? error.diagnostic : this.at && internalError(error, this.span(this.at));
      if (found !== undefined) this.report(found);
      return undefined;
    } finally {
      this.at = outer;
    }
  }

  /** Runs `work` on a node; where it fails, `at` stays at the innermost one. */
  within<T>(node: ts.Node, work: () => T): T {
    const outer = this.at;
    this.at = node;
    const result = work();
    this.at = outer;
    return result;
  }

  variable(name: string, type: Type): Variable {
    this.variables += 1;
    return { id: this.variables, name, type };
  }

  /** A declared variable that isn't in the source: no identifier begins with a dot. Parameters' names go into BTF. */
  unnamed(what: string, type: Type): Variable {
    return this.variable(`.${what}`, type);
  }

  slot(): number {
    this.slots += 1;
    return this.slots - 1;
  }

  /** The number of a new function. */
  functionId(): number {
    this.functionIds += 1;
    return this.functionIds;
  }

  /** A number that stands for an object's identity in keys of instances. */
  identity(of: object): number {
    const known = this.identities.get(of);
    if (known !== undefined) return known;
    this.identities.set(of, this.identities.size);
    return this.identities.size - 1;
  }

  /** The symbol of a name, imports followed. */
  symbol(node: ts.Node): ts.Symbol | undefined {
    const symbol = symbolAt(node, this.checker);
    return symbol !== undefined && symbol.flags & ts.SymbolFlags.Alias
      ? this.checker.getAliasedSymbol(symbol)
      : symbol;
  }

  /** Whether dsl/lang declares the symbol. */
  declaresLanguage(symbol: ts.Symbol): boolean {
    const file = symbol.declarations?.[0]?.getSourceFile().fileName;
    return file !== undefined && this.isLanguage(file);
  }

  /** What a module-level name stands for. */
  entity(symbol: ts.Symbol, at: ts.Node): Entity {
    const known = this.entities.get(symbol);
    if (known === 'refused') throw new Refusal(undefined);
    if (known === 'pending') this.refuse('N2011', at, { what: `'${symbol.name}', which depends on itself,` });
    if (known !== undefined) return known;
    this.entities.set(symbol, 'pending');
    const declaration = symbol.valueDeclaration ?? symbol.declarations?.[0];
    const entity = this.attempt(() =>
      this.within(at, () => {
        const found = declaration && this.translators.declaration(this, declaration);
        return found ?? this.refuse('N1019', at, { what: `'${symbol.name}'` });
      }),
    );
    this.entities.set(symbol, entity ?? 'refused');
    if (entity === undefined) throw new Refusal(undefined);
    return entity;
  }

  /** Places a global or the settings behind what the section already holds; `initial` is as large as the layout. */
  place(section: SectionImage['name'], name: string, layout: StructLayout, initial?: Uint8Array): number {
    const variables = this.sections[section];
    const last = variables.at(-1)?.variable;
    const end = last === undefined ? 0 : last.offset + last.layout.size;
    const offset = Math.ceil(end / WIDEST) * WIDEST;
    variables.push({ variable: { name, offset, layout }, initial });
    return offset;
  }

  sectionImages(): SectionImage[] {
    return (['.rodata', '.data', '.bss'] as const).flatMap((name) => {
      const placed = this.sections[name];
      const last = placed.at(-1)?.variable;
      if (last === undefined) return [];
      const size = last.offset + last.layout.size;
      const variables = placed.map(({ variable }) => variable);
      if (placed.every(({ initial }) => initial === undefined)) return [{ name, variables, size }];
      const contents = new Uint8Array(size);
      for (const { variable, initial } of placed) contents.set(initial ?? [], variable.offset);
      return [{ name, variables, size, initial: contents }];
    });
  }
}
