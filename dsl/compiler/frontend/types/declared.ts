/** Type annotations as the checker reads them: widths in full, references without the memory they point into. */
import { ts } from 'ts-morph';
import type { ProgramKind } from '../../../object/image.ts';
import type { Layout } from '../../../object/layout.ts';
import type { IntType } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import { BOOL, CONTEXT, describe, I32, INTEGERS, type PlainType, U32, VOID } from './types.ts';

export type Declared =
  | IntType
  | PlainType
  | { readonly kind: 'declaredRef'; readonly layout?: Layout }
  | { readonly kind: 'declaredOptional'; readonly layout?: Layout }
  | {
      readonly kind: 'declaredRecord';
      readonly fields: readonly { readonly name: string; readonly type: Declared }[];
    }
  /** The value decides. */
  | { readonly kind: 'inferred' };

/** The contexts of dsl/lang, each with a kind of program that receives it. */
const CONTEXT_KINDS: ReadonlyMap<string, ProgramKind> = new Map([
  ['Skb', 'classifier'],
  ['SocketSkb', 'socketFilter'],
  ['CgroupSkb', 'cgroupSkbEgress'],
  ['Xdp', 'xdp'],
  ['XdpDevmap', 'xdpDevmap'],
]);

const VERDICTS: Readonly<Record<string, IntType>> = { TcVerdict: I32, XdpVerdict: U32, CgroupVerdict: U32 };

/** A kind of program that receives the context that an annotation names, if it names one. */
export function contextKind(session: Session, node: ts.TypeNode | undefined): ProgramKind | undefined {
  const symbol = node && ts.isTypeReferenceNode(node) ? session.symbol(node.typeName) : undefined;
  return symbol && session.declaresLanguage(symbol) ? CONTEXT_KINDS.get(symbol.name) : undefined;
}

const INFERRED: Declared = { kind: 'inferred' };

function readMembers(session: Session, members: readonly ts.TypeElement[]): Declared {
  const fields = members.map((member) => {
    if (!ts.isPropertySignature(member) || member.questionToken || !ts.isIdentifier(member.name))
      return undefined;
    return { name: member.name.text, type: declaredType(session, member.type) };
  });
  const known = fields.filter((field) => field !== undefined);
  return known.length === fields.length ? { kind: 'declaredRecord', fields: known } : INFERRED;
}

function readUnion(session: Session, node: ts.UnionTypeNode): Declared {
  const rest = node.types.filter((part) => part.kind !== ts.SyntaxKind.UndefinedKeyword);
  const [only] = rest;
  if (only === undefined || rest.length === node.types.length) return INFERRED;
  const of = rest.length === 1 ? declaredType(session, only) : INFERRED;
  if (of.kind === 'declaredRef')
    return of.layout ? { kind: 'declaredOptional', layout: of.layout } : { kind: 'declaredOptional' };
  if (of.kind === 'inferred') return { kind: 'declaredOptional' };
  if (of.kind === 'declaredOptional') return of;
  const type = of.kind === 'declaredRecord' ? 'a record' : describe(of);
  return session.refuse('N2010', node, { type });
}

/** `Ref<typeof IPv4>`. */
function readRef(session: Session, node: ts.TypeReferenceNode): Declared {
  const [argument] = node.typeArguments ?? [];
  const symbol = argument && ts.isTypeQueryNode(argument) ? session.symbol(argument.exprName) : undefined;
  const entity = symbol && session.entity(symbol, node);
  return entity?.kind === 'layout' ? { kind: 'declaredRef', layout: entity.layout } : { kind: 'declaredRef' };
}

function readLanguageName(session: Session, node: ts.TypeReferenceNode, name: string): Declared {
  const type = INTEGERS[name];
  if (type !== undefined) return type;
  const verdict = VERDICTS[name];
  if (verdict !== undefined) return verdict;
  if (CONTEXT_KINDS.has(name)) return CONTEXT;
  if (name === 'Ref') return readRef(session, node);
  const [argument] = node.typeArguments ?? [];
  return name === 'Readonly' && argument ? declaredType(session, argument) : INFERRED;
}

function readReference(session: Session, node: ts.TypeReferenceNode): Declared {
  const symbol = session.symbol(node.typeName);
  if (symbol === undefined) return INFERRED;
  if (session.declaresLanguage(symbol)) return readLanguageName(session, node, symbol.name);
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined) return INFERRED;
  if (ts.isTypeAliasDeclaration(declaration) && declaration.typeParameters === undefined)
    return declaredType(session, declaration.type);
  if (ts.isInterfaceDeclaration(declaration) && !declaration.typeParameters && !declaration.heritageClauses)
    return readMembers(session, declaration.members);
  return INFERRED;
}

function readTuple(session: Session, node: ts.TupleTypeNode): Declared {
  const fields = node.elements.map((element, index) => ({
    name: String(index),
    type: declaredType(session, ts.isNamedTupleMember(element) ? element.type : element),
  }));
  return { kind: 'declaredRecord', fields };
}

/** What an annotation says; without one, or where it says nothing about widths, the value decides. */
export function declaredType(session: Session, node: ts.TypeNode | undefined): Declared {
  if (node === undefined) return INFERRED;
  if (ts.isTypeReferenceNode(node)) return readReference(session, node);
  if (ts.isParenthesizedTypeNode(node)) return declaredType(session, node.type);
  if (ts.isTypeOperatorNode(node)) return declaredType(session, node.type);
  if (ts.isTypeLiteralNode(node)) return readMembers(session, node.members);
  if (ts.isTupleTypeNode(node)) return readTuple(session, node);
  if (ts.isUnionTypeNode(node)) return readUnion(session, node);
  switch (node.kind) {
    case ts.SyntaxKind.BooleanKeyword:
      return BOOL;
    case ts.SyntaxKind.VoidKeyword:
      return VOID;
    default:
      return INFERRED;
  }
}
