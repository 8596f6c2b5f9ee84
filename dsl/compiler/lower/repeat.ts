/**
 * Loops that bpf_loop runs (kernel/bpf/bpf_iter.c, Linux 5.17). The body is a function of its own; what it uses of its
 * surroundings lies in a frame on the stack.
 */
import { MAP_HELPERS } from '../../machine/helpers.ts';
import type { Operand } from '../ir/ir.ts';
import type { Span, Statement } from '../tree/tree.ts';
import { usesOf } from '../tree/walk.ts';
import { FunctionBuilder } from './builder.ts';
import { lowerScalar } from './expressions.ts';
import {
  CELL,
  type Frame,
  fromCells,
  isFixed,
  layOut,
  loadCell,
  loadVariable,
  resultLeaves,
  storeCell,
  storeVariable,
  typeOf,
} from './frame.ts';
import { callKernel } from './maps.ts';
import { isPlace, LoweringError, type ReturnTarget, type Scope } from './scope.ts';
import { bindVariable, continueAt, lowerStatement } from './statements.ts';
import { leafWidths, newPlace, scalar, writePlace } from './values.ts';

type Repeat = Statement & { kind: 'repeat' };

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
    jumps: [{ label: node.label, breakTo: leave, continueTo: next }],
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
  scope.jumps.push({ label: node.label, breakTo: exit, continueTo: next });
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
