/**
 * Writes random programs that the checker would accept: every variable is declared before its use, every array
 * index is within bounds, every loop ends, and references are used where they are there and not stale.
 */
import type {
  Expression,
  IntType,
  ModuleTree,
  Statement,
  Type,
  Variable,
} from '../../dsl/compiler/tree/tree.ts';
import { CONTEXTS } from '../../dsl/machine/contexts.ts';
import { helperByName } from '../../dsl/machine/helpers.ts';
import type { ProgramKind } from '../../dsl/object/image.ts';
import type { StructLayout } from '../../dsl/object/layout.ts';
import { ExpressionWriter } from './expression-writer.ts';
import {
  CELLS,
  COUNTER,
  GLOBAL,
  globalReference,
  HEADER,
  INTS,
  KEY,
  MAPS,
  type Place,
  type Scope,
  SECTIONS,
  STATE,
  settingsReference,
  WIDE,
  writableFields,
} from './shapes.ts';
import {
  BOOL,
  CONTEXT,
  FILE,
  I32,
  I64,
  optional,
  type Reference,
  recordOf,
  refTo,
  U8,
  U16,
  U32,
  U64,
} from './tree-nodes.ts';

export class ProgramWriter extends ExpressionWriter {
  protected declare(scope: Scope): Statement {
    const types: readonly Type[] = [...INTS, BOOL, recordOf(COUNTER)];
    const type = this.pick(types);
    const span = this.nodes.nextLine();
    const value = this.value(scope, type, 3);
    const variable = this.nodes.variable('v', type);
    scope.variables.push(variable);
    return { kind: 'declare', span, variable, value };
  }

  protected assign(scope: Scope): Statement {
    if (scope.variables.length === 0) return this.declare(scope);
    const variable = this.pick(
      scope.variables.filter(({ name }) => name.startsWith('v')).concat(scope.variables),
    );
    if (!variable.name.startsWith('v')) return this.declare(scope);
    const span = this.nodes.nextLine();
    if (variable.type.kind === 'record' && this.choose(2) === 1) {
      const { name, type } = this.pick(variable.type.fields);
      return { kind: 'assignField', span, variable, path: [name], value: this.value(scope, type, 3) };
    }
    return { kind: 'assign', span, variable, value: this.value(scope, variable.type, 3) };
  }

  protected store(scope: Scope): Statement {
    const span = this.nodes.nextLine();
    const inCell = this.choose(4) === 3;
    const { at, layout } = inCell
      ? { at: this.cell(scope, 2), layout: CELLS.element }
      : this.field(this.pick(this.places(scope, true)));
    const type: IntType = { kind: 'int', bits: layout.bits, signed: layout.signed };
    return { kind: 'store', span, to: at, layout, value: this.int(scope, type, 3) };
  }

  protected storeContext(scope: Scope): Statement {
    const fields = writableFields(this.kind);
    if (!scope.context || fields.length === 0) return this.store(scope);
    const span = this.nodes.nextLine();
    const [name, type] = this.pick(fields);
    return { kind: 'storeContext', span, name, value: this.int(scope, type, 3) };
  }

  protected if(scope: Scope, depth: number): Statement {
    const span = this.nodes.nextLine();
    const condition = this.bool(scope, 3);
    const whenTrue = this.block(scope, depth - 1);
    const whenFalse = this.choose(2) === 1 ? { whenFalse: this.block(scope, depth - 1) } : {};
    return { kind: 'if', span, condition, whenTrue, ...whenFalse };
  }

  protected switch(scope: Scope, depth: number): Statement {
    const span = this.nodes.nextLine();
    const type = this.pick(INTS);
    const on = this.int(scope, type, 2);
    const values = [...new Set([0n, 1n, BigInt(this.choose(120)), 4n])];
    const label = this.nodes.label();
    const inside: Scope = { ...scope, jumps: [...scope.jumps, { kind: 'switch', label }] };
    const cases = [
      { values: values.slice(0, 2), body: this.block(inside, depth - 1) },
      { values: values.slice(2), body: this.block(inside, depth - 1) },
    ];
    const otherwise = this.choose(2) === 1 ? { otherwise: this.block(inside, depth - 1) } : {};
    return { kind: 'switch', span, label, on, cases, ...otherwise };
  }

