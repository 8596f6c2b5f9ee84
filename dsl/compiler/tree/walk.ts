/** Walks the typed tree, into called functions too: what the lowering must know before it starts. */
import type { Layout } from '../../object/layout.ts';
import type { Expression, FunctionTree, Span, Statement, Type, Variable } from './tree.ts';

/** The expressions directly below an expression, in order of evaluation. */
export function operandsOf(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'int':
    case 'bool':
    case 'undefined':
    case 'variable':
    case 'global':
    case 'stack':
    case 'linearLength':
    case 'contextField':
    case 'context':
    case 'clock':
    case 'random':
    case 'reserve':
      return [];
    case 'negate':
    case 'complement':
    case 'not':
    case 'convert':
    case 'hint':
    case 'present':
    case 'optional':
    case 'isPresent':
      return [expression.operand];
    case 'arithmetic':
    case 'compare':
    case 'logical':
    case 'extremum':
      return [expression.left, expression.right];
    case 'conditional':
      return [expression.condition, expression.whenTrue, expression.whenFalse];
    case 'record':
      return expression.values;
    case 'field':
      return [expression.record];
    case 'member':
      return [expression.base];
    case 'element':
      return [expression.base, expression.index];
    case 'load':
      return [expression.from];
    case 'packetAt':
      return [expression.offset];
    case 'mapLookup':
    case 'mapDelete':
      return expression.on ? [expression.on, expression.key] : [expression.key];
    case 'mapUpdate': {
      const operands = [expression.key, expression.value, expression.flags];
      return expression.on ? [expression.on, ...operands] : operands;
    }
    case 'settle':
      return [expression.record, expression.flags];
    case 'output':
      return [expression.value, expression.flags];
    case 'tailCall':
      return [expression.index];
    case 'locked':
      return [expression.lock];
    case 'atomic':
      return expression.expected === undefined
        ? [expression.on, expression.value]
        : [expression.on, expression.expected, expression.value];
    case 'helper':
    case 'call':
      return expression.arguments;
  }
}

/** The expressions and statements directly below a statement. */
function partsOf(statement: Statement): {
  readonly expressions: readonly Expression[];
  readonly statements: readonly Statement[];
} {
  switch (statement.kind) {
    case 'declare':
    case 'assign':
    case 'assignField':
    case 'storeContext':
      return { expressions: [statement.value], statements: [] };
    case 'store':
      return { expressions: [statement.to, statement.value], statements: [] };
    case 'expression':
      return { expressions: [statement.expression], statements: [] };
    case 'block':
      return { expressions: [], statements: statement.body };
    case 'if':
      return {
        expressions: [statement.condition],
        statements: statement.whenFalse ? [statement.whenTrue, statement.whenFalse] : [statement.whenTrue],
      };
    case 'loop':
      return {
        expressions: statement.condition ? [statement.condition] : [],
        statements: [...statement.initial, statement.body, ...statement.update],
      };
    case 'repeat':
      return { expressions: [statement.count], statements: [statement.body] };
    case 'switch':
      return {
        expressions: [statement.on],
        statements: [
          ...statement.cases.map(({ body }) => body),
          ...(statement.otherwise ? [statement.otherwise] : []),
        ],
      };
    case 'return':
      return { expressions: statement.value ? [statement.value] : [], statements: [] };
    case 'break':
    case 'continue':
      return { expressions: [], statements: [] };
  }
}

interface Visitor {
  readonly statement?: (statement: Statement) => void;
  readonly expression?: (expression: Expression) => void;
}

function walkExpression(expression: Expression, visitor: Visitor): void {
  visitor.expression?.(expression);
  for (const operand of operandsOf(expression)) {
    walkExpression(operand, visitor);
  }
}

function walkStatement(statement: Statement, visitor: Visitor): void {
  visitor.statement?.(statement);
  const { expressions, statements } = partsOf(statement);
  if (visitor.expression !== undefined)
    for (const expression of expressions) walkExpression(expression, visitor);
  for (const inner of statements) {
    walkStatement(inner, visitor);
  }
}

/** The function that an expression runs, if it runs one. */
function functionOf(expression: Expression): FunctionTree | undefined {
  if (expression.kind === 'call') return expression.function;
  return expression.kind === 'locked' ? expression.body : undefined;
}

/** Walks every statement and expression that `entry` reaches, functions in `seen` aside, which those walked are added to. */
export function walkProgram(entry: FunctionTree, visitor: Visitor, seen = new Set<FunctionTree>()): void {
  const visitFunction = (tree: FunctionTree): void => {
    if (seen.has(tree)) return;
    seen.add(tree);
    for (const statement of tree.body) walkStatement(statement, following);
  };
  const following: Visitor = {
    ...visitor,
    expression: (expression) => {
      visitor.expression?.(expression);
      const inner = functionOf(expression);
      if (inner !== undefined) visitFunction(inner);
    },
  };
  visitFunction(entry);
}

/** What the lowering has to know of a whole program. */
export interface ProgramFacts {
  /** Ids of the variables that some statement assigns after their declaration. */
  readonly assigned: ReadonlySet<number>;
  /** What `stack` makes room for. */
  readonly stackLayouts: ReadonlySet<Layout>;
}

