/** Changes of a token, of the kind that people make by accident, to sources of the language. */
import fc from 'fast-check';
import { ts } from 'ts-morph';

export interface Token {
  readonly text: string;
  readonly kind: ts.SyntaxKind;
}

/** The tokens of a source with the space in front of them. */
export function tokensOf(source: string): readonly Token[] {
  const scanner = ts.createScanner(ts.ScriptTarget.ES2022, false, ts.LanguageVariant.Standard, source);
  const tokens: Token[] = [];
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan())
    tokens.push({ kind, text: scanner.getTokenText() });
  return tokens;
}

const LITERALS = [
  '0',
  '1',
  '0n',
  '-1',
  '7',
  '64n',
  '255',
  '0x1ffff',
  '4294967296',
  '1e9',
  '0.5',
  'true',
  '[]',
];
const isTrivia = ({ kind }: Token): boolean => kind <= ts.SyntaxKind.LastTriviaToken;
const isLiteral = ({ kind }: Token): boolean =>
  kind === ts.SyntaxKind.NumericLiteral || kind === ts.SyntaxKind.BigIntLiteral;
const isWord = ({ kind }: Token): boolean => kind >= ts.SyntaxKind.Identifier;

export const tokenMutation = fc.record({
  kind: fc.constantFrom('delete', 'duplicate', 'swap', 'literal', 'word', 'operator'),
  at: fc.nat(0xffff),
  other: fc.nat(0xffff),
});
export type TokenMutation = typeof tokenMutation extends fc.Arbitrary<infer T> ? T : never;

/** The source with one token changed. */
function changed(tokens: readonly Token[], { kind, at, other }: TokenMutation): readonly Token[] {
  const among = tokens.flatMap((token, index) => {
    const fits =
      kind === 'literal'
        ? isLiteral(token)
        : kind === 'word'
          ? isWord(token)
          : kind === 'operator'
            ? !isWord(token) && !isLiteral(token) && !isTrivia(token)
            : !isTrivia(token);
    return fits ? [index] : [];
  });
  const index = among[at % Math.max(1, among.length)];
  const second = among[other % Math.max(1, among.length)];
  const token = index === undefined ? undefined : tokens[index];
  const replacement = second === undefined ? undefined : tokens[second];
  if (index === undefined || token === undefined || replacement === undefined) return tokens;
  switch (kind) {
    case 'delete':
      return tokens.toSpliced(index, 1);
    case 'duplicate':
      return tokens.toSpliced(index, 0, token, { kind: ts.SyntaxKind.WhitespaceTrivia, text: ' ' });
    case 'swap':
      return tokens.map((each, place) => (place === index ? replacement : place === second ? token : each));
    case 'literal':
      return tokens.with(index, { ...token, text: LITERALS[other % LITERALS.length] ?? '0' });
    default:
      return tokens.with(index, replacement);
  }
}

/** The text of the source with these changes, one after another. */
export const tokenMutated = (tokens: readonly Token[], mutations: readonly TokenMutation[]): string =>
  mutations
    .reduce(changed, tokens)
    .map(({ text }) => text)
    .join('');
