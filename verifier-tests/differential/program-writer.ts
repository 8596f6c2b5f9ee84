/**
 * Writes random programs that the checker would accept: every variable is declared before its use, every array
 * index is within bounds, every loop ends, and references are used where they are there and not stale.
 * What to write next is read from a tape of numbers, where 0 always is the simplest choice; so a shorter tape or
 * smaller numbers make a simpler program, which is how fast-check shrinks one.
 */
import type {
  AtomicOperator,
  Expression,
  FunctionTree,
  IntType,
  ModuleTree,
  Statement,
  Type,
  Variable,
} from '../../dsl/compiler/tree/tree.ts';
import type { MapImage, SectionImage } from '../../dsl/object/image.ts';
import { type IntLayout, layoutStruct, type StructLayout } from '../../dsl/object/layout.ts';
import {
  BOOL,
  CONTEXT,
  FILE,
  I8,
  I16,
  I32,
  I64,
  layoutOf,
  Nodes,
  optional,
  type Reference,
  recordOf,
  refTo,
  U8,
  U16,
  U32,
  U64,
  VOID,
} from './tree-nodes.ts';

const STATE = layoutStruct('State', [
  { name: 'a', layout: layoutOf(U64) },
  { name: 'b', layout: layoutOf(U32) },
  { name: 'c', layout: layoutOf(U16, 'big') },
  { name: 'd', layout: layoutOf(I8) },
  { name: 'e', layout: layoutOf(U8) },
  { name: 'f', layout: layoutOf(I64) },
  { name: 'g', layout: layoutOf(U64, 'big') },
  { name: 'h', layout: layoutOf(I16) },
]);
const CELLS = { kind: 'array', element: layoutOf(U32), length: 8 } as const;
const GLOBAL = layoutStruct('Global', [
  ...STATE.fields.map(({ name, layout }) => ({ name, layout })),
  { name: 'cells', layout: CELLS },
]);
const HEADER = layoutStruct(
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
const COUNTER = layoutStruct('Counter', [
  { name: 'packets', layout: layoutOf(U64) },
  { name: 'level', layout: layoutOf(I32) },
  { name: 'flags', layout: layoutOf(U16) },
]);
const KEY = layoutStruct('Key', [
  { name: 'port', layout: layoutOf(U16, 'big') },
  { name: 'address', layout: layoutOf(U32) },
]);

const MAPS: readonly MapImage[] = [
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

const SECTIONS: readonly SectionImage[] = [
  { name: '.rodata', size: STATE.size, variables: [{ name: 'settings', offset: 0, layout: STATE }] },
  { name: '.bss', size: GLOBAL.size, variables: [{ name: 'state', offset: 0, layout: GLOBAL }] },
];

const INTS = [U32, U64, I32, I64, U16, U8, I8, I16] as const;
const WIDE = [U32, U64, I32, I64] as const;
const EDGES = [
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
const CONTEXT_FIELDS: readonly (readonly [string, IntType])[] = [
  ['len', U32],
  ['mark', U32],
  ['priority', U32],
  ['protocol', U16],
  ['tstamp', U64],
  ['gsoSegs', U32],
  ['wireLen', U32],
];
const ARITHMETIC = ['add', 'sub', 'mul', 'and', 'or', 'xor', 'shl', 'shr', 'div', 'mod'] as const;
const COMPARE = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const;
const ATOMIC: readonly AtomicOperator[] = ['add', 'or', 'and', 'xor', 'exchange', 'compareExchange'];

/** A place that statements in scope may read, and write when it isn't a setting. */
interface Place {
  readonly reference: () => Reference;
  readonly layout: StructLayout;
  /** Packet references die with a helper that moves the packet, map references when their entry may go. */
  readonly dies: 'packet' | 'flows' | 'never';
}

/** What may be used where the writer is. */
interface Scope {
  readonly variables: Variable[];
  readonly places: Place[];
  /** Whether the context can be reached; not in BPF subprograms. */
  readonly context: boolean;
  /** Within loops and functions nothing may die: what runs before it in the source may run after it. */
  readonly mayKill: boolean;
  readonly loops: number;
  readonly returnType: Type;
}

class Writer {
  readonly nodes = new Nodes();
  readonly functions: FunctionTree[] = [];
  readonly #tape: readonly number[];
  #at = 0;
  #dead = { packet: 0, flows: 0 };

  constructor(tape: readonly number[]) {
    this.#tape = tape;
  }

  /** 0 to count - 1; 0 when the tape is at its end. */
  #choose(count: number): number {
    const value = this.#tape[this.#at++] ?? 0;
    return value % count;
  }

  #pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const item = list[this.#choose(list.length)];
    if (item === undefined) throw new Error('pick from an empty list');
    return item;
  }

  get #exhausted(): boolean {
    return this.#at >= this.#tape.length;
  }

  #places(scope: Scope, writable: boolean): readonly Place[] {
    return scope.places.filter((place) => !writable || place.reference().type.space !== 'settings');
  }

  #kill(scope: Scope, what: 'packet' | 'flows'): void {
    this.#dead[what]++;
    const living = scope.places.filter((place) => place.dies !== what);
    scope.places.splice(0, scope.places.length, ...living);
  }

  #literal(type: IntType): Expression {
    const value = this.#pick(EDGES);
    return this.nodes.int(type, value);
  }

  /** An integer field of a place, reached from its start. */
  #field(place: Place): { readonly at: Reference; readonly layout: IntLayout } {
    const fields = place.layout.fields.filter(({ layout }) => layout.kind === 'int');
    const field = this.#pick(fields);
    const layout = field.layout.kind === 'int' ? field.layout : layoutOf(U8);
    return { at: this.nodes.member(place.reference(), field.offset, layout), layout };
  }

  /** An element of the global array, its index masked to be within it. */
  #cell(scope: Scope, depth: number): Reference {
    const { nodes } = this;
    const cells = GLOBAL.fields.find(({ name }) => name === 'cells');
    const base = nodes.member(globalReference(nodes), cells?.offset ?? 0, CELLS);
    const index = nodes.arithmetic('and', U32, this.int(scope, U32, depth - 1), nodes.int(U32, 7n));
    return {
      kind: 'element',
      span: nodes.span,
      type: refTo(CELLS.element, 'global'),
      base,
      index,
      stride: 4,
      length: CELLS.length,
    };
  }

  #loadSomething(scope: Scope, depth: number): Expression {
    if (this.#choose(4) === 3) return this.nodes.load(this.#cell(scope, depth), CELLS.element);
    const { at, layout } = this.#field(this.#pick(this.#places(scope, false)));
    return this.nodes.load(at, layout);
  }

  #callSomething(scope: Scope, returns: (type: Type) => boolean, depth: number): Expression | undefined {
    const callable = this.functions.filter(
      (fn) =>
        returns(fn.returnType) &&
        (scope.context || !fn.parameters.some(({ type }) => type.kind === 'context')),
    );
    if (callable.length === 0) return undefined;
    const fn = this.#pick(callable);
    const values = fn.parameters.map(({ type }) => this.value(scope, type, depth - 1));
    return { kind: 'call', span: this.nodes.span, type: fn.returnType, function: fn, arguments: values };
  }

  #contextField(scope: Scope): Expression {
    if (!scope.context) return this.#literal(U32);
    if (this.#choose(5) === 4) return { kind: 'linearLength', span: this.nodes.span, type: U32 };
    const [name, type] = this.#pick(CONTEXT_FIELDS);
    return this.nodes.contextField(name, type);
  }

  #atomic(scope: Scope, fetch: boolean, depth: number): Expression {
    const { nodes } = this;
    const names = fetch ? ATOMIC : ATOMIC.slice(0, 4);
    const operator = this.#pick(names);
    const atomicFields = GLOBAL.fields.filter(
      ({ layout }) => layout.kind === 'int' && layout.bits >= 32 && layout.order === 'little',
    );
    const field = this.#pick(atomicFields);
    const layout = field.layout.kind === 'int' ? field.layout : layoutOf(U64);
    const type: IntType = { kind: 'int', bits: layout.bits, signed: layout.signed };
    const on = nodes.member(globalReference(nodes), field.offset, layout);
    const expected = operator === 'compareExchange' ? { expected: this.int(scope, type, depth - 1) } : {};
    const value = this.int(scope, type, depth - 1);
    return {
      kind: 'atomic',
      span: nodes.span,
      type: fetch ? type : VOID,
      operator,
      fetch,
      on,
      layout,
      value,
      ...expected,
    };
  }

  /** An integer of any type. */
  #some(scope: Scope, depth: number): Expression {
    const { nodes } = this;
    const variables = scope.variables.filter(({ type }) => type.kind === 'int');
    switch (this.#choose(9)) {
      case 0:
      case 1:
        return variables.length > 0 ? nodes.read(this.#pick(variables)) : this.#literal(this.#pick(INTS));
      case 2:
      case 3:
        return this.#loadSomething(scope, depth);
      case 4:
        return this.#contextField(scope);
      case 5:
        return this.#callSomething(scope, ({ kind }) => kind === 'int', depth) ?? this.#literal(U64);
      case 6:
        return this.#atomic(scope, true, depth);
      case 7:
        return this.#choose(2) === 0
          ? { kind: 'random', span: nodes.span, type: U32 }
          : { kind: 'clock', span: nodes.span, type: U64, which: this.#pick(['now', 'coarse'] as const) };
      default:
        return this.#recordField(scope, depth);
    }
  }

  #recordField(scope: Scope, depth: number): Expression {
    const record = this.value(scope, recordOf(COUNTER), depth - 1);
    const { name, type } = this.#pick(recordOf(COUNTER).fields);
    return { kind: 'field', span: this.nodes.span, type, record, name };
  }

  /** An integer of this type. */
  int(scope: Scope, type: IntType, depth: number): Expression {
    const { nodes } = this;
    if (depth <= 0 || this.#exhausted) {
      const known = scope.variables.filter(({ type: of }) => sameType(of, type));
      return this.#choose(2) === 1 && known.length > 0 ? nodes.read(this.#pick(known)) : this.#literal(type);
    }
    // Arithmetic is at 32 or 64 bits; narrower values come by conversion.
    const narrow = type.bits < 32;
    switch (this.#choose(narrow ? 4 : 9)) {
      case 0:
        return this.#literal(type);
      case 1:
      case 2:
        return nodes.convert(type, this.#some(scope, depth - 1));
      case 3:
        return nodes.convert(type, this.int(scope, this.#pick(WIDE), depth - 1));
      case 4:
      case 5: {
        const operator = this.#pick(ARITHMETIC);
        const left = this.int(scope, type, depth - 1);
        return nodes.arithmetic(operator, type, left, this.int(scope, type, depth - 1));
      }
      case 6: {
        const kind = this.#pick(['negate', 'complement'] as const);
        return { kind, span: nodes.span, type, operand: this.int(scope, type, depth - 1) };
      }
      case 7: {
        const which = this.#pick(['min', 'max'] as const);
        const left = this.int(scope, type, depth - 1);
        return {
          kind: 'extremum',
          span: nodes.span,
          type,
          which,
          left,
          right: this.int(scope, type, depth - 1),
        };
      }
      default:
        return this.#conditional(scope, type, depth);
    }
  }

  #conditional(scope: Scope, type: Type, depth: number): Expression {
    const condition = this.bool(scope, depth - 1);
    const whenTrue = this.value(scope, type, depth - 1);
    const whenFalse = this.value(scope, type, depth - 1);
    return { kind: 'conditional', span: this.nodes.span, type, condition, whenTrue, whenFalse };
  }

  bool(scope: Scope, depth: number): Expression {
    const { nodes } = this;
    if (depth <= 0 || this.#exhausted) return nodes.bool(this.#choose(2) === 1);
    switch (this.#choose(6)) {
      case 0:
      case 1: {
        const type = this.#pick(INTS);
        const left = this.int(scope, type, depth - 1);
        return nodes.compare(this.#pick(COMPARE), left, this.int(scope, type, depth - 1));
      }
      case 2:
        return { kind: 'not', span: nodes.span, type: BOOL, operand: this.bool(scope, depth - 1) };
      case 3: {
        const operator = this.#pick(['and', 'or'] as const);
        const left = this.bool(scope, depth - 1);
        return {
          kind: 'logical',
          span: nodes.span,
          type: BOOL,
          operator,
          left,
          right: this.bool(scope, depth - 1),
        };
      }
      case 4: {
        const likely = this.#choose(2) === 0;
        return { kind: 'hint', span: nodes.span, type: BOOL, likely, operand: this.bool(scope, depth - 1) };
      }
      default: {
        const known = scope.variables.filter(({ type }) => type.kind === 'bool');
        if (known.length > 0) return nodes.read(this.#pick(known));
        const left = this.bool(scope, depth - 1);
        return nodes.compare(this.#pick(['eq', 'ne'] as const), left, this.bool(scope, depth - 1));
      }
    }
  }

  /** A value of a type that isn't a reference. */
  value(scope: Scope, type: Type, depth: number): Expression {
    switch (type.kind) {
      case 'int':
        return this.int(scope, type, depth);
      case 'bool':
        return this.bool(scope, depth);
      case 'context':
        return this.nodes.context();
      case 'record': {
        const known = scope.variables.filter(
          (variable) => variable.type === type || sameType(variable.type, type),
        );
        if (known.length > 0 && this.#choose(3) === 1) return this.nodes.read(this.#pick(known));
        if (depth > 1 && this.#choose(4) === 3) return this.#conditional(scope, type, depth);
        return this.nodes.record(
          type,
          type.fields.map((field) => this.value(scope, field.type, depth - 1)),
        );
      }
      default:
        throw new Error(`write a ${type.kind}`);
    }
  }

  #declare(scope: Scope): Statement {
    const types: readonly Type[] = [...INTS, BOOL, recordOf(COUNTER)];
    const type = this.#pick(types);
    const span = this.nodes.nextLine();
    const value = this.value(scope, type, 3);
    const variable = this.nodes.variable('v', type);
    scope.variables.push(variable);
    return { kind: 'declare', span, variable, value };
  }

  #assign(scope: Scope): Statement {
    if (scope.variables.length === 0) return this.#declare(scope);
    const variable = this.#pick(
      scope.variables.filter(({ name }) => name.startsWith('v')).concat(scope.variables),
    );
    if (!variable.name.startsWith('v')) return this.#declare(scope);
    const span = this.nodes.nextLine();
    if (variable.type.kind === 'record' && this.#choose(2) === 1) {
      const { name, type } = this.#pick(variable.type.fields);
      return { kind: 'assignField', span, variable, path: [name], value: this.value(scope, type, 3) };
    }
    return { kind: 'assign', span, variable, value: this.value(scope, variable.type, 3) };
  }

  #store(scope: Scope): Statement {
    const span = this.nodes.nextLine();
    const inCell = this.#choose(4) === 3;
    const { at, layout } = inCell
      ? { at: this.#cell(scope, 2), layout: CELLS.element }
      : this.#field(this.#pick(this.#places(scope, true)));
    const type: IntType = { kind: 'int', bits: layout.bits, signed: layout.signed };
    return { kind: 'store', span, to: at, layout, value: this.int(scope, type, 3) };
  }

  #storeContext(scope: Scope): Statement {
    if (!scope.context) return this.#store(scope);
    const span = this.nodes.nextLine();
    const [name, type] = this.#pick([
      ['mark', U32],
      ['priority', U32],
      ['tstamp', U64],
    ] as const);
    return { kind: 'storeContext', span, name, value: this.int(scope, type, 3) };
  }

  #if(scope: Scope, depth: number): Statement {
    const span = this.nodes.nextLine();
    const condition = this.bool(scope, 3);
    const whenTrue = this.block(scope, depth - 1);
    const whenFalse = this.#choose(2) === 1 ? { whenFalse: this.block(scope, depth - 1) } : {};
    return { kind: 'if', span, condition, whenTrue, ...whenFalse };
  }

  #switch(scope: Scope, depth: number): Statement {
    const span = this.nodes.nextLine();
    const type = this.#pick(INTS);
    const on = this.int(scope, type, 2);
    const values = [...new Set([0n, 1n, BigInt(this.#choose(120)), 4n])];
    const inside = { ...scope, loops: 0 };
    const cases = [
      { values: values.slice(0, 2), body: this.block(inside, depth - 1) },
      { values: values.slice(2), body: this.block(inside, depth - 1) },
    ];
    const otherwise = this.#choose(2) === 1 ? { otherwise: this.block(inside, depth - 1) } : {};
    return { kind: 'switch', span, on, cases, ...otherwise };
  }

  /** `for (let i = 0; i < count; i++)`, with a `break` or `continue` now and then. */
  #loop(scope: Scope, depth: number): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const counter = nodes.variable('i', U32);
    const count = this.#choose(6);
    const inside: Scope = {
      ...scope,
      variables: [...scope.variables, counter],
      mayKill: false,
      loops: scope.loops + 1,
    };
    const body = this.block(inside, depth - 1);
    const one = nodes.int(U32, 1n);
    return {
      kind: 'loop',
      span,
      initial: [{ kind: 'declare', span, variable: counter, value: nodes.int(U32, 0n) }],
      condition: nodes.compare('lt', nodes.read(counter), nodes.int(U32, BigInt(count))),
      update: [
        {
          kind: 'assign',
          span,
          variable: counter,
          value: nodes.arithmetic('add', U32, nodes.read(counter), one),
        },
      ],
      body,
      postTest: false,
      ...(this.#choose(2) === 0 ? { trips: { counter, count } } : {}),
    };
  }

  /** A reference that may be missing, and what to do where it is there. */
  #withReference(
    scope: Scope,
    depth: number,
    value: Expression,
    layout: StructLayout,
    dies: Place['dies'],
  ): Statement {
    const { nodes } = this;
    if (value.type.kind !== 'optional') throw new Error('not an optional reference');
    const { type } = value;
    const variable = nodes.variable('r', type);
    const { span } = value;
    const place: Place = {
      reference: () => ({ kind: 'present', span: nodes.span, type: type.of, operand: nodes.read(variable) }),
      layout,
      dies,
    };
    const whenTrue = this.block({ ...scope, places: [...scope.places, place] }, depth - 1, scope);
    const condition: Expression = { kind: 'isPresent', span, type: BOOL, operand: nodes.read(variable) };
    return {
      kind: 'block',
      span,
      body: [
        { kind: 'declare', span, variable, value },
        { kind: 'if', span, condition, whenTrue },
      ],
    };
  }

  #packet(scope: Scope, depth: number): Statement {
    if (!scope.context) return this.#store(scope);
    const { nodes } = this;
    const span = nodes.nextLine();
    const offsets = [
      () => nodes.int(U32, BigInt(this.#choose(64))),
      () => nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 63n)),
      () => nodes.convert(U32, this.int(scope, U8, 2)),
    ];
    const offset = this.#pick(offsets)();
    const type = optional(refTo(HEADER, 'packet'));
    const at: Expression = { kind: 'packetAt', span, type, offset, layout: HEADER };
    return this.#withReference(scope, depth, at, HEADER, 'packet');
  }

  #flowKey(scope: Scope): Expression {
    const { nodes } = this;
    const few = nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 3n));
    return nodes.record(recordOf(KEY), [nodes.int(U16, BigInt(this.#choose(3))), few]);
  }

  #lookup(scope: Scope, depth: number): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const type = optional(refTo(COUNTER, 'map'));
    const inArray = this.#choose(2) === 0;
    const key = inArray
      ? nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 7n))
      : this.#flowKey(scope);
    const map = inArray ? 'slots' : 'flows';
    const found: Expression = { kind: 'mapLookup', span, type, map, key };
    return this.#withReference(scope, depth, found, COUNTER, inArray ? 'never' : 'flows');
  }

  #change(scope: Scope): Statement {
    if (!scope.mayKill) return this.#store(scope);
    const span = this.nodes.nextLine();
    const key = this.#flowKey(scope);
    const expression: Expression =
      this.#choose(3) === 2
        ? { kind: 'mapDelete', span, type: I64, map: 'flows', key }
        : {
            kind: 'mapUpdate',
            span,
            type: I64,
            map: 'flows',
            key,
            value: this.value(scope, recordOf(COUNTER), 3),
            flags: this.nodes.int(U64, BigInt(this.#choose(3))),
          };
    this.#kill(scope, 'flows');
    return this.#keep(scope, expression);
  }

  /** Declares the result of a helper or map operation, so that it may matter. */
  #keep(scope: Scope, value: Expression): Statement {
    const variable = this.nodes.variable('v', value.type);
    scope.variables.push(variable);
    return { kind: 'declare', span: value.span, variable, value };
  }

  #helper(scope: Scope): Statement {
    if (!scope.context || !scope.mayKill) return this.#atomicStatement(scope);
    const { nodes } = this;
    const span = nodes.nextLine();
    const helper = (name: string, ...operands: Expression[]): Expression => ({
      kind: 'helper',
      span,
      type: I64,
      name,
      arguments: [nodes.context(), ...operands],
    });
    const stacks = scope.places.filter((place) => place.reference().type.space === 'stack');
    const offset = (): Expression => nodes.int(U32, BigInt(this.#choose(80)));
    switch (this.#choose(stacks.length > 0 ? 4 : 2)) {
      case 0:
        this.#kill(scope, 'packet');
        return this.#keep(scope, helper('skbPullData', this.int(scope, U32, 2)));
      case 1:
        return this.#keep(scope, helper('skbEcnSetCe'));
      case 2:
        return this.#keep(scope, helper('skbLoadBytes', offset(), this.#pick(stacks).reference()));
      default:
        this.#kill(scope, 'packet');
        return this.#keep(
          scope,
          helper(
            'skbStoreBytes',
            offset(),
            this.#pick(stacks).reference(),
            nodes.int(U64, BigInt(this.#choose(2))),
          ),
        );
    }
  }

  #atomicStatement(scope: Scope): Statement {
    const span = this.nodes.nextLine();
    return { kind: 'expression', span, expression: this.#atomic(scope, false, 3) };
  }

  #stack(scope: Scope): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const layout = this.#pick([COUNTER, KEY, STATE]);
    const type = refTo(layout, 'stack');
    const variable = nodes.variable('s', type);
    scope.places.push({
      reference: () => ({ ...nodes.read(variable), type }) as Reference,
      layout,
      dies: 'never',
    });
    return { kind: 'declare', span, variable, value: { kind: 'stack', span, type, slot: nodes.slot() } };
  }

  #return(scope: Scope): Statement {
    const span = this.nodes.nextLine();
    if (scope.returnType.kind === 'void') return { kind: 'return', span };
    return { kind: 'return', span, value: this.value(scope, scope.returnType, 3) };
  }

  #statement(scope: Scope, depth: number): Statement {
    switch (this.#choose(depth <= 0 ? 7 : 13)) {
      case 0:
      case 1:
        return this.#declare(scope);
      case 2:
        return this.#assign(scope);
      case 3:
        return this.#store(scope);
      case 4:
        return this.#storeContext(scope);
      case 5:
        return this.#helper(scope);
      case 6:
        return this.#change(scope);
      case 7:
        return this.#stack(scope);
      case 8:
        return this.#if(scope, depth);
      case 9:
        return this.#switch(scope, depth);
      case 10:
        return this.#loop(scope, depth);
      case 11:
        return this.#packet(scope, depth);
      default:
        return this.#lookup(scope, depth);
    }
  }

  /** Statements in a scope of their own; what dies in them is dead behind them too. `outer` is where that counts. */
  block(outside: Scope, depth: number, outer: Scope = outside): Statement {
    const scope: Scope = { ...outside, variables: [...outside.variables], places: [...outside.places] };
    const before = { ...this.#dead };
    const { span } = this.nodes;
    const body = this.statements(scope, depth, 3);
    if (scope.loops > 0 && this.#choose(6) === 5) {
      body.push({ kind: this.#pick(['break', 'continue'] as const), span: this.nodes.nextLine() });
    } else if (this.#choose(8) === 7) {
      body.push(this.#return(scope));
    }
    for (const what of ['packet', 'flows'] as const) {
      if (this.#dead[what] !== before[what]) this.#kill(outer, what);
    }
    return { kind: 'block', span, body };
  }

  statements(scope: Scope, depth: number, most: number): Statement[] {
    const body: Statement[] = [];
    const count = this.#choose(most + 1);
    for (let index = 0; index < count && !this.#exhausted; index++) body.push(this.#statement(scope, depth));
    return body;
  }

  #globalPlaces(): Place[] {
    const { nodes } = this;
    return [
      { reference: () => globalReference(nodes), layout: GLOBAL, dies: 'never' },
      { reference: () => settingsReference(nodes), layout: STATE, dies: 'never' },
    ];
  }

  function(name: string): void {
    const noinline = this.#choose(3) === 2;
    const types: readonly Type[] = noinline
      ? [U64, U32, I32, BOOL]
      : [...INTS, BOOL, CONTEXT, recordOf(COUNTER)];
    const parameters = Array.from({ length: this.#choose(4) }, () =>
      this.nodes.variable('p', this.#pick(types)),
    );
    const returnType = this.#pick(noinline ? WIDE : [...INTS, BOOL, recordOf(COUNTER)]);
    const context = parameters.some(({ type }) => type.kind === 'context');
    const span = this.nodes.nextLine();
    const scope: Scope = {
      variables: parameters.filter(({ type }) => type.kind !== 'context'),
      places: this.#globalPlaces(),
      context,
      mayKill: false,
      loops: 0,
      returnType,
    };
    const body = this.statements(scope, 1, 3);
    body.push(this.#return(scope));
    this.functions.push({ span, name, parameters, returnType, body, noinline });
  }

  module(): ModuleTree {
    const functions = this.#choose(4);
    for (let index = 0; index < functions; index++) this.function(`helper${index}`);
    const span = this.nodes.nextLine();
    const scope: Scope = {
      variables: [],
      places: this.#globalPlaces(),
      context: true,
      mayKill: true,
      loops: 0,
      returnType: I32,
    };
    const body = this.statements(scope, 3, 8);
    body.push(this.#return(scope));
    const parameter = this.nodes.variable('skb', CONTEXT);
    const entry = {
      span,
      name: 'generated',
      parameters: [parameter],
      returnType: I32,
      body,
      noinline: false,
    };
    const text = Array.from({ length: this.nodes.lines }, (_, index) => `line ${index + 1}`).join('\n');
    return {
      programs: [{ span, name: 'generated', kind: 'classifier', entry }],
      maps: MAPS,
      sections: SECTIONS,
      sources: new Map([[FILE, text]]),
    };
  }
}

function globalReference(nodes: Nodes): Reference {
  return {
    kind: 'global',
    span: nodes.span,
    type: refTo(GLOBAL, 'global'),
    section: '.bss',
    name: 'state',
    offset: 0,
  };
}

function settingsReference(nodes: Nodes): Reference {
  return {
    kind: 'global',
    span: nodes.span,
    type: refTo(STATE, 'settings'),
    section: '.rodata',
    name: 'settings',
    offset: 0,
  };
}

function sameType(a: Type, b: Type): boolean {
  if (a.kind === 'int' && b.kind === 'int') return a.bits === b.bits && a.signed === b.signed;
  if (a.kind === 'record' && b.kind === 'record') {
    return (
      a.fields.length === b.fields.length &&
      a.fields.every((field, index) => {
        const other = b.fields[index];
        return other !== undefined && field.name === other.name && sameType(field.type, other.type);
      })
    );
  }
  return a.kind === b.kind;
}

/** The module that the tape spells: one classifier, `generated`, with what it calls. */
export function writeProgram(tape: readonly number[]): ModuleTree {
  return new Writer(tape).module();
}

export const SECTION_BYTES = { '.rodata': STATE.size, '.bss': GLOBAL.size } as const;
