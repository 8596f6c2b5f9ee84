/** Tail calls, and regions that hold a spin lock. */
import { MAP_HELPERS } from '../../machine/helpers.ts';
import type { Expression } from '../tree/tree.ts';
import { lowerCall } from './calls.ts';
import { contextOf, lowerReference, lowerScalar } from './expressions.ts';
import { mapAddress } from './maps.ts';
import { mapNamed, type Scope } from './scope.ts';
import { addressOf, type Value, VOID } from './values.ts';

/** bpf_tail_call, which comes back only where it fails. */
export function lowerTailCall(scope: Scope, expression: Expression & { kind: 'tailCall' }): Value {
  const context = contextOf(scope, expression);
  const index = lowerScalar(scope, expression.index);
  const programs = mapAddress(scope, mapNamed(scope, expression.map, expression.span));
  scope.builder.emitEffect({
    op: 'helper',
    id: MAP_HELPERS.tailCall,
    name: 'bpf_tail_call',
    arguments: [context, programs, typeof index === 'bigint' ? index : scope.builder.zext(index)],
    invalidatesPacket: true,
    pure: false,
  });
  return VOID;
}

function callOnLock(scope: Scope, id: number, name: string, lock: ReturnType<typeof addressOf>): void {
  scope.builder.emitEffect({
    op: 'helper',
    id,
    name,
    arguments: [lock],
    invalidatesPacket: false,
    pure: false,
  });
}

/** The body inlined between bpf_spin_lock and bpf_spin_unlock. */
export function lowerLocked(scope: Scope, expression: Expression & { kind: 'locked' }): Value {
  const { body, type, span } = expression;
  const lock = addressOf(scope, lowerReference(scope, expression.lock));
  callOnLock(scope, MAP_HELPERS.spinLock, 'bpf_spin_lock', lock);
  const value = lowerCall(scope, { kind: 'call', type, function: body, arguments: [], span });
  callOnLock(scope, MAP_HELPERS.spinUnlock, 'bpf_spin_unlock', lock);
  return value;
}
