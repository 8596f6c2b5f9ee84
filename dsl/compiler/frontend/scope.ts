/** One function body under translation: what its local names stand for, and the ways into every translator. */
import { ts } from 'ts-morph';
import type { DiagnosticCode } from '../diagnostics/table.ts';
import type { Expression, Span, Statement, Type, Variable } from '../tree/tree.ts';
import { describeEntity, type Entity } from './entities.ts';
import { isPresent } from './program.ts';
import { Refusal } from './refusal.ts';
import type { Session } from './session.ts';
import { settle } from './types/coerce.ts';
import type { Declared } from './types/declared.ts';
import { BOOL, CONTEXT } from './types/types.ts';

/** A `return` whose value gets its final type when all of them are known. */
export interface PendingReturn {
  readonly node: ts.Node;
  readonly statement: { readonly kind: 'return'; readonly span: Span; value?: Expression };
}

const isAnd = (node: ts.Node): boolean =>
  ts.isParenthesizedExpression(node)
    ? isAnd(node.expression)
    : ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.AmpersandAmpersandToken;

type Conditional = Extract<Expression, { kind: 'conditional' }>;

export class Scope {
  readonly session: Session;
  readonly declaredReturn: Declared;
  readonly returns: PendingReturn[] = [];
  private readonly bindings = new Map<ts.Symbol, Entity | 'refused'>();

  /** The scope around a function inside a function, whose names it sees. */
  private readonly outer: Scope | undefined;

  constructor(session: Session, declaredReturn: Declared, outer?: Scope) {
    this.session = session;
    this.declaredReturn = declaredReturn;
    this.outer = outer;
  }

  span(node: ts.Node): Span {
    return this.session.span(node);
  }

  refuse(code: DiagnosticCode, node: ts.Node, details: Readonly<Record<string, string>> = {}): never {
    return this.session.refuse(code, node, details);
  }

  entity(node: ts.Expression): Entity {
    const entity = this.session.within(node, () => this.session.translators.entity(this, node));
    if (entity.kind !== 'value' || entity.value.type.kind !== 'optional') return entity;
    return { kind: 'value', value: this.narrowed(entity.value, node) };
  }

  /** The value of an expression. Literals may not have their type yet; see `coerce`. */
  value(node: ts.Expression): Expression {
    return this.asValue(this.entity(node), node);
  }

  asValue(entity: Entity, node: ts.Node): Expression {
    if (entity.kind === 'value') return entity.value;
    return this.refuse('N1019', node, { what: describeEntity(entity) });
  }

  /** A value as a condition: a boolean, or whether a reference is there. */
  condition(node: ts.Expression): Expression {
    return this.truth(this.value(node), node);
  }

  /** Of `a && b` on references: two tests, and no reference that is either. */
  private bothThere({ condition, whenTrue, span }: Conditional): Expression {
    return {
      kind: 'logical',
      type: BOOL,
      operator: 'and',
      left: condition,
      right: this.there(whenTrue),
      span,
    };
  }

  /** Whether an optional reference is there. */
  private there(value: Expression): Expression {
    if (value.kind === 'optional') return { kind: 'bool', type: BOOL, value: true, span: value.span };
    if (value.kind === 'conditional' && value.whenFalse.kind === 'undefined') return this.bothThere(value);
    return { kind: 'isPresent', type: BOOL, operand: value, span: value.span };
  }

  truth(value: Expression, node: ts.Node): Expression {
    switch (value.type.kind) {
      case 'bool':
        return value;
      case 'optional':
        if (value.kind === 'conditional' && isAnd(node)) return this.bothThere(value);
        return { kind: 'isPresent', type: BOOL, operand: value, span: value.span };
      case 'ref':
        return { kind: 'bool', type: BOOL, value: true, span: value.span };
      case 'int':
        return this.refuse('N2005', node, {
          zero: settle(this.session, value, node).type.kind === 'int' && value.type.bits === 64 ? '0n' : '0',
        });
      default:
        return this.refuse('N2006', node, { expected: 'a condition', found: value.type.kind });
    }
  }

  statements(nodes: readonly ts.Statement[]): Statement[] {
    return nodes.flatMap((node) => this.session.attempt(() => this.statement(node)) ?? this.abandon(node));
  }

  statement(node: ts.Statement): Statement[] {
    return this.session.within(node, () => this.session.translators.statement(this, node));
  }

  /** Several statements as one. */
  block(statements: readonly Statement[], node: ts.Node): Statement {
    const [only] = statements;
    if (only !== undefined && statements.length === 1) return only;
    return { kind: 'block', body: statements, span: this.span(node) };
  }

  /** What a name stands for here. */
  lookup(node: ts.Identifier): Entity {
    const symbol = this.session.symbol(node);
    if (symbol === undefined) return this.refuse('N1001', node, { syntax: `the name '${node.text}'` });
    const bound = this.bound(symbol);
    if (bound === 'refused') throw new Refusal(undefined);
    return bound ?? this.session.entity(symbol, node);
  }

  private bound(symbol: ts.Symbol): Entity | 'refused' | undefined {
    return this.bindings.get(symbol) ?? this.outer?.bound(symbol);
  }

  bind(name: ts.Identifier, entity: Entity): void {
    const symbol = this.session.symbol(name);
    if (symbol !== undefined) this.bindings.set(symbol, entity);
  }

  /** A new variable that `name` stands for from here on. */
  variable(name: ts.Identifier, type: Type): Variable {
    const variable = this.session.variable(name.text, type);
    this.bind(name, { kind: 'value', value: this.use(variable, name) });
    return variable;
  }

  use(variable: Variable, node: ts.Node): Expression {
    const span = this.span(node);
    return variable.type.kind === 'context'
      ? { kind: 'context', type: CONTEXT, span }
      : { kind: 'variable', type: variable.type, variable, span };
  }

  /** A statement was refused: what it would have declared must not be reported again at each use. */
  private abandon(node: ts.Node): Statement[] {
    const forget = (name: ts.BindingName): void => {
      if (ts.isIdentifier(name)) {
        const symbol = this.session.symbol(name);
        if (symbol !== undefined && !this.bindings.has(symbol)) this.bindings.set(symbol, 'refused');
        return;
      }
      for (const element of name.elements) if (ts.isBindingElement(element)) forget(element.name);
    };
    if (ts.isFunctionDeclaration(node) && node.name) forget(node.name);
    if (ts.isVariableStatement(node))
      for (const declaration of node.declarationList.declarations) forget(declaration.name);
    return [];
  }

  /** An optional reference that TypeScript knows to be there is taken as such. */
  private narrowed(value: Expression, node: ts.Expression): Expression {
    if (value.type.kind !== 'optional') return value;
    if (!isPresent(node, this.session.checker)) return value;
    return { kind: 'present', type: value.type.of, operand: value, span: value.span };
  }
}
