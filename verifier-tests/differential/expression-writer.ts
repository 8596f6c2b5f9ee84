/**
 * Writes random expressions. What to write next is read from a tape of numbers, where 0 always is the simplest choice;
 * so a shorter tape or smaller numbers make a simpler program, which is how fast-check shrinks one.
 */
import type { Expression, FunctionTree, IntType, Type } from '../../dsl/compiler/tree/tree.ts';
import { CONTEXTS } from '../../dsl/machine/contexts.ts';
import type { ProgramKind } from '../../dsl/object/image.ts';
import type { IntLayout } from '../../dsl/object/layout.ts';
import {
  ARITHMETIC,
  ATOMIC,
  CELLS,
  COMPARE,
  COUNTER,
  contextFields,
  EDGES,
  GLOBAL,
  globalReference,
  INTS,
  type Place,
  type Scope,
  WIDE,
} from './shapes.ts';
import {
  BOOL,
  layoutOf,
  Nodes,
  type Reference,
  recordOf,
  refTo,
  sameType,
  U8,
  U32,
  U64,
  VOID,
} from './tree-nodes.ts';

/** Writes expressions of any type within a scope. */
export class ExpressionWriter {
  readonly nodes = new Nodes();
  readonly functions: FunctionTree[] = [];
  private readonly tape: readonly number[];
  /** Of the program that is written. */
  protected readonly kind: ProgramKind;
  protected at = 0;
  protected dead = { packet: 0, flows: 0 };

  constructor(tape: readonly number[], kind: ProgramKind) {
    this.tape = tape;
    this.kind = kind;
  }

  /** 0 to count - 1; 0 when the tape is at its end. */
  protected choose(count: number): number {
    const value = this.tape[this.at++] ?? 0;
    return value % count;
  }

