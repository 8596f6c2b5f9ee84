/**
 * Loops that bpf_loop runs (kernel/bpf/bpf_iter.c, Linux 5.17). The body is a function of its own; what it uses of its
 * surroundings lies in a frame on the stack while the loop runs, eight bytes a scalar or pointer.
 */
import { MAP_HELPERS } from '../../machine/helpers.ts';
import type { Operand } from '../ir/ir.ts';
import type { Span, Statement, Type, Variable } from '../tree/tree.ts';
import { type Uses, usesOf } from '../tree/walk.ts';
import { FunctionBuilder } from './builder.ts';
import { lowerScalar } from './expressions.ts';
import { callKernel } from './maps.ts';
import { isPlace, LoweringError, type ReturnTarget, type Scope } from './scope.ts';
import { bindVariable, continueAt, lowerStatement } from './statements.ts';
import {
  addressOf,
  branchWhenPresent,
  fromLeaves,
  leafWidths,
  newPlace,
  type OptionalValue,
  type ReferenceValue,
  readPlace,
  scalar,
  toLeaves,
  type Value,
  writePlace,
} from './values.ts';

type Repeat = Statement & { kind: 'repeat' };

const CELL = 8;

/** A variable that the body uses, and where its scalars lie in the frame. */
interface Captured {
  readonly variable: Variable;
  /** Bytes from the frame's start. */
  readonly offset: number;
  /** Whether the body may change it. */
  readonly assigned: boolean;
}

/** The frame: the flag and value of a `return`, the context, then every captured variable. */
interface Frame {
  readonly returned: number;
  readonly result: number;
  readonly context: number | undefined;
  readonly captured: readonly Captured[];
  readonly size: number;
}

/** A value that needs no room in the frame: known while compiling, or the address of a global. */
function isFixed(value: Value): boolean {
  switch (value.kind) {
    case 'scalar':
      return typeof value.operand === 'bigint';
    case 'reference':
      return value.base.kind === 'section';
    case 'optional':
      return value.presentWhen === 'never';
    case 'record':
      return [...value.fields.values()].every(isFixed);
    case 'void':
      return true;
  }
}

/** The type of what a `return` in the body gives, as leaves. */
function resultLeaves(scope: Scope): number {
  const { returnTo } = scope;
  if (returnTo.kind === 'inline') return returnTo.result.leaves.length;
  return returnTo.kind === 'round' ? returnTo.leaves : 1;
}

function layOut(scope: Scope, uses: Uses): Frame {
  let size = 0;
  const take = (cells: number): number => {
    const at = size;
    size += cells * CELL;
    return at;
  };
  const returned = take(uses.returns ? 1 : 0);
  const result = take(uses.returns ? resultLeaves(scope) : 0);
  const context = uses.context && scope.contextPointer !== undefined ? take(1) : undefined;
  const captured = uses.variables.flatMap((variable): Captured[] => {
    const bound = scope.variables.get(variable.id);
    if (bound === undefined || (!isPlace(bound) && isFixed(bound))) return [];
    const cells = isPlace(bound) ? leafWidths(bound.type).length : cellCount(bound);
    return [{ variable, offset: take(cells), assigned: uses.assigned.has(variable.id) }];
  });
  return { returned, result, context, captured, size };
}

function typeOf(scope: Scope, variable: Variable) {
  const bound = scope.variables.get(variable.id);
  return bound !== undefined && isPlace(bound) ? bound.type : variable.type;
}

function storeCell(scope: Scope, frame: Operand, offset: number, value: Operand): void {
  const { builder } = scope;
  const wide = typeof value === 'bigint' || builder.widthOf(value) === 64 ? value : builder.zext(value);
  builder.emitEffect({ op: 'store', bytes: 8, region: 'stack', base: frame, offset, value: wide });
}

function loadCell(scope: Scope, frame: Operand, offset: number, width: 32 | 64): Operand {
  const cell = scope.builder.emit({ op: 'load', bytes: 8, region: 'stack', base: frame, offset }, 64);
  return width === 64 ? cell : scope.builder.trunc(cell);
}

