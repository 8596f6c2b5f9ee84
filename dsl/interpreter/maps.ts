/** Map operations of the language on the machine's model maps. */
import type { Expression, Span } from '../compiler/tree/tree.ts';
import { isValueMap, type ValueMap } from '../machine/maps.ts';
import type { IntLayout } from '../object/layout.ts';
import { laidOut } from './memory.ts';
import type { Run } from './run.ts';
import { InterpreterError, Reference, type Value } from './values.ts';

const INDEX: IntLayout = { kind: 'int', bits: 32, signed: false, order: 'little' };

function mapNamed(run: Run, name: string, span: Span): ValueMap {
  const map = run.maps.get(name);
  if (map === undefined) throw new InterpreterError(span, `there is no map ${name}`);
  if (!isValueMap(map))
    throw new InterpreterError(span, `map ${name} is a ${map.image.kind}, which has no values`);
  return map;
}

function keyOf(run: Run, map: ValueMap, key: Value, span: Span): Uint8Array {
  return laidOut(key, map.image.key ?? INDEX, run.packet, span);
}

/** `key`: the value of the expression's key. */
export function mapLookup(
  run: Run,
  expression: Expression & { kind: 'mapLookup' },
  key: Value,
): Reference | undefined {
  const map = mapNamed(run, expression.map, expression.span);
  const value = map.lookup(keyOf(run, map, key, expression.span), run.machine.cpu);
  return value && new Reference(value, 0, expression.type.of.layout, 'map');
}

/** 0, or a negative errno. */
export function mapUpdate(
  run: Run,
  expression: Expression & { kind: 'mapUpdate' },
  key: Value,
  value: Value,
  flags: bigint,
): bigint {
  const { span } = expression;
  const map = mapNamed(run, expression.map, span);
  const layout = map.image.value;
  if (layout === undefined) {
    throw new InterpreterError(span, `values of map ${expression.map} have no layout`);
  }
  const bytes = laidOut(value, layout, run.packet, span);
  return BigInt(map.update(keyOf(run, map, key, span), bytes, flags, run.machine.cpu));
}

/** 0, or a negative errno. */
export function mapDelete(run: Run, expression: Expression & { kind: 'mapDelete' }, key: Value): bigint {
  const map = mapNamed(run, expression.map, expression.span);
  return BigInt(map.delete(keyOf(run, map, key, expression.span)));
}