/** Looks at every statement and expression that `entry` reaches. */
export function programFacts(entry: FunctionTree): ProgramFacts {
  const assigned = new Set<number>();
  const stackLayouts = new Set<Layout>();
  walkProgram(entry, {
    statement: (statement) => {
      if (statement.kind === 'assign' || statement.kind === 'assignField')
        assigned.add(statement.variable.id);
    },
    expression: (expression) => {
      if (expression.kind === 'stack') stackLayouts.add(expression.type.layout);
    },
  });
  return { assigned, stackLayouts };
}

/** Number of expressions and statements, those of called functions counted at every call. */
export function sizeOfStatements(statements: readonly Statement[]): number {
  let size = 0;
  const visitor: Visitor = {
    statement: () => {
      size += 1;
    },
    expression: (expression) => {
      size += 1 + sizeOfStatements(functionOf(expression)?.body ?? []);
    },
  };
  for (const statement of statements) {
    walkStatement(statement, visitor);
  }
  return size;
}

/** The same where a loop counts as often as `roundsOf` says that it is written out. */
export function unrolledSize(
  statements: readonly Statement[],
  roundsOf: (loop: Statement & { kind: 'loop' }) => number,
): number {
  const sizeOf = (statement: Statement): number => {
    const { expressions, statements: inner } = partsOf(statement);
    const rounds = statement.kind === 'loop' ? roundsOf(statement) : 1;
    let size = 1;
    const expression = (part: Expression): void => {
      size += 1 + unrolledSize(functionOf(part)?.body ?? [], roundsOf);
    };
    for (const part of expressions) walkExpression(part, { expression });
    for (const part of inner) size += sizeOf(part);
    return rounds * size;
  };
  return statements.reduce((size, statement) => size + sizeOf(statement), 0);
}

/** The same of a whole function, in time that grows with its text and not with its calls. */
export function inlinedSize(tree: FunctionTree, known = new Map<FunctionTree, number>()): number {
  const before = known.get(tree);
  if (before !== undefined) return before;
  let size = 0;
  const visitor: Visitor = {
    statement: () => {
      size += 1;
    },
    expression: (expression) => {
      const inner = functionOf(expression);
      size += 1 + (inner === undefined ? 0 : inlinedSize(inner, known));
    },
  };
  for (const statement of tree.body) walkStatement(statement, visitor);
  known.set(tree, size);
  return size;
}

/** How many `return` statements lie in a body, not counting those of called functions. */
export function countReturns(body: readonly Statement[]): number {
  let count = 0;
  const visitor: Visitor = {
    statement: (statement) => {
      count += statement.kind === 'return' ? 1 : 0;
    },
  };
  for (const statement of body) {
    walkStatement(statement, visitor);
  }
  return count;
}

/** What the body of a loop uses of its surroundings, inlined functions included. */
export interface Uses {
  /** Variables that it reads or assigns, those that it declares aside. */
  readonly variables: readonly Variable[];
  /** Ids of the variables that it assigns after their declaration, and where it does so first. */
  readonly assigned: ReadonlyMap<number, Span>;
  readonly context: boolean;
  /** Whether it may return from the function that the loop is in. */
  readonly returns: boolean;
}

const USES_CONTEXT: ReadonlySet<(Expression | Statement)['kind']> = new Set([
  'context',
  'contextField',
  'linearLength',
  'packetAt',
  'storeContext',
  'tailCall',
] as const);

/** Its address is compared with the packet's end. */
const isPacketElement = (expression: Expression): boolean =>
  expression.kind === 'element' && expression.type.space === 'packet';

export function usesOf({ counter, body }: Statement & { kind: 'repeat' }): Uses {
  const used = new Map<number, Variable>();
  const declared = new Set([counter.id]);
  const assigned = new Map<number, Span>();
  const seen = new Set<FunctionTree>();
  let context = false;
  const visitor: Visitor = {
    statement: (statement) => {
      context ||= USES_CONTEXT.has(statement.kind);
      if (statement.kind === 'declare') declared.add(statement.variable.id);
      if (statement.kind === 'repeat') declared.add(statement.counter.id);
      if (statement.kind === 'assign' || statement.kind === 'assignField') {
        const { variable, span } = statement;
        used.set(variable.id, variable);
        assigned.set(variable.id, assigned.get(variable.id) ?? span);
      }
    },
    expression: (expression) => {
      context ||= USES_CONTEXT.has(expression.kind) || isPacketElement(expression);
      if (expression.kind === 'variable') used.set(expression.variable.id, expression.variable);
      const inner = functionOf(expression);
      if (inner === undefined || inner.noinline || seen.has(inner)) return;
      seen.add(inner);
      for (const parameter of inner.parameters) declared.add(parameter.id);
      for (const statement of inner.body) walkStatement(statement, visitor);
    },
  };
  walkStatement(body, visitor);
  const variables = [...used.values()].filter(({ id }) => !declared.has(id));
  return { variables, assigned, context, returns: countReturns([body]) > 0 };
}

/** Whether a value of `type` may refer to the stack. */
export function mayReferToStack(type: Type): boolean {
  switch (type.kind) {
    case 'ref':
      return type.space === 'stack';
    case 'optional':
      return type.of.space === 'stack';
    case 'record':
      return type.fields.some((field) => mayReferToStack(field.type));
    default:
      return false;
  }
}