  /** `for (let i = 0; i < count; i++)`, with a `break` or `continue` now and then. */
  protected loop(scope: Scope, depth: number): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const counter = nodes.variable('i', U32);
    const count = this.choose(6);
    const label = nodes.label();
    const inside: Scope = {
      ...scope,
      variables: [...scope.variables, counter],
      mayKill: false,
      jumps: [...scope.jumps, { kind: 'loop', label }],
    };
    const body = this.block(inside, depth - 1);
    const one = nodes.int(U32, 1n);
    return {
      kind: 'loop',
      span,
      label,
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
      ...(this.choose(2) === 0 ? { trips: { counter, count } } : {}),
    };
  }

  /** A reference that may be missing, and what to do where it is there. */
  protected withReference(
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
    const place: Place = {
      reference: () => ({ kind: 'present', span: nodes.span, type: type.of, operand: nodes.read(variable) }),
      layout,
      dies,
    };
    const whenTrue = this.block({ ...scope, places: [...scope.places, place] }, depth - 1, scope);
    return this.whenPresent(variable, value, whenTrue);
  }

  /** Keeps a value that may be undefined, and does something where it isn't. */
  protected whenPresent(variable: Variable, value: Expression, whenTrue: Statement): Statement {
    const { span } = value;
    const condition: Expression = { kind: 'isPresent', span, type: BOOL, operand: this.nodes.read(variable) };
    return {
      kind: 'block',
      span,
      body: [
        { kind: 'declare', span, variable, value },
        { kind: 'if', span, condition, whenTrue },
      ],
    };
  }

  protected packet(scope: Scope, depth: number): Statement {
    if (!scope.context || CONTEXTS[this.kind].data === undefined) return this.store(scope);
    const { nodes } = this;
    const span = nodes.nextLine();
    const offsets = [
      () => nodes.arithmetic('mod', U32, this.int(scope, U32, 2), this.int(scope, U32, 1)),
      () => nodes.int(U32, BigInt(this.choose(64))),
      () => nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 63n)),
      () => nodes.convert(U32, this.int(scope, U8, 2)),
    ];
    const offset = this.pick(offsets)();
    const type = optional(refTo(HEADER, 'packet'));
    const at: Expression = { kind: 'packetAt', span, type, offset, layout: HEADER };
    return this.withReference(scope, depth, at, HEADER, 'packet');
  }

  protected flowKey(scope: Scope): Expression {
    const { nodes } = this;
    const few = nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 3n));
    return nodes.record(recordOf(KEY), [nodes.int(U16, BigInt(this.choose(3))), few]);
  }

  protected lookup(scope: Scope, depth: number): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const type = optional(refTo(COUNTER, 'map'));
    const inArray = this.choose(2) === 0;
    const key = inArray
      ? nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 7n))
      : this.flowKey(scope);
    const map = inArray ? 'slots' : 'flows';
    const found: Expression = { kind: 'mapLookup', span, type, map, key };
    return this.withReference(scope, depth, found, COUNTER, inArray ? 'never' : 'flows');
  }

  protected change(scope: Scope): Statement {
    if (!scope.mayKill) return this.store(scope);
    const span = this.nodes.nextLine();
    const key = this.flowKey(scope);
    const expression: Expression =
      this.choose(3) === 2
        ? { kind: 'mapDelete', span, type: I64, map: 'flows', key }
        : {
            kind: 'mapUpdate',
            span,
            type: I64,
            map: 'flows',
            key,
            value: this.value(scope, recordOf(COUNTER), 3),
            flags: this.nodes.int(U64, BigInt(this.choose(3))),
          };
    this.kill(scope, 'flows');
    return this.keep(scope, expression);
  }

  /** Declares the result of a helper or map operation, so that it may matter. */
  protected keep(scope: Scope, value: Expression): Statement {
    const variable = this.nodes.variable('v', value.type);
    scope.variables.push(variable);
    return { kind: 'declare', span: value.span, variable, value };
  }

  protected helper(scope: Scope): Statement {
    if (!scope.context || !scope.mayKill) return this.atomicStatement(scope);
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
    const offset = (): Expression => nodes.int(U32, BigInt(this.choose(80)));
    const memory = (): Expression => this.pick(stacks).reference();
    const pull = () => helper('skbPullData', this.int(scope, U32, 2));
    const mark = () => helper('skbEcnSetCe');
    const load = () => helper('skbLoadBytes', offset(), memory());
    const relative = () =>
      helper('skbLoadBytesRelative', offset(), memory(), nodes.int(U32, BigInt(this.choose(2))));
    const write = () => helper('skbStoreBytes', offset(), memory(), nodes.int(U64, BigInt(this.choose(2))));
    const by = (): Expression => nodes.int(I32, BigInt(this.choose(64) - 32));
    const helpers: Readonly<Record<ProgramKind, readonly (() => Expression)[]>> = {
      classifier: stacks.length > 0 ? [pull, mark, load, write] : [pull, mark],
      socketFilter: [load, relative],
      cgroupSkbIngress: stacks.length > 0 ? [mark, load, relative] : [mark],
      cgroupSkbEgress: stacks.length > 0 ? [mark, load, relative] : [mark],
      xdp: [() => helper('xdpAdjustHead', by()), () => helper('xdpAdjustTail', by())],
      xdpDevmap: [],
    };
    const usable = this.kind === 'socketFilter' && stacks.length === 0 ? [] : helpers[this.kind];
    if (usable.length === 0) return this.atomicStatement(scope);
    const expression = this.pick(usable)();
    if (expression.kind === 'helper' && helperByName.get(expression.name)?.invalidatesPacket)
      this.kill(scope, 'packet');
    return this.keep(scope, expression);
  }

  protected atomicStatement(scope: Scope): Statement {
    const span = this.nodes.nextLine();
    return { kind: 'expression', span, expression: this.atomic(scope, false, 3) };
  }

  protected stack(scope: Scope): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const layout = this.pick([COUNTER, KEY, STATE]);
    const type = refTo(layout, 'stack');
    const variable = nodes.variable('s', type);
    scope.places.push({
      reference: () => ({ ...nodes.read(variable), type }) as Reference,
      layout,
      dies: 'never',
    });
    return { kind: 'declare', span, variable, value: { kind: 'stack', span, type, slot: nodes.slot() } };
  }

  protected return(scope: Scope): Statement {
    const span = this.nodes.nextLine();
    if (scope.returnType.kind === 'void') return { kind: 'return', span };
    const value = this.value(scope, scope.returnType, 3);
    if (scope.resultMask === undefined) return { kind: 'return', span, value };
    const masked = this.nodes.arithmetic('and', U32, value, this.nodes.int(U32, scope.resultMask));
    return { kind: 'return', span, value: masked };
  }

  protected statement(scope: Scope, depth: number): Statement {
    switch (this.choose(depth <= 0 ? 7 : 13)) {
      case 0:
      case 1:
        return this.declare(scope);
      case 2:
        return this.assign(scope);
      case 3:
        return this.store(scope);
      case 4:
        return this.storeContext(scope);
      case 5:
        return this.helper(scope);
      case 6:
        return this.change(scope);
      case 7:
        return this.stack(scope);
      case 8:
        return this.if(scope, depth);
      case 9:
        return this.switch(scope, depth);
      case 10:
        return this.loop(scope, depth);
      case 11:
        return this.packet(scope, depth);
      default:
        return this.lookup(scope, depth);
    }
  }

  /** `break` or `continue`, of the innermost that it can mean or of one that it names. */
  private jump(scope: Scope): Statement {
    const loops = scope.jumps.filter((target) => target.kind === 'loop');
    const kind = loops.length > 0 ? this.pick(['break', 'continue'] as const) : 'break';
    const target = this.pick(kind === 'continue' ? loops : scope.jumps);
    const named = this.choose(2) === 1 ? { label: target.label } : {};
    return { kind, ...named, span: this.nodes.nextLine() };
  }

  /** Statements in a scope of their own; what dies in them is dead behind them too. `outer` is where that counts. */
  block(outside: Scope, depth: number, outer: Scope = outside): Statement {
    const scope: Scope = { ...outside, variables: [...outside.variables], places: [...outside.places] };
    const before = { ...this.dead };
    const { span } = this.nodes;
    const body = this.statements(scope, depth, 3);
    if (scope.jumps.length > 0 && this.choose(6) === 5) {
      body.push(this.jump(scope));
    } else if (this.choose(8) === 7) {
      body.push(this.return(scope));
    }
    for (const what of ['packet', 'flows'] as const) {
      if (this.dead[what] !== before[what]) this.kill(outer, what);
    }
    return { kind: 'block', span, body };
  }

  statements(scope: Scope, depth: number, most: number): Statement[] {
    const body: Statement[] = [];
    const count = this.choose(most + 1);
    for (let index = 0; index < count && !this.exhausted; index++) body.push(this.statement(scope, depth));
    return body;
  }

  protected globalPlaces(): Place[] {
    const { nodes } = this;
    return [
      { reference: () => globalReference(nodes), layout: GLOBAL, dies: 'never' },
      { reference: () => settingsReference(nodes), layout: STATE, dies: 'never' },
    ];
  }

  function(name: string): void {
    const noinline = this.choose(3) === 2;
    const types: readonly Type[] = noinline
      ? [U64, U32, I32, BOOL]
      : [...INTS, BOOL, CONTEXT, recordOf(COUNTER)];
    const parameters = Array.from({ length: this.choose(4) }, () =>
      this.nodes.variable('p', this.pick(types)),
    );
    const returnType = this.pick(noinline ? WIDE : [...INTS, BOOL, recordOf(COUNTER)]);
    const context = parameters.some(({ type }) => type.kind === 'context');
    const span = this.nodes.nextLine();
    const scope: Scope = {
      variables: parameters.filter(({ type }) => type.kind !== 'context'),
      places: this.globalPlaces(),
      context,
      mayKill: false,
      jumps: [],
      returnType,
    };
    const body = this.statements(scope, 1, 3);
    body.push(this.return(scope));
    this.functions.push({ span, name, parameters, returnType, body, noinline });
  }

  module(): ModuleTree {
    const functions = this.choose(4);
    for (let index = 0; index < functions; index++) this.function(`helper${index}`);
    const span = this.nodes.nextLine();
    const { results } = CONTEXTS[this.kind];
    const returnType = this.kind === 'classifier' ? I32 : U32;
    const scope: Scope = {
      variables: [],
      places: this.globalPlaces(),
      context: true,
      mayKill: true,
      jumps: [],
      returnType,
      ...(results.enforced ? { resultMask: results.highest } : {}),
    };
    const body = this.statements(scope, 3, 8);
    body.push(this.return(scope));
    const parameter = this.nodes.variable('skb', CONTEXT);
    const entry = {
      span,
      name: 'generated',
      parameters: [parameter],
      returnType,
      body,
      noinline: false,
    };
    const text = Array.from({ length: this.nodes.lines }, (_, index) => `line ${index + 1}`).join('\n');
    return {
      programs: [{ span, name: 'generated', kind: this.kind, entry }],
      maps: MAPS,
      sections: SECTIONS,
      sources: new Map([[FILE, text]]),
    };
  }
}

/** The module that the tape spells: one program of the kind, `generated`, with what it calls. */
export function writeProgram(tape: readonly number[], kind: ProgramKind = 'classifier'): ModuleTree {
  return new ProgramWriter(tape, kind).module();
}
