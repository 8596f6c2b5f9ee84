/** What every generated program has: its layouts, maps and sections, and the numbers that find edges. */
import type { AtomicOperator, IntType, Type, Variable } from '../../dsl/compiler/tree/tree.ts';
import { CONTEXTS } from '../../dsl/machine/contexts.ts';
import type { MapImage, ProgramKind, SectionImage } from '../../dsl/object/image.ts';
import { layoutStruct, type StructLayout } from '../../dsl/object/layout.ts';
import {
  I8,
  I16,
  I32,
  I64,
  layoutOf,
  type Nodes,
  type Reference,
  refTo,
  U8,
  U16,
  U32,
  U64,
} from './tree-nodes.ts';

export const STATE = layoutStruct('State', [
  { name: 'a', layout: layoutOf(U64) },
  { name: 'b', layout: layoutOf(U32) },
  { name: 'c', layout: layoutOf(U16, 'big') },
  { name: 'd', layout: layoutOf(I8) },
  { name: 'e', layout: layoutOf(U8) },
  { name: 'f', layout: layoutOf(I64) },
  { name: 'g', layout: layoutOf(U64, 'big') },
  { name: 'h', layout: layoutOf(I16) },
]);
export const CELLS = { kind: 'array', element: layoutOf(U32), length: 8 } as const;
export const GLOBAL = layoutStruct('Global', [
  ...STATE.fields.map(({ name, layout }) => ({ name, layout })),
  { name: 'cells', layout: CELLS },
]);
export const HEADER = layoutStruct(
  'Header',
  [
    { name: 'kind', layout: layoutOf(U16, 'big') },
    { name: 'first', layout: layoutOf(U8) },
    { name: 'address', layout: layoutOf(U32, 'big') },
    { name: 'id', layout: layoutOf(U64, 'big') },
    { name: 'last', layout: layoutOf(I8) },
  ],
  true,
);
export const COUNTER = layoutStruct('Counter', [
  { name: 'packets', layout: layoutOf(U64) },
  { name: 'level', layout: layoutOf(I32) },
  { name: 'flags', layout: layoutOf(U16) },
]);
export const KEY = layoutStruct('Key', [
  { name: 'port', layout: layoutOf(U16, 'big') },
  { name: 'address', layout: layoutOf(U32) },
]);

export const MAPS: readonly MapImage[] = [
  {
    name: 'slots',
    kind: 'array',
    keySize: 4,
    valueSize: COUNTER.size,
    maxEntries: 4,
    flags: 0,
    key: layoutOf(U32),
    value: COUNTER,
  },
  {
    name: 'flows',
    kind: 'hash',
    keySize: KEY.size,
    valueSize: COUNTER.size,
    maxEntries: 8,
    flags: 0,
    key: KEY,
    value: COUNTER,
  },
];

export const SECTIONS: readonly SectionImage[] = [
  { name: '.rodata', size: STATE.size, variables: [{ name: 'settings', offset: 0, layout: STATE }] },
  { name: '.bss', size: GLOBAL.size, variables: [{ name: 'state', offset: 0, layout: GLOBAL }] },
];

export const INTS = [U32, U64, I32, I64, U16, U8, I8, I16] as const;
export const WIDE = [U32, U64, I32, I64] as const;
export const EDGES = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  31n,
  32n,
  255n,
  256n,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  0x7fffffffffffffffn,
  -1n,
  -2n,
  -8n,
  -0x80000000n,
];
const CLASSIFIER_FIELDS: readonly (readonly [string, IntType])[] = [
  ['len', U32],
  ['mark', U32],
  ['priority', U32],
  ['protocol', U16],
  ['tstamp', U64],
  ['gsoSegs', U32],
  ['wireLen', U32],
];
const INTEGERS = { u16: U16, u32: U32, u64: U64 } as const;

/** Context fields of a kind that programs read, those that a test run decides by itself included. */
export function contextFields(kind: ProgramKind): readonly (readonly [string, IntType])[] {
  if (kind === 'classifier') return CLASSIFIER_FIELDS;
  return CONTEXTS[kind].fields.map(({ name, type }) => [name, INTEGERS[type]] as const);
}

/** Context fields of a kind that programs write. */
export function writableFields(kind: ProgramKind): readonly (readonly [string, IntType])[] {
  return CONTEXTS[kind].fields
    .filter(({ writable, name }) => writable && name !== 'tcClassid')
    .map(({ name, type }) => [name, INTEGERS[type]] as const);
}

export const ARITHMETIC = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'shr', 'div', 'mod'] as const;
export const COMPARE = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const;
export const ATOMIC: readonly AtomicOperator[] = ['add', 'or', 'and', 'xor', 'exchange', 'compareExchange'];

/** A place that statements in scope may read, and write when it isn't a setting. */
export interface Place {
  readonly reference: () => Reference;
  readonly layout: StructLayout;
  /** Packet references die with a helper that moves the packet, map references when their entry may go. */
  readonly dies: 'packet' | 'flows' | 'never';
}

/** What may be used where the writer is. */
export interface Scope {
  readonly variables: Variable[];
  readonly places: Place[];
  /** Whether the context can be reached; not in BPF subprograms. */
  readonly context: boolean;
  /** Within loops and functions nothing may die: what runs before it in the source may run after it. */
  readonly mayKill: boolean;
  /** The loops and switches that jumps may leave, outermost first, by their labels. */
  readonly jumps: readonly { readonly kind: 'loop' | 'switch'; readonly label: string }[];
  readonly returnType: Type;
  /** In the entry of a program whose results the verifier bounds: those bits that a result may have. */
  readonly resultMask?: bigint;
}

export function globalReference(nodes: Nodes): Reference {
  return {
    kind: 'global',
    span: nodes.span,
    type: refTo(GLOBAL, 'global'),
    section: '.bss',
    name: 'state',
    offset: 0,
  };
}

export function settingsReference(nodes: Nodes): Reference {
  return {
    kind: 'global',
    span: nodes.span,
    type: refTo(STATE, 'settings'),
    section: '.rodata',
    name: 'settings',
    offset: 0,
  };
}
