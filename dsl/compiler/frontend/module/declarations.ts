/** What each module-level declaration stands for. */
import { ts } from 'ts-morph';
import { PROGRAM_TYPES, type ProgramKind } from '../../../object/image.ts';
import type { Entity, FunctionSource } from '../entities.ts';
import { Scope } from '../scope.ts';
import type { Session } from '../session.ts';
import { SPIN_LOCK } from '../types/types.ts';
import { constant, declaredLiteral, enumMember } from './constants.ts';
import { initialBytes } from './initial.ts';
import { integerLayout, LARGEST, layoutCall, layoutOf } from './layouts.ts';
import { MAP_CONSTRUCTORS, mapImage, refuseLocks } from './maps.ts';
import { checkName, LONGEST_NAME } from './names.ts';

/** The function that makes a program has its kind's name. */
const isProgramKind = (name: string): name is ProgramKind => Object.hasOwn(PROGRAM_TYPES, name);

function isModuleLevel(node: ts.VariableDeclaration): boolean {
  return ts.isVariableStatement(node.parent.parent) && ts.isSourceFile(node.parent.parent.parent);
}

function addFunction(
  session: Session,
  name: string,
  node: FunctionSource['node'],
  noinline = false,
): FunctionSource {
  if (node.asteriskToken || node.modifiers?.some((one) => one.kind === ts.SyntaxKind.AsyncKeyword))
    session.refuse('N1003', node);
  const source = { id: session.functionId(), name, node, noinline };
  session.functions.push(source);
  return source;
}

const isFunction = (node: ts.Expression): node is ts.ArrowFunction | ts.FunctionExpression =>
  ts.isArrowFunction(node) || ts.isFunctionExpression(node);

function functionArgument(
  scope: Scope,
  name: string,
  node: ts.CallExpression,
  noinline: boolean,
): FunctionSource {
  const [body] = node.arguments;
  if (body !== undefined && isFunction(body)) return addFunction(scope.session, name, body, noinline);
  const named = body !== undefined && (ts.isIdentifier(body) || ts.isPropertyAccessExpression(body));
  const entity = named ? scope.entity(body) : undefined;
  if (entity?.kind !== 'function') return scope.refuse('N5004', node, { name });
  if (!noinline) return entity.source;
  return addFunction(scope.session, name, entity.source.node, true);
}

function unique(
  session: Session,
  what: string,
  taken: readonly { readonly name: string }[],
  node: ts.Identifier,
) {
  if (taken.some((one) => one.name === node.text)) session.refuse('N3009', node, { what, name: node.text });
}

function section(scope: Scope, name: ts.Identifier, node: ts.CallExpression, isGlobal: boolean): Entity {
  const { session } = scope;
  const [given, values] = node.arguments;
  const layout = given && layoutOf(scope, given, name.text);
  if (layout?.kind !== 'struct') return scope.refuse('N3006', node, { name: name.text });
  checkName(session, name, LONGEST_NAME.symbol);
  refuseLocks(scope, layout, isGlobal ? 'a global' : 'settings', node);
  const taken = Object.values(session.sections).flatMap((placed) => placed.map(({ variable }) => variable));
  unique(session, 'the variables', taken, name);
  const initial = values && initialBytes(scope, values, layout);
  const at = isGlobal ? (initial ? '.data' : '.bss') : '.rodata';
  const offset = session.place(at, name.text, layout, initial);
  if (offset + layout.size > LARGEST)
    scope.refuse('N3022', node, {
      what: `'${name.text}' and those before it`,
      bytes: String(offset + layout.size),
    });
  return {
    kind: 'value',
    value: {
      kind: 'global',
      type: { kind: 'ref', layout, space: isGlobal ? 'global' : 'settings' },
      section: at,
      name: name.text,
      offset,
      span: session.span(name),
    },
  };
}

/** Whether the module exports the constant, where it is declared or by `export { name }`. */
function isExported(node: ts.VariableDeclaration, name: ts.Identifier): boolean {
  if (ts.getCombinedModifierFlags(node) & ts.ModifierFlags.Export) return true;
  return node
    .getSourceFile()
    .statements.some(
      (statement) =>
        ts.isExportDeclaration(statement) &&
        !statement.moduleSpecifier &&
        !statement.isTypeOnly &&
        statement.exportClause !== undefined &&
        ts.isNamedExports(statement.exportClause) &&
        statement.exportClause.elements.some(
          (one) => !one.isTypeOnly && (one.propertyName ?? one.name).text === name.text,
        ),
    );
}

