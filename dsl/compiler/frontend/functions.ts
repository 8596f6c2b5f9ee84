/**
 * Functions. Calls are inlined later, so each tuple of argument types, references with the memory they point into
 * included, makes a function tree of its own. Layouts, maps and functions as arguments are bound and not passed.
 */
import { ts } from 'ts-morph';
import type { Layout } from '../../object/layout.ts';
import type { Expression, FunctionTree, Span, Statement, Type, Variable } from '../tree/tree.ts';
import { describeEntity, type Entity, type FunctionSource } from './entities.ts';
import { absent, checkParameters, isRegister, parameterType, place } from './parameters.ts';
import { Refusal } from './refusal.ts';
import { type PendingReturn, Scope } from './scope.ts';
import type { Session } from './session.ts';
import { returned } from './statements/branches.ts';
import { completes } from './statements/completion.ts';
import { destructure } from './statements/destructure.ts';
import { convertTo, join, refuseJoin } from './types/coerce.ts';
import { contextKind, type Declared, declaredType } from './types/declared.ts';
import { isFree } from './types/literals.ts';
import { CONTEXT, describe, sameType, U32, UNKNOWN_OPTIONAL, VOID } from './types/types.ts';

interface MutableFunction {
  readonly name: string;
  readonly parameters: readonly Variable[];
  readonly noinline: boolean;
  readonly span: Span;
  returnType: Type;
  body: readonly Statement[];
}

function layoutKey(session: Session, layout: Layout): string {
  return layout.kind === 'int'
    ? `${layout.order}${layout.bits}${layout.signed}`
    : `#${session.identity(layout)}`;
}

function typeKey(session: Session, type: Type): string {
  switch (type.kind) {
    case 'ref':
      return `${type.space}:${layoutKey(session, type.layout)}`;
    case 'optional':
      return `${typeKey(session, type.of)}?`;
    case 'record':
      return `{${type.fields.map((field) => `${field.name}=${typeKey(session, field.type)}`).join()}}`;
    default:
      return describe(type);
  }
}

function entityKey(session: Session, entity: Entity): string {
  switch (entity.kind) {
    case 'value':
      return typeKey(session, entity.value.type);
    case 'layout':
      return `layout ${layoutKey(session, entity.layout)}`;
    case 'map':
      return `map ${entity.map.name}`;
    case 'function':
      return `function ${entity.source.id}`;
    case 'program':
      return `program ${entity.source.name}`;
    case 'intrinsic':
      return entity.name;
  }
}

/** Binds parameters; patterns are taken apart at the start of the body. */
function bindParameters(scope: Scope, source: FunctionSource, given: readonly Entity[]) {
  const parameters: Variable[] = [];
  const prologue: Statement[] = [];
  given.forEach((entity, index) => {
    const parameter = source.node.parameters[index];
    if (parameter === undefined) return;
    const { name } = parameter;
    if (entity.kind !== 'value') {
      if (ts.isIdentifier(name)) scope.bind(name, entity);
      else scope.refuse('N1019', name, { what: describeEntity(entity) });
    } else if (ts.isIdentifier(name)) parameters.push(scope.variable(name, entity.value.type));
    else {
      const variable = scope.session.variable(`parameter${index}`, entity.value.type);
      parameters.push(variable);
      prologue.push(...destructure(scope, name, scope.use(variable, name), true));
    }
  });
  return { parameters, prologue };
}

/** An expression body: a return of it, or a statement where it gives nothing. */
function expressionBody(scope: Scope, body: ts.Expression): Statement[] {
  const span = scope.span(body);
  const value = scope.value(body);
  if (value.type.kind === 'void' || scope.declaredReturn.kind === 'void')
    return [{ kind: 'expression', expression: value, span }];
  const statement = {
    kind: 'return',
    value: returned(scope, value, body),
    span,
  } as const;
  scope.returns.push({ node: body, statement });
  return [statement];
}

function body(scope: Scope, source: FunctionSource): Statement[] {
  const node = source.node.body;
  if (node === undefined)
    return scope.refuse('N1020', source.node, { what: `'${source.name}', which has no body` });
  if (ts.isBlock(node)) return scope.statements(node.statements);
  return scope.session.attempt(() => expressionBody(scope, node)) ?? [];
}

/** The types of returned values; literals take a signed type where another value has one. */
function typesOf(values: readonly Expression[]): Type[] {
  const literals = values.filter(isFree);
  const others = values.filter((value) => !isFree(value)).map((value) => value.type);
  const signed = [...literals.map((value) => value.type), ...others].find(
    (type) => type.kind === 'int' && type.signed && type.bits >= 32,
  );
  return [...others, ...literals.map((value) => signed ?? value.type)];
}

/** The type of all returned values; where some path returns none, a reference may be undefined. */
function returnedType(scope: Scope, failed: boolean): Type {
  const { session, returns, declaredReturn } = scope;
  const values = returns.flatMap(({ statement }) => (statement.value ? [statement.value] : []));
  const types = typesOf(values);
  const [first, ...rest] = types;
  const last = returns.at(-1)?.node;
  if (first === undefined || last === undefined) {
    if (failed && declaredReturn.kind !== 'void') throw new Refusal(undefined);
    return VOID;
  }
  const joined = rest.reduce<Type>((a, b) => join(a, b) ?? refuseJoin(session, a, b, last), first);
  const type = joined === UNKNOWN_OPTIONAL ? absent(declaredReturn) : joined;
  // What is refused may have been the return that is missing.
  if (types.length === returns.length || failed) return type;
  return join(type, UNKNOWN_OPTIONAL) ?? session.refuse('N2010', last, { type: describe(type) });
}

