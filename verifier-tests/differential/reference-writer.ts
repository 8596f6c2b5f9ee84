/**
 * Random programs whose references take turns: chosen by a condition, assigned again, passed to functions and given back
 * by them, kept in records, into packed memory on the stack.
 */
import type {
  Expression,
  FunctionTree,
  IntType,
  ModuleTree,
  Statement,
} from '../../dsl/compiler/tree/tree.ts';
import type { ProgramKind } from '../../dsl/object/image.ts';
import { type Layout, layoutStruct, type StructLayout } from '../../dsl/object/layout.ts';
import { RecentWriter } from './recent-writer.ts';
import { ATOMIC, COUNTER, type Place, type Scope } from './shapes.ts';
import { BOOL, layoutOf, optional, type Reference, refTo, U8, U16, U32, U64, VOID } from './tree-nodes.ts';

/** Naturally aligned, and nested in packed memory, so that it lies at odd places. */
const INNER = layoutStruct('Inner', [
  { name: 'total', layout: layoutOf(U64) },
  { name: 'port', layout: layoutOf(U16, 'big') },
  { name: 'kind', layout: layoutOf(U8) },
  { name: 'sum', layout: layoutOf(U32) },
]);
const CELLS = { kind: 'array', element: INNER, length: 3 } as const;
const OUTER = layoutStruct(
  'Outer',
  [
    { name: 'first', layout: layoutOf(U8) },
    { name: 'inner', layout: INNER },
    { name: 'wide', layout: layoutOf(U64) },
    { name: 'cells', layout: CELLS },
    { name: 'last', layout: layoutOf(U16) },
  ],
  true,
);
const EVEN = layoutStruct('Even', [
  { name: 'first', layout: layoutOf(U64) },
  { name: 'inner', layout: INNER },
  { name: 'cells', layout: { kind: 'array', element: INNER, length: 2 } },
]);

const offsetOf = (of: StructLayout, name: string): number =>
  of.fields.find((field) => field.name === name)?.offset ?? 0;

class ReferenceWriter extends RecentWriter {
  /** A const that holds the reference, and the place that it is. */
  private bound(scope: Scope, value: Reference, layout: StructLayout): Statement {
    const variable = this.nodes.variable('q', value.type);
    scope.places.push(this.placeOf(() => this.nodes.read(variable) as Reference, layout));
    return { kind: 'declare', span: value.span, variable, value };
  }

  private placeOf(reference: () => Reference, layout: StructLayout): Place {
    return { reference, layout, dies: 'never' };
  }

