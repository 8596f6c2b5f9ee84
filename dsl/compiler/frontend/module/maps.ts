/** Maps: module-level constants made by `arrayMap(...)` and its kin. */
import { ts } from 'ts-morph';
import type { MapImage, MapKind } from '../../../object/image.ts';
import { type Layout, sizeOf } from '../../../object/layout.ts';
import type { Scope } from '../scope.ts';
import { sameLayout } from '../types/types.ts';
import { constantNumber } from './constants.ts';
import { layoutOf } from './layouts.ts';

export const MAP_CONSTRUCTORS: ReadonlyMap<string, MapKind> = new Map([
  ['arrayMap', 'array'],
  ['percpuArrayMap', 'percpuArray'],
  ['hashMap', 'hash'],
  ['percpuHashMap', 'percpuHash'],
  ['lruHashMap', 'lruHash'],
  ['lruPercpuHashMap', 'lruPercpuHash'],
  ['lpmTrieMap', 'lpmTrie'],
]);

/** BPF_OBJ_NAME_LEN less the terminating zero. */
const LONGEST_NAME = 15;
/** BPF_F_NO_PREALLOC, which the kernel wants of tries (trie_alloc, kernel/bpf/lpm_trie.c). */
const NO_PREALLOC = 1;
/** LPM_KEY_SIZE: the prefix length and 1 to 256 bytes. */
const TRIE_KEY_BYTES = { least: 5, most: 260 };
const INDEX: Layout = { kind: 'int', bits: 32, signed: false, order: 'little' };

function options(scope: Scope, node: ts.CallExpression): ReadonlyMap<string, ts.Expression> {
  const [given] = node.arguments;
  if (given === undefined || !ts.isObjectLiteralExpression(given))
    return scope.refuse('N3010', node, { what: 'the options', problem: 'they must be an object literal' });
  return new Map(
    given.properties.map((property): [string, ts.Expression] => {
      if (ts.isShorthandPropertyAssignment(property)) return [property.name.text, property.name];
      if (ts.isPropertyAssignment(property) && ts.isIdentifier(property.name))
        return [property.name.text, property.initializer];
      return scope.refuse('N3010', property, { what: 'this option', problem: 'it must be `name: value`' });
    }),
  );
}

/** A trie's key starts with the prefix length, a u32 in host order. */
function checkTrieKey(scope: Scope, key: Layout, node: ts.Node): void {
  const [first] = key.kind === 'struct' ? key.fields : [];
  const size = sizeOf(key);
  const problem =
    first?.name !== 'prefixLength' || !sameLayout(first.layout, INDEX)
      ? 'it must be a struct that starts with `prefixLength: u32`'
      : size < TRIE_KEY_BYTES.least || size > TRIE_KEY_BYTES.most
        ? `it has ${size} bytes, and tries take ${TRIE_KEY_BYTES.least} to ${TRIE_KEY_BYTES.most}`
        : undefined;
  if (problem !== undefined) scope.refuse('N3010', node, { what: "the option 'key'", problem });
}

export function mapImage(scope: Scope, name: string, kind: MapKind, node: ts.CallExpression): MapImage {
  if (name.length > LONGEST_NAME)
    scope.refuse('N3010', node, {
      what: `the name '${name}'`,
      problem: `longer than ${LONGEST_NAME} characters`,
    });
  const given = options(scope, node);
  const required = (option: string): ts.Expression =>
    given.get(option) ??
    scope.refuse('N3010', node, { what: `the option '${option}'`, problem: 'it is missing' });
  const key =
    kind === 'array' || kind === 'percpuArray' ? INDEX : layoutOf(scope, required('key'), `${name}_key`);
  if (kind === 'lpmTrie') checkTrieKey(scope, key, required('key'));
  const value = layoutOf(scope, required('value'), `${name}_value`);
  return {
    name,
    kind,
    key,
    value,
    keySize: sizeOf(key),
    valueSize: sizeOf(value),
    maxEntries: constantNumber(scope, required('maxEntries'), 'maxEntries'),
    flags: kind === 'lpmTrie' ? NO_PREALLOC : 0,
  };
}
