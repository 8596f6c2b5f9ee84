/** Syntax without a meaning in the language, refused wherever it stands, in functions that nothing calls too. */
import { ts } from 'ts-morph';
import { diagnostic } from '../../diagnostics/diagnostic.ts';
import type { DiagnosticCode } from '../../diagnostics/table.ts';
import type { Session } from '../session.ts';

const K = ts.SyntaxKind;

interface Refused {
  readonly code: DiagnosticCode;
  readonly details?: Readonly<Record<string, string>>;
}

const operator = (text: string): Refused => ({ code: 'N1009', details: { operator: text } });

const BY_KIND: ReadonlyMap<ts.SyntaxKind, Refused> = new Map<ts.SyntaxKind, Refused>([
  [K.ClassDeclaration, { code: 'N1002' }],
  [K.ClassExpression, { code: 'N1002' }],
  [K.ThisKeyword, { code: 'N1002' }],
  [K.NewExpression, operator('new')],
  [K.AwaitExpression, { code: 'N1003' }],
  [K.YieldExpression, { code: 'N1003' }],
  [K.AnyKeyword, { code: 'N1004' }],
  [K.StringLiteral, { code: 'N1005' }],
  [K.NoSubstitutionTemplateLiteral, { code: 'N1005' }],
  [K.TemplateExpression, { code: 'N1005' }],
  [K.TaggedTemplateExpression, { code: 'N1005' }],
  [K.RegularExpressionLiteral, { code: 'N1005' }],
  [K.TryStatement, { code: 'N1007' }],
  [K.ThrowStatement, { code: 'N1007' }],
  [K.SpreadElement, { code: 'N1008' }],
  [K.DeleteExpression, operator('delete')],
  [K.TypeOfExpression, operator('typeof')],
  [K.VoidExpression, operator('void')],
  [K.NonNullExpression, { code: 'N1010' }],
  [K.TypeAssertionExpression, { code: 'N1010' }],
  [K.NullKeyword, { code: 'N1012' }],
  [K.ForInStatement, { code: 'N1001', details: { syntax: 'for..in' } }],
  [K.WithStatement, { code: 'N1001', details: { syntax: 'with' } }],
  [K.DebuggerStatement, { code: 'N1001', details: { syntax: 'debugger' } }],
  [K.Decorator, { code: 'N1001', details: { syntax: 'a decorator' } }],
]);

const BY_OPERATOR: ReadonlyMap<ts.SyntaxKind, Refused> = new Map<ts.SyntaxKind, Refused>([
  [K.EqualsEqualsToken, { code: 'N1006', details: { operator: '==', strict: '===' } }],
  [K.ExclamationEqualsToken, { code: 'N1006', details: { operator: '!=', strict: '!==' } }],
  [K.InKeyword, operator('in')],
  [K.InstanceOfKeyword, operator('instanceof')],
  [K.AsteriskAsteriskToken, operator('**')],
]);

/** Strings that name something: import paths, types, field names, the fields of atomics. */
function isName(node: ts.StringLiteral): boolean {
  const { parent } = node;
  if (ts.isPropertyAssignment(parent)) return parent.name === node;
  if (ts.isCallExpression(parent))
    return parent.expression !== node && ts.isPropertyAccessExpression(parent.expression);
  return (
    ts.isImportDeclaration(parent) ||
    ts.isExportDeclaration(parent) ||
    ts.isLiteralTypeNode(parent) ||
    ts.isExpressionStatement(parent)
  );
}

const isJumpedOutOf = (node: ts.Statement): boolean =>
  ts.isIterationStatement(node, false) || ts.isSwitchStatement(node);

function refusal(node: ts.Node): Refused | undefined {
  if (ts.isBinaryExpression(node)) return BY_OPERATOR.get(node.operatorToken.kind);
  if (ts.isStringLiteral(node) && isName(node)) return undefined;
  if (ts.isAsExpression(node)) return ts.isConstTypeReference(node.type) ? undefined : { code: 'N1010' };
  if (ts.isVariableDeclarationList(node) && !(node.flags & ts.NodeFlags.BlockScoped))
    return { code: 'N1017' };
  const isAsync = (part: ts.Node) => part.kind === K.AsyncKeyword;
  if (ts.isFunctionLike(node) && ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(isAsync))
    return { code: 'N1003' };
  if (ts.isFunctionDeclaration(node) && node.asteriskToken) return { code: 'N1003' };
  if (ts.isBindingElement(node) && node.initializer) return { code: 'N1022' };
  if (ts.isLabeledStatement(node) && !isJumpedOutOf(node.statement))
    return { code: 'N1001', details: { syntax: 'a label of what is no loop or switch' } };
  return BY_KIND.get(node.kind);
}

/** Reports every such construct below a node; what lies inside one is not looked at. */
export function refuseSyntax(session: Session, node: ts.Node): void {
  const found = session.unproven && ts.isNonNullExpression(node) ? undefined : refusal(node);
  if (found !== undefined) {
    session.report(diagnostic(found.code, session.span(node), found.details));
    return;
  }
  ts.forEachChild(node, (child) => refuseSyntax(session, child));
}

const allowedAtTop = (node: ts.Statement): boolean =>
  ts.isImportDeclaration(node) ||
  ts.isExportDeclaration(node) ||
  ts.isFunctionDeclaration(node) ||
  ts.isInterfaceDeclaration(node) ||
  ts.isTypeAliasDeclaration(node) ||
  ts.isEnumDeclaration(node) ||
  ts.isVariableStatement(node) ||
  ts.isEmptyStatement(node) ||
  ts.isClassDeclaration(node);

/** Declarations that other modules of TypeScript have. */
function foreign(node: ts.Statement): string | undefined {
  if (ts.isExportAssignment(node)) return 'a default export';
  return ts.isModuleDeclaration(node) ? 'a namespace' : undefined;
}

/** Reports statements that only a running module would reach. */
export function refuseTopLevel(session: Session, file: ts.SourceFile): void {
  for (const node of file.statements) {
    if (allowedAtTop(node)) continue;
    const syntax = foreign(node);
    const span = session.span(node);
    session.report(syntax === undefined ? diagnostic('N1021', span) : diagnostic('N1001', span, { syntax }));
  }
}
