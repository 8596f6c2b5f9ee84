/** What the parameters of a function receive: the arguments at their types, and defaults for those that are not given. */
import type { ts } from 'ts-morph';
import type { OptionalType, Type } from '../tree/tree.ts';
import { describeEntity, type Entity, type FunctionSource } from './entities.ts';
import type { Scope } from './scope.ts';
import type { Session } from './session.ts';
import { coerce, convertTo } from './types/coerce.ts';
import { type Declared, declaredType } from './types/declared.ts';
import { describe, UNKNOWN_OPTIONAL } from './types/types.ts';

/** BPF passes arguments in r1 to r5. */
const LARGEST_SUBPROGRAM = 5;

/** The type of an `undefined` that points nowhere, so that any memory will do: of the declared layout, if there is one. */
export function absent(declared: Declared): OptionalType {
  if (declared.kind !== 'declaredOptional' || !declared.layout) return UNKNOWN_OPTIONAL;
  return { kind: 'optional', of: { kind: 'ref', layout: declared.layout, space: 'stack' } };
}

/** The declared type of a parameter; of an optional one, `T | undefined`. */
export function parameterType(session: Session, parameter: ts.ParameterDeclaration): Declared {
  const declared = declaredType(session, parameter.type);
  if (!parameter.questionToken) return declared;
  switch (declared.kind) {
    case 'declaredRef':
      return { ...declared, kind: 'declaredOptional' };
    case 'inferred':
      return { kind: 'declaredOptional' };
    case 'declaredOptional':
      return declared;
    default:
      return session.refuse('N2010', parameter, { type: 'an integer or a record' });
  }
}

/** What a parameter receives that no argument is given for. */
function missing(
  caller: Scope,
  source: FunctionSource,
  parameter: ts.ParameterDeclaration,
): Entity | undefined {
  if (parameter.initializer) {
    // A default sees the module's names, and those around a function inside a function, but no other parameter.
    const scope = source.within ?? caller;
    return scope.entity(parameter.initializer);
  }
  if (!parameter.questionToken) return undefined;
  return {
    kind: 'value',
    value: { kind: 'undefined', type: UNKNOWN_OPTIONAL, span: caller.span(parameter) },
  };
}

/** Arguments at the types of the parameters; what is no value stays as it is. */
export function place(
  caller: Scope,
  source: FunctionSource,
  given: readonly Entity[],
  call: ts.CallExpression,
): Entity[] {
  const { session } = caller;
  return source.node.parameters.flatMap((parameter, index): Entity[] => {
    const entity = given[index] ?? missing(caller, source, parameter);
    if (entity === undefined) return [];
    const node = call.arguments[index] ?? call;
    if (entity.kind !== 'value') {
      if (source.noinline) caller.refuse('N5003', node, { type: describeEntity(entity) });
      return [entity];
    }
    const declared = parameterType(session, parameter);
    const value = coerce(session, entity.value, declared, node);
    if (value.type !== UNKNOWN_OPTIONAL) return [{ kind: 'value', value }];
    const type = absent(declared);
    if (type === UNKNOWN_OPTIONAL) return [{ kind: 'value', value }];
    return [{ kind: 'value', value: convertTo(session, value, type, node) }];
  });
}

/** Whether a subprogram can take or give a value of this type: one register, of which the verifier need know nothing. */
export const isRegister = ({ kind }: Type): boolean =>
  kind === 'int' || kind === 'bool' || kind === 'context' || kind === 'void';

export function checkParameters(session: Session, source: FunctionSource, given: readonly Entity[]): void {
  for (const parameter of source.node.parameters)
    if (parameter.dotDotDotToken) session.refuse('N1008', parameter);
  if (!source.noinline) return;
  if (given.length > LARGEST_SUBPROGRAM)
    session.refuse('N5002', source.node, { name: source.name, count: String(given.length) });
  for (const entity of given)
    if (entity.kind === 'value' && !isRegister(entity.value.type))
      session.refuse('N5003', source.node, { type: describe(entity.value.type) });
}
