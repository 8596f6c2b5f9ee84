/**
 * Clocks and randomness. For the kernel they are helpers. A test build reads them from the variable `__seams` at the
 * end of `.bss`, so that a run can be repeated exactly:
 *
 *   offset 0   u64  now     what clock.now() gives, ns
 *   offset 8   u64  coarse  what clock.coarse() gives, ns
 *   offset 16  u64  ticks   what clock.ticks() gives
 *   offset 24  u32  random  what random.u32() gives next; each use then sets it to
 *                           random * 1664525 + 1013904223 modulo 2^32 (Numerical Recipes' generator)
 */
import { helperByName } from '../../machine/helpers.ts';
import type { SectionImage } from '../../object/image.ts';
import { layoutStruct, sizeOf } from '../../object/layout.ts';
import type { Operand } from '../ir/ir.ts';
import type { Expression, ModuleTree } from '../tree/tree.ts';
import { loadInteger, storeInteger } from './memory.ts';
import { LoweringError, type Scope } from './scope.ts';
import { scalar, type Value } from './values.ts';

export const SEAMS_VARIABLE = '__seams';
export const SEAMS_SECTION: SectionImage['name'] = '.bss';

/** ns, a power of two near a tick of 250 Hz. */
const COARSE_TICK = 1n << 22n;

const u64 = { kind: 'int', bits: 64, signed: false, order: 'little' } as const;
const u32 = { kind: 'int', bits: 32, signed: false, order: 'little' } as const;

export const SEAMS_LAYOUT = layoutStruct(SEAMS_VARIABLE, [
  { name: 'now', layout: u64 },
  { name: 'coarse', layout: u64 },
  { name: 'ticks', layout: u64 },
  { name: 'random', layout: u32 },
]);

/** The generator that stands in for randomness: the state after `state`. */
export const nextRandom = (state: number): number => (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;

/** The module with `__seams` in its `.bss`; what is lowered with `seams: 'memory'` needs it. */
export function withSeams(module: ModuleTree): ModuleTree {
  const section = module.sections.find(({ name }) => name === SEAMS_SECTION);
  if (section?.variables.some(({ name }) => name === SEAMS_VARIABLE)) {
    return module;
  }
  const used = section?.size ?? 0;
  const offset = Math.ceil(used / SEAMS_LAYOUT.alignment) * SEAMS_LAYOUT.alignment;
  const size = offset + sizeOf(SEAMS_LAYOUT);
  const initial = section?.initial === undefined ? undefined : new Uint8Array(size);
  initial?.set(section?.initial ?? []);
  const extended: SectionImage = {
    name: SEAMS_SECTION,
    variables: [...(section?.variables ?? []), { name: SEAMS_VARIABLE, offset, layout: SEAMS_LAYOUT }],
    size,
    ...(initial === undefined ? {} : { initial }),
  };
  return { ...module, sections: [...module.sections.filter((other) => other !== section), extended] };
}

type Which = (Expression & { kind: 'clock' })['which'];

function seam(scope: Scope, name: Which | 'random', expression: Expression) {
  const variable = scope.module.sections
    .find((section) => section.name === SEAMS_SECTION)
    ?.variables.find((candidate) => candidate.name === SEAMS_VARIABLE);
  const field = SEAMS_LAYOUT.fields.find((candidate) => candidate.name === name);
  if (variable === undefined || field === undefined) {
    throw new LoweringError(expression.span, 'seams in memory need a module made by withSeams');
  }
  return {
    kind: 'reference',
    base: { kind: 'section', section: SEAMS_SECTION },
    offset: variable.offset + field.offset,
    region: 'global',
    layout: field.layout,
  } as const;
}

function readHelper(scope: Scope, name: string, expression: Expression): Operand {
  const row = helperByName.get(name);
  if (row === undefined) {
    throw new LoweringError(expression.span, `the helper table has no ${name}`);
  }
  return scope.builder.emit(
    {
      op: 'helper',
      id: row.id,
      name: row.kernelName,
      arguments: [],
      invalidatesPacket: false,
      pure: row.pure === true,
    },
    64,
  );
}

export function lowerClock(scope: Scope, expression: Expression & { kind: 'clock' }): Value {
  const { which } = expression;
  if (scope.seams === 'memory') {
    return scalar(loadInteger(scope, seam(scope, which, expression), u64));
  }
  if (which === 'now') return scalar(readHelper(scope, 'ktimeGetNs', expression));
  if (which === 'ticks') return scalar(readHelper(scope, 'jiffies64', expression));
  if (scope.baseline !== '5.10') return scalar(readHelper(scope, 'ktimeGetCoarseNs', expression));
  // Behind the exact clock by up to a tick, as the coarse one is (kernel/time/timekeeping.c, ktime_get_coarse).
  const exact = readHelper(scope, 'ktimeGetNs', expression);
  return scalar(scope.builder.binary('and', 64, exact, BigInt.asUintN(64, ~(COARSE_TICK - 1n))));
}

export function lowerRandom(scope: Scope, expression: Expression): Value {
  const { builder } = scope;
  if (scope.seams === 'kernel') {
    return scalar(builder.trunc(readHelper(scope, 'getPrandomU32', expression)));
  }
  const state = seam(scope, 'random', expression);
  const value = loadInteger(scope, state, u32);
  const next = builder.binary('add', 32, builder.binary('mul', 32, value, 1_664_525n), 1_013_904_223n);
  storeInteger(scope, state, u32, next);
  return scalar(value);
}