/** Converts every returned value to the one type of all. */
function settleReturns(scope: Scope, failed: boolean): Type {
  const type = returnedType(scope, failed);
  for (const { statement, node } of scope.returns) {
    if (statement.value === undefined && type.kind === 'optional')
      statement.value = { kind: 'undefined', type, span: scope.span(node) };
    if (statement.value && (isFree(statement.value) || !sameType(statement.value.type, type)))
      statement.value = convertTo(scope.session, statement.value, type, node);
  }
  return type;
}

/** A body whose end can be reached returns nothing there. */
function completed(scope: Scope, source: FunctionSource, statements: readonly Statement[]): Statement[] {
  if (!statements.every(completes) || !scope.returns.some(({ statement }) => statement.value))
    return [...statements];
  const bare: PendingReturn['statement'] = { kind: 'return', span: scope.span(source.node) };
  scope.returns.push({ node: source.node, statement: bare });
  return [...statements, bare];
}

function build(
  session: Session,
  source: FunctionSource,
  given: readonly Entity[],
  returns?: Declared,
): FunctionTree {
  checkParameters(session, source, given);
  const before = session.refusals;
  const scope = new Scope(session, returns ?? declaredType(session, source.node.type), source.within);
  const { parameters, prologue } = bindParameters(scope, source, given);
  const statements = completed(scope, source, [...prologue, ...body(scope, source)]);
  const returnType = settleReturns(scope, session.refusals > before);
  const tree: MutableFunction = {
    name: source.name,
    parameters,
    returnType,
    body: statements,
    noinline: source.noinline,
    span: session.span(source.node),
  };
  if (source.noinline && !isRegister(returnType))
    session.refuse('N5003', source.node, { type: describe(returnType) });
  return tree;
}

/** The tree of a function for arguments that have their parameters' types; `returns` overrides its annotation. */
export function instantiate(
  session: Session,
  source: FunctionSource,
  given: readonly Entity[],
  at: ts.Node,
  returns?: Declared,
): FunctionTree {
  if (session.active.includes(source)) session.refuse('N1015', at, { name: source.name });
  session.called.add(source);
  // What a context has and which helpers there are depends on the kind of program.
  const key = `${session.kind} ${source.id}(${given.map((entity) => entityKey(session, entity)).join()})`;
  const known = session.instances.get(key);
  if (known !== undefined) return known;
  session.active.push(source);
  try {
    const tree = build(session, source, given, returns);
    session.instances.set(key, tree);
    return tree;
  } finally {
    session.active.pop();
  }
}

/** A call of a function of the program. */
export function call(
  scope: Scope,
  source: FunctionSource,
  given: readonly Entity[],
  node: ts.CallExpression,
): Expression {
  const placed = place(scope, source, given, node);
  const tree = instantiate(scope.session, source, placed, node);
  return {
    kind: 'call',
    type: tree.returnType,
    function: tree,
    arguments: placed.flatMap((entity) => (entity.kind === 'value' ? [entity.value] : [])),
    span: scope.span(node),
  };
}

/** A value of a declared type, for functions that no program calls; undefined where the declaration leaves it open. */
function sample(session: Session, declared: Declared, span: Span): Expression | undefined {
  const of = (type: Type): Expression => ({
    kind: 'variable',
    type,
    variable: session.variable('parameter', type),
    span,
  });
  switch (declared.kind) {
    case 'int':
    case 'bool':
      return of(declared);
    case 'context':
      return of(CONTEXT);
    case 'declaredRef':
      // The memory that allows most: which it is a caller decides, and there is none.
      return declared.layout && of({ kind: 'ref', layout: declared.layout, space: 'map' });
    case 'declaredRecord': {
      const fields = declared.fields.map((field) => ({
        name: field.name,
        type: sample(session, field.type, span)?.type,
      }));
      const known = fields.flatMap(({ name, type }) => (type ? [{ name, type }] : []));
      return known.length === fields.length ? of({ kind: 'record', fields: known }) : undefined;
    }
    default:
      return undefined;
  }
}

const isNumber = (node: ts.TypeNode | undefined): boolean => node?.kind === ts.SyntaxKind.NumberKeyword;

/** Translates a function that nothing has called, so that what it gets wrong is reported all the same. */
export function checkUncalled(session: Session, source: FunctionSource): void {
  const span = session.span(source.node);
  const { parameters } = source.node;
  session.kind = parameters
    .map((parameter) => contextKind(session, parameter.type))
    .find((kind) => kind !== undefined);
  session.attempt(() => {
    const given = parameters.flatMap((parameter): Entity[] => {
      const declared = isNumber(parameter.type) ? U32 : parameterType(session, parameter);
      const value = sample(session, declared, span);
      return value ? [{ kind: 'value', value }] : [];
    });
    if (given.length === parameters.length) instantiate(session, source, given, source.node);
  });
}