/** The types of the scalars and pointers that a value of `type` falls apart into. */
function leafTypes(type: Type): readonly Type[] {
  if (type.kind === 'record') return type.fields.flatMap((field) => leafTypes(field.type));
  return type.kind === 'void' ? [] : [type];
}

/**
 * An integer that rounds change is kept where the verifier doesn't track values: one that it saw grow round by round
 * it would follow through every round. It tracks what is stored at a multiple of 8 and not overwritten in part
 * (check_stack_write_fixed_off, kernel/bpf/verifier.c).
 */
const placeInCell = (bits: 8 | 16 | 32): number => bits / 8;

function storeOpaque(scope: Scope, frame: Operand, at: number, type: Type, value: Operand): void {
  const { builder } = scope;
  const bits = type.kind === 'int' ? type.bits : 8;
  const store = { op: 'store', region: 'stack', base: frame } as const;
  if (bits !== 64) {
    const bytes = bits === 32 ? 4 : bits === 16 ? 2 : 1;
    builder.emitEffect({ ...store, bytes, offset: at + placeInCell(bits), value });
    return;
  }
  builder.emitEffect({ ...store, bytes: 8, offset: at, value });
  const high = builder.trunc(builder.binary('lshr', 64, value, 32n));
  builder.emitEffect({ ...store, bytes: 4, offset: at + 4, value: high });
}

function loadOpaque(scope: Scope, frame: Operand, at: number, type: Type): Operand {
  const { builder } = scope;
  const load = { op: 'load', region: 'stack', base: frame } as const;
  if (type.kind !== 'int') {
    const byte = builder.emit({ ...load, bytes: 1, offset: at + placeInCell(8) }, 32);
    return builder.binary('and', 32, byte, 1n);
  }
  const { bits, signed } = type;
  if (bits === 64) return builder.emit({ ...load, bytes: 8, offset: at }, 64);
  const bytes = bits === 32 ? 4 : bits === 16 ? 2 : 1;
  const value = builder.emit({ ...load, bytes, offset: at + placeInCell(bits) }, 32);
  return signed && bits !== 32 ? builder.sext(bits, 32, value) : value;
}

const isNumber = (type: Type): boolean => type.kind === 'int' || type.kind === 'bool';

/** Whether its being there shows by the pointer itself, which is 0 where it is not. */
function showsByPointer({ reference: { base }, presentWhen }: OptionalValue): boolean {
  const [test, ...others] = presentWhen === 'never' ? [] : presentWhen;
  return (
    others.length === 0 &&
    base.kind === 'pointer' &&
    test?.condition === 'ne' &&
    test.left === base.operand &&
    test.right === 0n
  );
}

/** How many cells the frame has for a value that no round changes. */
function cellCount(value: Value): number {
  switch (value.kind) {
    case 'void':
      return 0;
    case 'scalar':
    case 'reference':
      return 1;
    case 'optional':
      return showsByPointer(value) ? 1 : 2;
    case 'record':
      return [...value.fields.values()].reduce((sum, field) => sum + cellCount(field), 0);
  }
}

/**
 * What lies in the frame of a reference: its pointer alone. An access has to know the bytes behind it, since the stack takes
 * none at an odd place.
 */
const pointerOf = (scope: Scope, value: ReferenceValue): Operand =>
  value.base.kind === 'pointer' ? value.base.operand : addressOf(scope, value);

/** 1 where an optional reference is there. */
function presence(scope: Scope, value: OptionalValue): Operand {
  const { builder } = scope;
  const flag = builder.newVariable(64);
  const [present, absent, join] = [builder.newBlock(), builder.newBlock(), builder.newBlock()];
  branchWhenPresent(scope, value, present, absent);
  for (const [block, number] of [
    [present, 1n],
    [absent, 0n],
  ] as const) {
    builder.seal(block);
    builder.switchTo(block);
    builder.write(flag, number);
    builder.jump(join);
  }
  builder.seal(join);
  builder.switchTo(join);
  return builder.read(flag);
}