  /** Room on the stack, and references to its parts. */
  private odd(scope: Scope): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const layout = this.pick([OUTER, EVEN]);
    const type = refTo(layout, 'stack');
    const variable = nodes.variable('s', type);
    const whole = (): Reference => ({ ...nodes.read(variable), type }) as Reference;
    scope.places.push(this.placeOf(whole, layout));
    const inner = (): Reference => nodes.member(whole(), offsetOf(layout, 'inner'), INNER);
    scope.places.push(this.placeOf(inner, INNER));
    const declare: Statement = {
      kind: 'declare',
      span,
      variable,
      value: { kind: 'stack', span, type, slot: nodes.slot() },
    };
    return this.sequence([declare, this.bound(scope, this.cellOf(scope, whole(), layout), INNER)]);
  }

  /** Statements that share the scope that they stand in: a block has none of its own in a tree. */
  private sequence(body: readonly Statement[]): Statement {
    return { kind: 'block', span: this.nodes.span, body };
  }

  /** An element by an index that is known to be one, or masked to be. */
  private cellOf(scope: Scope, whole: Reference, layout: StructLayout): Reference {
    const { nodes } = this;
    const cells = layout.fields.find(({ name }) => name === 'cells')?.layout as Extract<
      Layout,
      { kind: 'array' }
    >;
    const index =
      this.choose(2) === 0
        ? nodes.int(U32, BigInt(this.choose(cells.length)))
        : nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 1n));
    return {
      kind: 'element',
      span: nodes.span,
      type: refTo(INNER, whole.type.space),
      base: nodes.member(whole, offsetOf(layout, 'cells'), cells),
      index,
      stride: INNER.size,
      length: cells.length,
    };
  }

  /** Two places that a reference may be to, alike in memory and layout, which may be written. */
  private pair(scope: Scope): readonly [Place, Place] | undefined {
    const lasting = this.places(scope, true).filter(({ dies }) => dies === 'never');
    const pairs = lasting.flatMap((one, at) =>
      lasting
        .slice(at)
        .filter((other) => alike(one, other))
        .map((other) => [one, other] as const),
    );
    return pairs.length === 0 ? undefined : this.pick(pairs);
  }

  private chosen(scope: Scope): Statement {
    const pair = this.pair(scope);
    if (pair === undefined) return this.odd(scope);
    const span = this.nodes.nextLine();
    const [one, other] = pair;
    const { type } = one.reference();
    const condition = this.bool(scope, 2);
    const value: Reference = {
      kind: 'conditional',
      span,
      type,
      condition,
      whenTrue: one.reference(),
      whenFalse: other.reference(),
    };
    return this.bound(scope, value, one.layout);
  }

  /** A variable that starts as one place and may become the other: behind a condition, or in the rounds of a loop. */
  private reassigned(scope: Scope, depth: number): Statement {
    const pair = this.pair(scope);
    if (pair === undefined) return this.odd(scope);
    const { nodes } = this;
    const span = nodes.nextLine();
    const [one, other] = pair;
    const variable = nodes.variable('q', one.reference().type);
    const place = this.placeOf(() => nodes.read(variable) as Reference, one.layout);
    const declare: Statement = { kind: 'declare', span, variable, value: one.reference() };
    const assign: Statement = { kind: 'assign', span, variable, value: other.reference() };
    const change: Statement = { kind: 'if', span, condition: this.bool(scope, 2), whenTrue: assign };
    scope.places.push(place);
    if (this.choose(2) === 0 || depth <= 0) return this.sequence([declare, change]);
    const counter = nodes.variable('i', U32);
    const inside: Scope = { ...scope, variables: [...scope.variables, counter], mayKill: false };
    const body = this.sequence([this.storeTo(inside, place), change]);
    const next = nodes.arithmetic('add', U32, nodes.read(counter), nodes.int(U32, 1n));
    const loop: Statement = {
      kind: 'loop',
      span,
      initial: [{ kind: 'declare', span, variable: counter, value: nodes.int(U32, 0n) }],
      condition: nodes.compare('lt', nodes.read(counter), nodes.int(U32, BigInt(this.choose(5)))),
      update: [{ kind: 'assign', span, variable: counter, value: next }],
      body,
      postTest: this.choose(3) === 2,
    };
    return this.sequence([declare, loop]);
  }

  private storeTo(scope: Scope, place: Place): Statement {
    const { at, layout } = this.field(place);
    const type: IntType = { kind: 'int', bits: layout.bits, signed: layout.signed };
    return { kind: 'store', span: this.nodes.span, to: at, layout, value: this.int(scope, type, 2) };
  }

  /** A function that is lent one or two places, changes them, and gives one back or a number. */
  private lent(scope: Scope): Statement {
    const pair = this.pair(scope);
    if (pair === undefined) return this.odd(scope);
    const { nodes } = this;
    const span = nodes.nextLine();
    const { type } = pair[0].reference();
    const { layout } = pair[0];
    const parameters = [nodes.variable('p', type), nodes.variable('p', type)];
    const flag = nodes.variable('p', BOOL);
    const places = parameters.map((parameter) =>
      this.placeOf(() => nodes.read(parameter) as Reference, layout),
    );
    const inside: Scope = {
      variables: [],
      places: [...this.globalPlaces(), ...places],
      context: false,
      mayKill: false,
      jumps: [],
      returnType: VOID,
    };
    const body: Statement[] = places.map((place) => this.storeTo(inside, place));
    const [one, other] = parameters.map((parameter) => nodes.read(parameter) as Reference);
    if (one === undefined || other === undefined) throw new Error('two parameters');
    const early: Statement = {
      kind: 'if',
      span,
      condition: nodes.read(flag),
      whenTrue: { kind: 'return', span, value: other },
    };
    if (this.choose(2) === 1) body.push(early);
    body.push({ kind: 'return', span, value: one });
    const lent: FunctionTree = {
      span,
      name: 'lent',
      parameters: [...parameters, flag],
      returnType: type,
      body,
      noinline: false,
    };
    const given = [...pair.map((place) => place.reference()), this.bool(scope, 2)];
    return this.bound(scope, { kind: 'call', span, type, function: lent, arguments: given }, layout);
  }

  /** A record with a reference in it. */
  private kept(scope: Scope): Statement {
    const pair = this.pair(scope);
    if (pair === undefined) return this.odd(scope);
    const { nodes } = this;
    const span = nodes.nextLine();
    const [one, other] = pair;
    const { type } = one.reference();
    const fields = [
      { name: 'at', type },
      { name: 'count', type: U32 },
      { name: 'other', type },
    ];
    const variable = nodes.variable('k', { kind: 'record', fields });
    const at = (name: string) => (): Reference => ({
      kind: 'field',
      span: nodes.span,
      type,
      record: nodes.read(variable),
      name,
    });
    const values = [one.reference(), this.int(scope, U32, 2), other.reference()];
    const value = nodes.record({ kind: 'record', fields }, values);
    scope.places.push(this.placeOf(at('at'), one.layout), this.placeOf(at('other'), one.layout));
    return { kind: 'declare', span, variable, value };
  }

  /** An optional reference that one of two lookups gives, or none, tested by a variable that says so. */
  private maybe(scope: Scope, depth: number): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const type = optional(refTo(COUNTER, 'map'));
    const variable = nodes.variable('r', type);
    const look = (): Expression => ({
      kind: 'mapLookup',
      span,
      type,
      map: 'slots',
      key: nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 7n)),
    });
    const first: Expression = this.choose(2) === 0 ? { kind: 'undefined', span, type } : look();
    const there = nodes.variable('b', BOOL);
    const isPresent: Expression = { kind: 'isPresent', span, type: BOOL, operand: nodes.read(variable) };
    const place = this.placeOf(
      () => ({ kind: 'present', span: nodes.span, type: type.of, operand: nodes.read(variable) }),
      COUNTER,
    );
    const inside: Scope = {
      ...scope,
      variables: [...scope.variables],
      places: [...scope.places, place],
      mayKill: false,
    };
    return this.sequence([
      { kind: 'declare', span, variable, value: first },
      {
        kind: 'if',
        span,
        condition: this.bool(scope, 2),
        whenTrue: { kind: 'assign', span, variable, value: look() },
      },
      { kind: 'declare', span, variable: there, value: isPresent },
      { kind: 'if', span, condition: nodes.read(there), whenTrue: this.block(inside, depth - 1) },
    ]);
  }

  /** An atomic operation on a place: on the stack, wherever it lies. */
  private atomicOnPlace(scope: Scope): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const targets = this.places(scope, true).flatMap((place) => {
      const { space } = place.reference().type;
      if (space === 'packet' || place.layout === OUTER) return [];
      return place.layout.fields.flatMap(({ layout, offset }) =>
        layout.kind === 'int' && layout.bits >= 32 && layout.order === 'little'
          ? [{ place, layout, offset }]
          : [],
      );
    });
    if (targets.length === 0) return this.store(scope);
    const { place, layout, offset } = this.pick(targets);
    const type: IntType = { kind: 'int', bits: layout.bits, signed: layout.signed };
    const operator = this.pick(ATOMIC);
    const value = this.int(scope, type, 2);
    const expected = operator === 'compareExchange' ? { expected: this.int(scope, type, 2) } : {};
    const on = nodes.member(place.reference(), offset, layout);
    return this.keep(scope, {
      kind: 'atomic',
      span,
      type,
      operator,
      fetch: true,
      on,
      layout,
      value,
      ...expected,
    });
  }

  protected override statement(scope: Scope, depth: number): Statement {
    switch (this.choose(16)) {
      case 8:
      case 9:
        return this.odd(scope);
      case 10:
        return this.chosen(scope);
      case 11:
        return this.reassigned(scope, depth);
      case 12:
        return this.lent(scope);
      case 13:
        return this.kept(scope);
      case 14:
        return depth > 0 ? this.maybe(scope, depth) : this.chosen(scope);
      case 15:
        return this.atomicOnPlace(scope);
      default:
        return super.statement(scope, depth);
    }
  }
}

function alike(one: Place, other: Place): boolean {
  return one.layout === other.layout && one.reference().type.space === other.reference().type.space;
}

/** The module that the tape spells, with the programs `generated` and `second`. */
export function writeReferenceProgram(tape: readonly number[], kind: ProgramKind = 'classifier'): ModuleTree {
  return new ReferenceWriter(tape, kind).module();
}
