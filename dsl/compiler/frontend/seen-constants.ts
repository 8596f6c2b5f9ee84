/** Which constants a file sees of those whose values are others than they were. */
import { ts } from 'ts-morph';

/** How a constant is declared whose type is its value. Nothing can be asked of its declaration but that value. */
const CONSTANT = /^((?:export )?declare const (\w+) = )(-?\d+n?|"[^"\\]*"|true|false);$/gm;

const WORD = /[\w$]+/g;

/** Names that occur in a text, those in its comments and strings too. */
const wordsOf = (text: string): ReadonlySet<string> => new Set(text.match(WORD));

const words = new WeakMap<ts.SourceFile, ReadonlySet<string>>();

function wordsIn(file: ts.SourceFile): ReadonlySet<string> {
  const known = words.get(file) ?? wordsOf(file.text);
  words.set(file, known);
  return known;
}

/** Whether a file may take from another what it doesn't name. */
function takesUnnamed(file: ts.SourceFile): boolean {
  const inStatement = file.statements.some((statement) => {
    if (ts.isImportDeclaration(statement)) {
      const bindings = statement.importClause?.namedBindings;
      return bindings !== undefined && ts.isNamespaceImport(bindings);
    }
    return (
      ts.isExportDeclaration(statement) &&
      !(statement.exportClause && ts.isNamedExports(statement.exportClause))
    );
  });
  // `typeof import('./file.ts')`; where that is in a comment, it costs a check.
  return inStatement || /\bimport\s*\(/.test(file.text);
}

/**
 * Names of constants that have other values in one text of declarations than in another that is the same but for them;
 * undefined where more is different, or more than the constant itself depends on its value.
 */
export function changedConstants(then: string, now: string): ReadonlySet<string> | undefined {
  if (then === now) return new Set();
  const valuesIn = (text: string) =>
    new Map([...text.matchAll(CONSTANT)].map(([, , name, value]) => [name, value]));
  const without = (text: string) => text.replace(CONSTANT, '$1;');
  if (without(then) !== without(now)) return undefined;
  const before = valuesIn(then);
  const changed = [...valuesIn(now)].flatMap(([name, value]) =>
    name === undefined || before.get(name) === value ? [] : name,
  );
  const all = now.match(WORD) ?? [];
  const isAlone = (name: string): boolean => all.filter((word) => word === name).length === 1;
  return changed.every(isAlone) ? new Set(changed) : undefined;
}

/** A file that is seen, and its declarations where they are known. */
export interface Seen {
  readonly file: ts.SourceFile;
  readonly declarations: string | undefined;
}

/**
 * Whether what TypeScript finds in a file can depend on the values of these constants: where the file names one, where what
 * it reaches declares something by it, or where anything may be taken without its name.
 */
export function sees(file: ts.SourceFile, reached: readonly Seen[], constants: ReadonlySet<string>): boolean {
  if (constants.size === 0) return false;
  const isNamedIn = (names: ReadonlySet<string>): boolean => [...constants].some((each) => names.has(each));
  if (isNamedIn(wordsIn(file)) || takesUnnamed(file)) return true;
  return reached.some((each) => {
    if (takesUnnamed(each.file)) return true;
    if (!isNamedIn(wordsIn(each.file))) return false;
    return each.declarations === undefined || isNamedIn(wordsOf(each.declarations.replace(CONSTANT, '')));
  });
}