/**
 * What lies in the frame of a value that no round changes. The pointer of a reference into the packet lies there whether or not
 * it is there, as outside: of a comparison with the packet's end that is made once more for the frame's sake the verifier
 * doesn't know that it ends as before (is_pkt_ptr_branch_taken, kernel/bpf/verifier.c).
 */
function cellsOf(scope: Scope, value: Value): readonly Operand[] {
  switch (value.kind) {
    case 'record':
      return [...value.fields.values()].flatMap((field) => cellsOf(scope, field));
    case 'reference':
      return [pointerOf(scope, value)];
    case 'optional':
      return showsByPointer(value)
        ? [pointerOf(scope, value.reference)]
        : [pointerOf(scope, value.reference), presence(scope, value)];
    default:
      return toLeaves(scope, value);
  }
}

/** A value as it was outside, from what `cellsOf` left in the frame at `offset`. */
function fromCells(scope: Scope, frame: Operand, outside: Value, type: Type, offset: number): Value {
  const pointing = (reference: ReferenceValue, pointer: Operand): ReferenceValue =>
    reference.base.kind === 'pointer'
      ? { ...reference, base: { ...reference.base, operand: pointer } }
      : { ...reference, base: { kind: 'pointer', operand: pointer }, offset: 0 };
  if (outside.kind === 'record' && type.kind === 'record') {
    let at = offset;
    const fields = new Map<string, Value>();
    for (const field of type.fields) {
      const value = outside.fields.get(field.name);
      if (value === undefined) continue;
      fields.set(field.name, fromCells(scope, frame, value, field.type, at));
      at += cellCount(value) * CELL;
    }
    return { kind: 'record', fields };
  }
  switch (outside.kind) {
    case 'reference':
      return pointing(outside, loadCell(scope, frame, offset, 64));
    case 'optional': {
      const pointer = loadCell(scope, frame, offset, 64);
      const left = showsByPointer(outside) ? pointer : loadCell(scope, frame, offset + CELL, 64);
      const presentWhen = [{ condition: 'ne', width: 64, left, right: 0n }] as const;
      return { kind: 'optional', reference: pointing(outside.reference, pointer), presentWhen };
    }
    default: {
      const leaves = leafWidths(type).map((width, index) =>
        loadCell(scope, frame, offset + index * CELL, width),
      );
      return fromLeaves(scope, type, leaves);
    }
  }
}

function storeVariable(scope: Scope, frame: Operand, { variable, offset, assigned }: Captured): void {
  const bound = scope.variables.get(variable.id);
  if (bound === undefined) return;
  const types = leafTypes(typeOf(scope, variable));
  const cells = isPlace(bound) ? toLeaves(scope, readPlace(scope, bound)) : cellsOf(scope, bound);
  cells.forEach((leaf, index) => {
    const type = types[index];
    const at = offset + index * CELL;
    if (assigned && type !== undefined && isNumber(type)) storeOpaque(scope, frame, at, type, leaf);
    else storeCell(scope, frame, at, leaf);
  });
}

function loadVariable(scope: Scope, frame: Operand, type: Type, { offset, assigned }: Captured): Value {
  const leaves = leafTypes(type).map((leaf, index) => {
    const at = offset + index * CELL;
    if (assigned && isNumber(leaf)) return loadOpaque(scope, frame, at, leaf);
    return loadCell(scope, frame, at, leafWidths(leaf)[0] ?? 64);
  });
  return fromLeaves(scope, type, leaves);
}

