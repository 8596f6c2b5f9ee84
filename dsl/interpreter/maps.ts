/** Map operations of the language on the machine's model maps. */
import type { Expression, Span } from '../compiler/tree/tree.ts';
import { isValueMap, type ModelMap, type ValueMap } from '../machine/maps.ts';
import { MapOfMaps } from '../machine/reference-maps.ts';
import type { IntLayout } from '../object/layout.ts';
import { laidOut } from './memory.ts';
import type { Run } from './run.ts';
import { InnerMap, InterpreterError, Reference, type Value } from './values.ts';

type MapOperation = Expression & { kind: 'mapLookup' | 'mapUpdate' | 'mapDelete' };

const INDEX: IntLayout = { kind: 'int', bits: 32, signed: false, order: 'little' };

/** The map of an operation: the one of its name, or the inner one that `on` is a reference to. */
function mapOf(run: Run, { map: name, span }: MapOperation, on: Value): ModelMap {
  const map = on instanceof InnerMap ? on.map : run.maps.get(name);
  if (map === undefined) throw new InterpreterError(span, `there is no map ${name}`);
  return map;
}

function valueMapOf(run: Run, operation: MapOperation, on: Value): ValueMap {
  const map = mapOf(run, operation, on);
  const { map: name, span } = operation;
  if (!isValueMap(map))
    throw new InterpreterError(span, `map ${name} is a ${map.image.kind}, which has no values`);
  return map;
}

function keyOf(run: Run, map: ModelMap, key: Value, span: Span): Uint8Array {
  return laidOut(key, map.image.key ?? INDEX, run.packet, span);
}

/** `key`: the value of the expression's key. */
export function mapLookup(
  run: Run,
  expression: Expression & { kind: 'mapLookup' },
  key: Value,
  on: Value,
): Reference | InnerMap | undefined {
  const outer = mapOf(run, expression, on);
  if (outer instanceof MapOfMaps) {
    const inner = outer.lookup(keyOf(run, outer, key, expression.span));
    return inner && new InnerMap(inner);
  }
  const map = valueMapOf(run, expression, on);
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
  on: Value,
): bigint {
  const { span } = expression;
  const map = valueMapOf(run, expression, on);
  const layout = map.image.value;
  if (layout === undefined) {
    throw new InterpreterError(span, `values of map ${expression.map} have no layout`);
  }
  const bytes = laidOut(value, layout, run.packet, span);
  return BigInt(map.update(keyOf(run, map, key, span), bytes, flags, run.machine.cpu));
}

/** 0, or a negative errno. */
export function mapDelete(
  run: Run,
  expression: Expression & { kind: 'mapDelete' },
  key: Value,
  on: Value,
): bigint {
  const map = valueMapOf(run, expression, on);
  return BigInt(map.delete(keyOf(run, map, key, expression.span)));
}
