/** Where a source is nested more deeply than the compiler, or already TypeScript's parser, has the stack for. */
import { ts } from 'ts-morph';
import type { Span } from '../../tree/tree.ts';

const K = ts.SyntaxKind;
const OPENING: ReadonlySet<ts.SyntaxKind> = new Set([K.OpenParenToken, K.OpenBracketToken, K.OpenBraceToken]);
const CLOSING: ReadonlySet<ts.SyntaxKind> = new Set([
  K.CloseParenToken,
  K.CloseBracketToken,
  K.CloseBraceToken,
]);

/** The innermost opening bracket of `text`; its start where there is none. */
export function deepestPlace(file: string, text: string): Span {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, true, ts.LanguageVariant.Standard, text);
  let [depth, most, at] = [0, 0, 0];
  for (let kind = scanner.scan(); kind !== K.EndOfFileToken; kind = scanner.scan()) {
    if (CLOSING.has(kind)) depth -= 1;
    if (!OPENING.has(kind)) continue;
    depth += 1;
    if (depth > most) [most, at] = [depth, scanner.getTokenStart()];
  }
  const before = text.slice(0, at).split(/\r\n|\r|\n/);
  const line = before.length;
  const column = (before.at(-1)?.length ?? 0) + 1;
  return { file, line, column, endLine: line, endColumn: column + 1 };
}

/**
 * Many times what the compiler's stack holds. A sum of as many terms takes TypeScript's checker seconds, which grow by the
 * square of their number: for each name it walks up to the statement (checkIdentifier, src/compiler/checker.ts).
 */
const MOST_LEVELS = 4_000;

/** Files that have fewer. */
const shallow = new WeakSet<ts.SourceFile>();

/** Where a file that could be parsed, called `name`, has more levels than anything that compiles; undefined where it hasn't. */
export function tooDeepPlace(file: ts.SourceFile, name: string): Span | undefined {
  // Each level has a character at least.
  if (file.text.length < MOST_LEVELS || shallow.has(file)) return undefined;
  let nodes: readonly ts.Node[] = [file];
  for (let level = 0; level < MOST_LEVELS && nodes.length > 0; level++) {
    const next: ts.Node[] = [];
    for (const node of nodes) ts.forEachChild(node, (child) => void next.push(child));
    nodes = next;
  }
  const [deep] = nodes;
  if (deep === undefined) {
    shallow.add(file);
    return undefined;
  }
  const start = file.getLineAndCharacterOfPosition(deep.getStart(file));
  const end = file.getLineAndCharacterOfPosition(deep.end);
  return {
    file: name,
    line: start.line + 1,
    column: start.character + 1,
    endLine: end.line + 1,
    endColumn: end.character + 1,
  };
}