  protected pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
    const item = list[this.choose(list.length)];
    if (item === undefined) throw new Error('pick from an empty list');
    return item;
  }

  protected get exhausted(): boolean {
    return this.at >= this.tape.length;
  }

  protected places(scope: Scope, writable: boolean): readonly Place[] {
    if (!writable) return scope.places;
    const packet = CONTEXTS[this.kind].data?.writable === true;
    return scope.places.filter((place) => {
      const { space } = place.reference().type;
      return space !== 'settings' && (space !== 'packet' || packet);
    });
  }

  protected kill(scope: Scope, what: 'packet' | 'flows'): void {
    this.dead[what]++;
    const living = scope.places.filter((place) => place.dies !== what);
    scope.places.splice(0, scope.places.length, ...living);
  }

  protected literal(type: IntType): Expression {
    const value = this.pick(EDGES);
    return this.nodes.int(type, value);
  }

  /** An integer field of a place, reached from its start. */
  protected field(place: Place): { readonly at: Reference; readonly layout: IntLayout } {
    const fields = place.layout.fields.filter(({ layout }) => layout.kind === 'int');
    const field = this.pick(fields);
    const layout = field.layout.kind === 'int' ? field.layout : layoutOf(U8);
    return { at: this.nodes.member(place.reference(), field.offset, layout), layout };
  }

  /** An element of the global array, its index masked to be within it. */
  protected cell(scope: Scope, depth: number): Reference {
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

  protected loadSomething(scope: Scope, depth: number): Expression {
    if (this.choose(4) === 3) return this.nodes.load(this.cell(scope, depth), CELLS.element);
    const { at, layout } = this.field(this.pick(this.places(scope, false)));
    return this.nodes.load(at, layout);
  }

  protected callSomething(
    scope: Scope,
    returns: (type: Type) => boolean,
    depth: number,
  ): Expression | undefined {
    const callable = this.functions.filter(
      (fn) =>
        returns(fn.returnType) &&
        (scope.context || !fn.parameters.some(({ type }) => type.kind === 'context')),
    );
    if (callable.length === 0) return undefined;
    const fn = this.pick(callable);
    const values = fn.parameters.map(({ type }) => this.value(scope, type, depth - 1));
    return { kind: 'call', span: this.nodes.span, type: fn.returnType, function: fn, arguments: values };
  }

  protected contextField(scope: Scope): Expression {
    if (!scope.context) return this.literal(U32);
    if (this.choose(5) === 4 && CONTEXTS[this.kind].data)
      return { kind: 'linearLength', span: this.nodes.span, type: U32 };
    const [name, type] = this.pick(contextFields(this.kind));
    return this.nodes.contextField(name, type);
  }

  protected atomic(scope: Scope, fetch: boolean, depth: number): Expression {
    const { nodes } = this;
    const names = fetch ? ATOMIC : ATOMIC.slice(0, 4);
    const operator = this.pick(names);
    const atomicFields = GLOBAL.fields.filter(
      ({ layout }) => layout.kind === 'int' && layout.bits >= 32 && layout.order === 'little',
    );
    const field = this.pick(atomicFields);
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
  protected some(scope: Scope, depth: number): Expression {
    const { nodes } = this;
    const variables = scope.variables.filter(({ type }) => type.kind === 'int');
    switch (this.choose(9)) {
      case 0:
      case 1:
        return variables.length > 0 ? nodes.read(this.pick(variables)) : this.literal(this.pick(INTS));
      case 2:
      case 3:
        return this.loadSomething(scope, depth);
      case 4:
        return this.contextField(scope);
      case 5:
        return this.callSomething(scope, ({ kind }) => kind === 'int', depth) ?? this.literal(U64);
      case 6:
        return this.atomic(scope, true, depth);
      case 7:
        return this.choose(2) === 0
          ? { kind: 'random', span: nodes.span, type: U32 }
          : {
              kind: 'clock',
              span: nodes.span,
              type: U64,
              which: this.pick(['now', 'coarse', 'ticks'] as const),
            };
      default:
        return this.recordField(scope, depth);
    }
  }

  protected recordField(scope: Scope, depth: number): Expression {
    const record = this.value(scope, recordOf(COUNTER), depth - 1);
    const { name, type } = this.pick(recordOf(COUNTER).fields);
    return { kind: 'field', span: this.nodes.span, type, record, name };
  }

  /** An integer of this type. */
  int(scope: Scope, type: IntType, depth: number): Expression {
    const { nodes } = this;
    if (depth <= 0 || this.exhausted) {
      const known = scope.variables.filter(({ type: of }) => sameType(of, type));
      return this.choose(2) === 1 && known.length > 0 ? nodes.read(this.pick(known)) : this.literal(type);
    }
    // Arithmetic is at 32 or 64 bits; narrower values come by conversion.
    const narrow = type.bits < 32;
    switch (this.choose(narrow ? 4 : 9)) {
      case 0:
        return this.literal(type);
      case 1:
      case 2:
        return nodes.convert(type, this.some(scope, depth - 1));
      case 3:
        return nodes.convert(type, this.int(scope, this.pick(WIDE), depth - 1));
      case 4:
      case 5: {
        const operator = this.pick(ARITHMETIC);
        const left = this.int(scope, type, depth - 1);
        return nodes.arithmetic(operator, type, left, this.int(scope, type, depth - 1));
      }
      case 6: {
        const kind = this.pick(['negate', 'complement'] as const);
        return { kind, span: nodes.span, type, operand: this.int(scope, type, depth - 1) };
      }
      case 7: {
        const which = this.pick(['min', 'max'] as const);
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
        return this.conditional(scope, type, depth);
    }
  }

  protected conditional(scope: Scope, type: Type, depth: number): Expression {
    const condition = this.bool(scope, depth - 1);
    const whenTrue = this.value(scope, type, depth - 1);
    const whenFalse = this.value(scope, type, depth - 1);
    return { kind: 'conditional', span: this.nodes.span, type, condition, whenTrue, whenFalse };
  }

  bool(scope: Scope, depth: number): Expression {
    const { nodes } = this;
    if (depth <= 0 || this.exhausted) return nodes.bool(this.choose(2) === 1);
    switch (this.choose(6)) {
      case 0:
      case 1: {
        const type = this.pick(INTS);
        const left = this.int(scope, type, depth - 1);
        return nodes.compare(this.pick(COMPARE), left, this.int(scope, type, depth - 1));
      }
      case 2:
        return { kind: 'not', span: nodes.span, type: BOOL, operand: this.bool(scope, depth - 1) };
      case 3: {
        const operator = this.pick(['and', 'or'] as const);
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
        const likely = this.choose(2) === 0;
        return { kind: 'hint', span: nodes.span, type: BOOL, likely, operand: this.bool(scope, depth - 1) };
      }
      default: {
        const known = scope.variables.filter(({ type }) => type.kind === 'bool');
        if (known.length > 0) return nodes.read(this.pick(known));
        const left = this.bool(scope, depth - 1);
        return nodes.compare(this.pick(['eq', 'ne'] as const), left, this.bool(scope, depth - 1));
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
        if (known.length > 0 && this.choose(3) === 1) return this.nodes.read(this.pick(known));
        if (depth > 1 && this.choose(4) === 3) return this.conditional(scope, type, depth);
        return this.nodes.record(
          type,
          type.fields.map((field) => this.value(scope, field.type, depth - 1)),
        );
      }
      default:
        throw new Error(`write a ${type.kind}`);
    }
  }
}