/** The body as a function of the round's number and the frame: 0 to go on, 1 to stop. */
function lowerBody(outer: Scope, name: string, node: Repeat, layout: Frame) {
  const builder = new FunctionBuilder(name, [64, 64]);
  builder.span = node.span;
  const [index = 0n, frame = 0n] = builder.parameters;
  const leave = builder.newBlock();
  const next = builder.newBlock();
  const scope: Scope = {
    ...outer,
    builder,
    contextPointer: undefined,
    // Other values are the outer function's: what the body uses of them comes from the frame.
    variables: new Map([...outer.variables].filter(([, bound]) => !isPlace(bound) && isFixed(bound))),
    jumps: [{ breakTo: leave, continueTo: next }],
    returnTo: { kind: 'round', block: leave, frame, ...layout, leaves: resultLeaves(outer) },
    slots: new Map(),
  };
  if (layout.context !== undefined) scope.contextPointer = loadCell(scope, frame, layout.context, 64);
  const counter = builder.trunc(index);
  if (node.constant !== undefined) checkCount(scope, counter, node.constant);
  for (const captured of layout.captured) {
    const { variable } = captured;
    const type = typeOf(outer, variable);
    const bound = outer.variables.get(variable.id);
    const value =
      bound !== undefined && !isPlace(bound)
        ? fromCells(scope, frame, bound, type, captured.offset)
        : loadVariable(scope, frame, type, captured);
    if (!scope.assigned.has(variable.id)) scope.variables.set(variable.id, value);
    else {
      const place = newPlace(scope, type);
      scope.variables.set(variable.id, place);
      writePlace(scope, place, value);
    }
  }
  bindVariable(scope, node.counter, scalar(counter));
  lowerStatement(scope, node.body);
  if (builder.reachable) builder.jump(next);
  for (const [block, result] of [
    [next, 0n],
    [leave, 1n],
  ] as const) {
    builder.seal(block);
    if (block.incoming.length === 0) continue;
    builder.switchTo(block);
    for (const captured of layout.captured) if (captured.assigned) storeVariable(scope, frame, captured);
    builder.return(result);
  }
  return builder.finish();
}

/**
 * What the verifier can't know of a callback's argument: that the round is within the count. Others never run; the
 * verifier walks one, which must leave the frame as it is.
 */
function checkCount(scope: Scope, counter: Operand, count: number): void {
  const { builder } = scope;
  const [within, beyond] = [builder.newBlock(), builder.newBlock()];
  builder.branch({ condition: 'ult', width: 32, left: counter, right: BigInt(count) }, within, beyond, true);
  builder.seal(beyond);
  builder.switchTo(beyond);
  builder.return(1n);
  builder.seal(within);
  builder.switchTo(within);
}

/** `return` with these scalars, from wherever the scope is. */
export function giveBack(scope: Scope, leaves: readonly Operand[], span: Span): void {
  const { builder, returnTo } = scope;
  switch (returnTo.kind) {
    case 'function':
      builder.return(leaves[0] ?? 0n);
      return;
    case 'inline':
      returnTo.result.leaves.forEach((variable, index) => {
        const leaf = leaves[index];
        if (leaf !== undefined) builder.write(variable, leaf);
      });
      builder.jump(returnTo.block);
      return;
    case 'round':
      if (leaves.length > returnTo.leaves)
        throw new LoweringError(span, 'a return of more than it has room for');
      storeCell(scope, returnTo.frame, returnTo.returned, 1n);
      leaves.forEach((leaf, index) => {
        storeCell(scope, returnTo.frame, returnTo.result + index * CELL, leaf);
      });
      builder.jump(returnTo.block);
  }
}

/** Behind the loop: what its body returned, the program or the inlined function returns. */
function passOn(scope: Scope, frame: Operand, layout: Frame, node: Repeat): void {
  const { builder, returnTo } = scope;
  const [gone, on] = [builder.newBlock(), builder.newBlock()];
  const flag = loadCell(scope, frame, layout.returned, 64);
  builder.branch({ condition: 'ne', width: 64, left: flag, right: 0n }, gone, on);
  builder.seal(gone);
  builder.seal(on);
  builder.switchTo(gone);
  const widths = widthsOf(scope, returnTo);
  const cells = widths.map((width, index) => loadCell(scope, frame, layout.result + index * CELL, width));
  // What the verifier knew of the program's result is lost in the frame.
  const { enforced, highest } = scope.context.results;
  const isResult = enforced && returnTo.kind === 'function' && !scope.current.noinline;
  const leaves = isResult ? cells.map((cell) => builder.binary('and', 32, cell, highest)) : cells;
  giveBack(scope, leaves, node.span);
  builder.switchTo(on);
}