/** A constant made by a call of what dsl/lang exports; undefined for any other call. */
function constructed(
  scope: Scope,
  node: ts.VariableDeclaration,
  name: ts.Identifier,
  made: ts.CallExpression,
): Entity | undefined {
  const { session } = scope;
  const callee = ts.isIdentifier(made.expression) ? scope.entity(made.expression) : undefined;
  if (callee?.kind !== 'intrinsic') return undefined;
  const mapKind = MAP_CONSTRUCTORS.get(callee.name);
  if (mapKind !== undefined) {
    checkName(session, name, LONGEST_NAME.object);
    unique(session, 'the maps', session.maps, name);
    const map = mapImage(scope, name.text, mapKind, made);
    session.maps.push(map);
    return { kind: 'map', map };
  }
  if (isProgramKind(callee.name)) {
    checkName(session, name, LONGEST_NAME.object);
    unique(session, 'the programs', session.programs, name);
    if (!isExported(node, name)) scope.refuse('N5001', name, { name: name.text });
    const source = {
      name: name.text,
      kind: callee.name,
      body: functionArgument(scope, name.text, made, false),
      node,
    };
    session.programs.push(source);
    return { kind: 'program', source };
  }
  if (callee.name === 'global' || callee.name === 'settings')
    return section(scope, name, made, callee.name === 'global');
  if (callee.name === 'noinline') {
    // Several instances of one function get a number each.
    checkName(session, name, LONGEST_NAME.symbol - 4);
    return { kind: 'function', source: functionArgument(scope, name.text, made, true) };
  }
  const layout = layoutCall(scope, made, name.text);
  if (layout?.kind === 'struct') checkName(session, name, LONGEST_NAME.symbol);
  return layout && { kind: 'layout', layout };
}

function variable(session: Session, node: ts.VariableDeclaration): Entity | undefined {
  const scope = new Scope(session, { kind: 'inferred' });
  if (!ts.isIdentifier(node.name))
    return session.refuse('N1001', node, { syntax: 'a pattern at module level' });
  if (!isModuleLevel(node)) return undefined;
  if (!(node.parent.flags & ts.NodeFlags.Const)) return session.refuse('N1016', node);
  const { initializer } = node;
  if (initializer === undefined) return session.refuse('N1016', node);
  if (isFunction(initializer))
    return { kind: 'function', source: addFunction(session, node.name.text, initializer) };
  const made = ts.isCallExpression(initializer)
    ? constructed(scope, node, node.name, initializer)
    : undefined;
  return made ?? constant(scope, node, initializer);
}

/** A name that dsl/lang declares: a literal, a big-endian field, or something that the compiler lowers itself. */
function language(session: Session, node: ts.Declaration): Entity | undefined {
  const name = ts.getNameOfDeclaration(node);
  if (name === undefined || !ts.isIdentifier(name)) return undefined;
  const literal = ts.isVariableDeclaration(node) ? declaredLiteral(session, node) : undefined;
  if (literal !== undefined) return literal;
  if (name.text === 'spinLock') return { kind: 'layout', layout: SPIN_LOCK };
  const layout = name.text.startsWith('be') ? integerLayout(name.text) : undefined;
  return layout ? { kind: 'layout', layout } : { kind: 'intrinsic', name: name.text };
}

/** What a declaration stands for, or undefined when it is none of the module level. */
export function declaration(session: Session, node: ts.Declaration): Entity | undefined {
  if (session.isLanguage(node.getSourceFile().fileName)) return language(session, node);
  if (ts.isVariableDeclaration(node)) return variable(session, node);
  if (ts.isEnumMember(node)) return enumMember(session, node);
  if (ts.isFunctionDeclaration(node) && ts.isSourceFile(node.parent))
    return { kind: 'function', source: addFunction(session, node.name?.text ?? 'default', node) };
  return undefined;
}
