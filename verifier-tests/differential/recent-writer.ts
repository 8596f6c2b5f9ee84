/** Random programs with what needs Linux 5.17: bpf_loop, ring buffers, spin locks and tail calls. */
import type { Expression, IntType, ModuleTree, Statement } from '../../dsl/compiler/tree/tree.ts';
import type { MapImage, ProgramKind } from '../../dsl/object/image.ts';
import { layoutStruct } from '../../dsl/object/layout.ts';
import { ProgramWriter } from './program-writer.ts';
import { ARITHMETIC, COUNTER, MAPS, type Place, type Scope } from './shapes.ts';
import { I64, layoutOf, optional, type Reference, recordOf, refTo, U32, U64, VOID } from './tree-nodes.ts';
import type { Put } from './world.ts';

const LOCK = layoutStruct('bpf_spin_lock', [{ name: 'val', layout: layoutOf(U32) }]);
const GUARDED = layoutStruct('Guarded', [
  { name: 'lock', layout: LOCK },
  { name: 'level', layout: layoutOf(U32) },
  { name: 'total', layout: layoutOf(U64) },
]);
const RECENT_MAPS: readonly MapImage[] = [
  { name: 'events', kind: 'ringBuffer', keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 },
  {
    name: 'guarded',
    kind: 'array',
    key: layoutOf(U32),
    keySize: 4,
    value: GUARDED,
    valueSize: GUARDED.size,
    maxEntries: 2,
    flags: 0,
  },
  {
    name: 'next',
    kind: 'programArray',
    key: layoutOf(U32),
    keySize: 4,
    valueSize: 4,
    maxEntries: 4,
    flags: 0,
  },
];

/** What the maps hold before the first run: the program calls the second one, and itself again. */
export const RECENT_PUTS: readonly Put[] = [
  { map: 'next', key: Uint8Array.of(1, 0, 0, 0), value: { program: 'second' } },
  { map: 'next', key: Uint8Array.of(2, 0, 0, 0), value: { program: 'generated' } },
];

export class RecentWriter extends ProgramWriter {
  /** Rounds that bpf_loop runs. What dies in one round is dead in the next, so nothing may. */
  private repeat(scope: Scope, depth: number): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const known = this.choose(2) === 0;
    const most = this.choose(6);
    const count = known
      ? nodes.int(U32, BigInt(most))
      : nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 7n));
    const counter = nodes.variable('i', U32);
    const variables = [...scope.variables, counter];
    const label = nodes.label();
    // What is around it no jump can reach: each round is a function of its own.
    const inside: Scope = { ...scope, variables, mayKill: false, jumps: [{ kind: 'loop', label }] };
    const body = this.block(inside, depth - 1);
    return { kind: 'repeat', label, span, counter, count, ...(known && { constant: most }), body };
  }

  private record(scope: Scope): Statement {
    const span = this.nodes.nextLine();
    const output: Expression = {
      kind: 'output',
      span,
      type: I64,
      map: 'events',
      layout: COUNTER,
      value: this.value(scope, recordOf(COUNTER), 3),
      flags: this.nodes.int(U64, BigInt(this.choose(3))),
    };
    return this.keep(scope, output);
  }

  /** A record that is reserved, filled and then submitted or discarded, on every path. */
  private reserved(scope: Scope): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const type = refTo(COUNTER, 'ring');
    const variable = nodes.variable('r', optional(type));
    const reference = (): Reference => ({
      kind: 'present',
      span: nodes.span,
      type,
      operand: nodes.read(variable),
    });
    const place: Place = { reference, layout: COUNTER, dies: 'never' };
    const inside: Scope = { ...scope, variables: [...scope.variables], places: [...scope.places, place] };
    const body = Array.from({ length: this.choose(4) }, () => this.store(inside));
    const flags = nodes.int(U64, 0n);
    const submit = this.choose(3) > 0;
    const settle: Expression = { kind: 'settle', span, type: VOID, record: reference(), submit, flags };
    body.push({ kind: 'expression', span, expression: settle });
    const value: Expression = { kind: 'reserve', span, type: optional(type), map: 'events' };
    return this.whenPresent(variable, value, { kind: 'block', span, body });
  }

  /** Fields of a value changed while its lock is held: no call may be among that. Socket filters have no locks. */
  private locked(scope: Scope): Statement {
    if (this.kind === 'socketFilter') return this.record(scope);
    const { nodes } = this;
    const span = nodes.nextLine();
    const type = refTo(GUARDED, 'map');
    const variable = nodes.variable('g', optional(type));
    const at = (): Reference => ({ kind: 'present', span: nodes.span, type, operand: nodes.read(variable) });
    const body = Array.from({ length: 1 + this.choose(3) }, () => this.guardedStore(scope, at()));
    const inner = { span, name: 'guard', parameters: [], returnType: VOID, body, noinline: false };
    const lock = nodes.member(at(), 0, LOCK);
    const expression: Expression = { kind: 'locked', span, type: VOID, lock, body: inner };
    const value: Expression = {
      kind: 'mapLookup',
      span,
      type: optional(type),
      map: 'guarded',
      key: nodes.int(U32, BigInt(this.choose(3))),
    };
    return this.whenPresent(variable, value, { kind: 'expression', span, expression });
  }

  private guardedStore(scope: Scope, at: Reference): Statement {
    const { nodes } = this;
    const span = nodes.nextLine();
    const { offset, layout } = this.pick(GUARDED.fields.slice(1));
    if (layout.kind !== 'int') throw new Error('a field that is no integer');
    const type: IntType = { kind: 'int', bits: layout.bits, signed: layout.signed };
    const to = nodes.member(at, offset, layout);
    const known = scope.variables.filter(({ type: { kind } }) => kind === 'int');
    const other = known.length > 0 ? nodes.convert(type, nodes.read(this.pick(known))) : this.literal(type);
    const value = nodes.arithmetic(this.pick(ARITHMETIC), type, nodes.load(to, layout), other);
    return { kind: 'store', span, to, layout, value };
  }

  /** A tail call may move the packet, as the verifier sees it. */
  private tailCall(scope: Scope): Statement {
    if (!scope.context || !scope.mayKill) return this.record(scope);
    const span = this.nodes.nextLine();
    const { nodes } = this;
    const index = nodes.arithmetic('and', U32, this.int(scope, U32, 2), nodes.int(U32, 3n));
    this.kill(scope, 'packet');
    const expression: Expression = { kind: 'tailCall', span, type: VOID, map: 'next', index };
    return { kind: 'expression', span, expression };
  }

  protected override statement(scope: Scope, depth: number): Statement {
    switch (this.choose(12)) {
      case 7:
        return depth > 0 ? this.repeat(scope, depth) : this.record(scope);
      case 8:
        return this.record(scope);
      case 9:
        return this.reserved(scope);
      case 10:
        return this.locked(scope);
      case 11:
        return this.tailCall(scope);
      default:
        return super.statement(scope, depth);
    }
  }

  /** Beside `generated` there is `second`, which it may tail-call. */
  override module(): ModuleTree {
    const first = super.module();
    const second = super.module();
    return {
      ...second,
      maps: [...MAPS, ...RECENT_MAPS],
      programs: [...first.programs, ...second.programs.map((program) => ({ ...program, name: 'second' }))],
    };
  }
}

/** The module that the tape spells, with the programs `generated` and `second`. */
export function writeRecentProgram(tape: readonly number[], kind: ProgramKind = 'classifier'): ModuleTree {
  return new RecentWriter(tape, kind).module();
}