function widthsOf(scope: Scope, returnTo: ReturnTarget): readonly (32 | 64)[] {
  if (returnTo.kind === 'inline') return leafWidths(returnTo.result.type);
  if (returnTo.kind === 'round') return Array.from({ length: returnTo.leaves }, () => 64 as const);
  const widths = leafWidths(scope.current.returnType);
  return widths.length === 0 ? [] : [widths[0] ?? 64];
}

/** The same loop as one that the verifier walks, for kernels without bpf_loop. */
function lowerWalked(scope: Scope, node: Repeat): void {
  const { builder } = scope;
  const count = lowerScalar(scope, node.count);
  const round = builder.newVariable(32);
  const [head, body, next, exit] = [
    builder.newBlock(),
    builder.newBlock(),
    builder.newBlock(),
    builder.newBlock(),
  ];
  builder.write(round, 0n);
  builder.jump(head);
  builder.switchTo(head);
  const counter = builder.read(round);
  builder.branch({ condition: 'ult', width: 32, left: counter, right: count }, body, exit);
  builder.seal(body);
  builder.switchTo(body);
  bindVariable(scope, node.counter, scalar(counter));
  scope.jumps.push({ breakTo: exit, continueTo: next });
  lowerStatement(scope, node.body);
  scope.jumps.pop();
  if (builder.reachable) builder.jump(next);
  builder.seal(next);
  continueAt(scope, next);
  if (builder.reachable) {
    builder.write(round, builder.binary('add', 32, counter, 1n));
    builder.jump(head);
  }
  builder.seal(head);
  builder.seal(exit);
  continueAt(scope, exit);
}

/**
 * Calls bpf_loop where there are rounds to run. The verifier skips the body of a call for none, takes the function for
 * dead code and, having removed it, fails on its address ("No program to jit").
 */
function callLoop(scope: Scope, count: Operand, name: string, frame: Operand): void {
  const { builder } = scope;
  if (count === 0n) return;
  const [some, join] = [builder.newBlock(), builder.newBlock()];
  if (typeof count === 'bigint') builder.jump(some);
  else builder.branch({ condition: 'ne', width: 32, left: count, right: 0n }, some, join);
  builder.seal(some);
  builder.switchTo(some);
  const body = builder.emit({ op: 'functionAddress', function: name }, 64);
  const rounds = typeof count === 'bigint' ? count : builder.zext(count);
  callKernel(scope, MAP_HELPERS.loop, 'bpf_loop', [rounds, body, frame, 0n]);
  builder.jump(join);
  builder.seal(join);
  builder.switchTo(join);
}

export function lowerRepeat(scope: Scope, node: Repeat): void {
  if (scope.baseline === '5.10') {
    lowerWalked(scope, node);
    return;
  }
  const { builder } = scope;
  const count = lowerScalar(scope, node.count);
  const uses = usesOf(node);
  const layout = layOut(scope, uses);
  const slot = builder.newSlot(Math.max(CELL, layout.size), CELL);
  const frame = builder.emit({ op: 'stackAddress', slot }, 64);
  if (uses.returns) {
    storeCell(scope, frame, layout.returned, 0n);
    for (let index = 0; index < resultLeaves(scope); index += 1)
      storeCell(scope, frame, layout.result + index * CELL, 0n);
  }
  if (layout.context !== undefined && scope.contextPointer !== undefined)
    storeCell(scope, frame, layout.context, scope.contextPointer);
  for (const captured of layout.captured) storeVariable(scope, frame, captured);
  const name = scope.callback((given) => lowerBody(scope, given, node, layout));
  callLoop(scope, count, name, frame);
  for (const captured of layout.captured) {
    const bound = scope.variables.get(captured.variable.id);
    if (captured.assigned && bound !== undefined && isPlace(bound))
      writePlace(scope, bound, loadVariable(scope, frame, bound.type, captured));
  }
  if (uses.returns) passOn(scope, frame, layout, node);
}
