/** Where a source is nested most deeply, by its brackets: for one that TypeScript's parser has not the stack for. */
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
