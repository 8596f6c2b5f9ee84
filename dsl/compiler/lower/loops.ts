/** Loops: small counted ones unroll, all others stay loops that the verifier walks. */
import type { Statement } from '../tree/tree.ts';
import { sizeOfStatements, unrolledSize } from '../tree/walk.ts';
import type { OpenBlock } from './builder.ts';
import { lowerCondition } from './conditions.ts';
import type { Scope } from './scope.ts';
import { continueAt, lowerStatement, lowerStatements } from './statements.ts';

type Loop = Statement & { kind: 'loop' };

/** Tree nodes that all rounds of an unrolled loop may have together, and rounds at most. */
const UNROLL_NODES = 600;
const UNROLL_ROUNDS = 64;
/** Tree nodes that they may come to where loops inside unroll as well: each of them multiplies what is in it. */
const UNROLLED_NODES = 6_000;

const decided = new WeakMap<Loop, boolean>();

function unrolls(loop: Loop): boolean {
  const known = decided.get(loop) ?? isWorthUnrolling(loop);
  decided.set(loop, known);
  return known;
}

function isWorthUnrolling({ trips, body, update }: Loop): boolean {
  if (trips === undefined || trips.count > UNROLL_ROUNDS) return false;
  const round = [body, ...update];
  const roundsOf = (inner: Loop): number => (unrolls(inner) ? (inner.trips?.count ?? 1) : 1);
  return (
    trips.count * sizeOfStatements(round) <= UNROLL_NODES &&
    trips.count * unrolledSize(round, roundsOf) <= UNROLLED_NODES
  );
}

export function lowerLoop(scope: Scope, loop: Loop): void {
  lowerStatements(scope, loop.initial);
  if (!scope.builder.reachable) {
    return;
  }
  if (loop.trips !== undefined && unrolls(loop)) {
    unroll(scope, loop, loop.trips.count);
  } else {
    lowerRealLoop(scope, loop);
  }
}

/** Lowers one round's body and update; leaves the builder behind the update, if control gets there. */
function lowerRound(scope: Scope, loop: Loop, exit: OpenBlock): void {
  const { builder } = scope;
  const continueTo = builder.newBlock();
  scope.jumps.push({ label: loop.label, breakTo: exit, continueTo });
  lowerStatement(scope, loop.body);
  scope.jumps.pop();
  if (builder.reachable) {
    builder.jump(continueTo);
  }
  builder.seal(continueTo);
  continueAt(scope, continueTo);
  lowerStatements(scope, loop.update);
}

/** The counter is a constant in every round, since its updates fold. */
function unroll(scope: Scope, loop: Loop, count: number): void {
  const { builder } = scope;
  const exit = builder.newBlock();
  for (let round = 0; round < count && builder.reachable; round += 1) {
    lowerRound(scope, loop, exit);
  }
  if (builder.reachable) {
    builder.jump(exit);
  }
  builder.seal(exit);
  continueAt(scope, exit);
}

function lowerRealLoop(scope: Scope, loop: Loop): void {
  const { builder } = scope;
  const [head, exit] = [builder.newBlock(), builder.newBlock()];
  builder.jump(head);
  builder.switchTo(head);
  const test = (goOn: OpenBlock): void => {
    if (loop.condition === undefined) {
      builder.jump(goOn);
    } else {
      lowerCondition(scope, loop.condition, goOn, exit);
    }
  };
  if (loop.postTest) {
    lowerRound(scope, loop, exit);
    if (builder.reachable) {
      test(head);
    }
  } else {
    const body = builder.newBlock();
    test(body);
    builder.seal(body);
    builder.switchTo(body);
    lowerRound(scope, loop, exit);
    if (builder.reachable) {
      builder.jump(head);
    }
  }
  builder.seal(head);
  builder.seal(exit);
  continueAt(scope, exit);
}
