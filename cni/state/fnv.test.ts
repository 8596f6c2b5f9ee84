import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fnv1a } from './fnv.ts';

/** The definition of RFC 9923, section 2, on whole numbers. */
function byDefinition(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

// Vectors of RFC 9923, appendix C.
test.each([
  ['', 0xcbf29ce484222325n],
  ['a', 0xaf63dc4c8601ec8cn],
  ['foobar', 0x85944171f73967e8n],
])('%j has the digest that the RFC gives', (text, digest) => {
  expect(fnv1a(text)).toBe(digest);
});

test('any text has the digest of the definition', () => {
  const character = fc.nat(0x10ffff).map((point) => String.fromCodePoint(point));
  const text = fc.array(character).map((characters) => characters.join(''));
  fc.assert(fc.property(text, (each) => fnv1a(each) === byDefinition(each)));
});
