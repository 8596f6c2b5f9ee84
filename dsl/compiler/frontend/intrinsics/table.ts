/** What dsl/lang exports to be called in functions: each name with its translator. */
import type { ts } from 'ts-morph';
import { HELPERS } from '../../../machine/helpers.ts';
import type { Expression } from '../../tree/tree.ts';
import type { Scope } from '../scope.ts';
import { atomic } from './atomics.ts';
import { clock, random } from './clocks.ts';
import { extremum, hint } from './extrema.ts';
import { helper } from './helpers.ts';
import { locked } from './locks.ts';
import { stack } from './packet.ts';

type Translate = (scope: Scope, node: ts.CallExpression) => Expression;

export const INTRINSICS: ReadonlyMap<string, Translate> = new Map<string, Translate>([
  ['min', extremum('min', 'min', false)],
  ['max', extremum('max', 'max', false)],
  ['smin', extremum('smin', 'min', true)],
  ['smax', extremum('smax', 'max', true)],
  ['likely', hint(true)],
  ['unlikely', hint(false)],
  ['stack', stack],
  ['locked', locked],
  ...HELPERS.map((row): [string, Translate] => [row.name, helper(row)]),
]);

/** Methods of the language's own constants. */
export const METHODS: ReadonlyMap<string, Translate> = new Map<string, Translate>([
  ['clock.now', clock('now')],
  ['clock.coarse', clock('coarse')],
  ['clock.ticks', clock('ticks')],
  ['random.u32', random],
  ['atomic.add', atomic('add', false)],
  ['atomic.and', atomic('and', false)],
  ['atomic.or', atomic('or', false)],
  ['atomic.xor', atomic('xor', false)],
  ['atomic.fetchAdd', atomic('add', true)],
  ['atomic.fetchAnd', atomic('and', true)],
  ['atomic.fetchOr', atomic('or', true)],
  ['atomic.fetchXor', atomic('xor', true)],
  ['atomic.exchange', atomic('exchange', true)],
  ['atomic.compareExchange', atomic('compareExchange', true)],
]);
