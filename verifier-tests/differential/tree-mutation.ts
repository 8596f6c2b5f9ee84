/** Changes of the syntax tree of sources of the language: nearly all that comes out parses, and much is well typed. */
import fc from 'fast-check';
import { ts } from 'ts-morph';

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

interface TypedExpression {
  readonly node: ts.Expression;
  readonly type: string;
  /** The outermost function around it, whose names it may use. */
  readonly within: ts.Node | undefined;
}

/** What a source offers to be put in the place of something else. */
interface Stock {
  readonly file: ts.SourceFile;
  readonly expressions: readonly TypedExpression[];
  readonly statements: readonly ts.Statement[];
  readonly types: readonly string[];
  readonly propertyNames: readonly string[];
  /** Names of functions that are called with one argument: conversions mostly. */
  readonly conversions: readonly string[];
}

/** Takes one of several: by a number of the property's, so that a failure repeats. */
type Pick = <T>(among: readonly T[]) => T | undefined;

interface Rule {
  readonly applies: (node: ts.Node) => boolean;
  readonly edits: (node: ts.Node, stock: Stock, pick: Pick) => readonly Edit[];
}

const OPERATORS = [
  ['+', '-', '*', '/', '%', '&', '|', '^', '<<', '>>', '>>>', '**'],
  ['===', '!==', '<', '<=', '>', '>=', '=='],
  ['&&', '||', '??'],
  ['=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=', '<<=', '>>=', '>>>=', '??='],
];
const NUMBERS = [
  '0',
  '1',
  '-1',
  '2',
  '8',
  '31',
  '32',
  '63',
  '255',
  '256',
  '65535',
  '65536',
  '2147483647',
].concat(['2147483648', '4294967295', '4294967296', '9007199254740991', '1e30', '0.5', '08']);
const BIGINTS = ['0n', '1n', '-1n', '2n', '31n', '63n', '64n', '255n', '4294967295n', '4294967296n'].concat([
  '9223372036854775807n',
  '9223372036854775808n',
  '18446744073709551615n',
  '18446744073709551616n',
]);
const TYPES = ['u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64', 'boolean', 'void', 'number', 'bigint'];

const isIn = (operators: readonly string[] | undefined, { operatorToken }: ts.BinaryExpression): boolean =>
  operators?.includes(operatorToken.getText()) === true;
const isAssignment = (node: ts.BinaryExpression): boolean => isIn(OPERATORS[3], node);

const isStatement = (node: ts.Node): node is ts.Statement =>
  ts.isStatement(node) &&
  (ts.isBlock(node.parent) || ts.isSourceFile(node.parent) || ts.isCaseClause(node.parent));

/** An expression whose value is used: no name of a declaration or property, nothing that is assigned to. */
function isUsed(node: ts.Node): node is ts.Expression {
  if (!ts.isExpression(node)) return false;
  const { parent } = node;
  if (ts.isBinaryExpression(parent)) return parent.left !== node || !isAssignment(parent);
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isBindingElement(parent))
    return parent.initializer === node;
  if (ts.isPropertyAccessExpression(parent) || ts.isCallExpression(parent)) return parent.expression !== node;
  return (
    ts.isExpressionStatement(parent) ||
    ts.isReturnStatement(parent) ||
    ts.isIfStatement(parent) ||
    ts.isConditionalExpression(parent) ||
    ts.isParenthesizedExpression(parent) ||
    ts.isPrefixUnaryExpression(parent) ||
    ts.isElementAccessExpression(parent) ||
    ts.isArrowFunction(parent)
  );
}

const replaced = (node: ts.Node, text: string): Edit => ({ start: node.getStart(), end: node.end, text });
const removed = (node: ts.Node): Edit => ({ start: node.getFullStart(), end: node.end, text: '' });
const inserted = (at: number, text: string): Edit => ({ start: at, end: at, text });
const exchanged = (a: ts.Node, b: ts.Node): Edit[] => [replaced(a, b.getText()), replaced(b, a.getText())];

/** A rule for nodes of one kind; it changes nothing where `edits` finds nothing to put. */
function rule<T extends ts.Node>(
  applies: (node: ts.Node) => node is T,
  edits: (node: T, stock: Stock, pick: Pick) => Edit | readonly Edit[] | undefined,
): Rule {
  return {
    applies,
    edits: (node, stock, pick) => (applies(node) ? [edits(node, stock, pick) ?? []].flat() : []),
  };
}

const functionAround = (node: ts.Node): ts.Node | undefined =>
  ts.findAncestor(node, (each) => isStatement(each) && ts.isSourceFile(each.parent));

/** An expression of the same function and type. */
function alike(node: ts.Expression, { expressions }: Stock, pick: Pick): ts.Expression | undefined {
  const own = expressions.find((each) => each.node === node);
  const among = expressions.filter((each) => each.type === own?.type && each.within === own.within);
  return pick(among)?.node;
}

/** A condition of the same function. */
function condition(node: ts.Node, { expressions }: Stock, pick: Pick): string {
  const within = functionAround(node);
  const among = expressions.filter((each) => each.within === within && each.type === 'boolean');
  return pick(among)?.node.getText() ?? 'true';
}

const RULES = {
  operator: rule(ts.isBinaryExpression, (node, _, pick) => {
    const family = OPERATORS.find((operators) => isIn(operators, node));
    return replaced(node.operatorToken, pick(family ?? []) ?? node.operatorToken.getText());
  }),
  operands: rule(ts.isBinaryExpression, (node) => exchanged(node.left, node.right)),
  part: rule(isUsed, (node, _, pick) => {
    const parts: ts.Node[] = [];
    node.forEachChild((child) => void (isUsed(child) && parts.push(child)));
    const part = pick(parts);
    return part && replaced(node, `(${part.getText()})`);
  }),
  alike: rule(isUsed, (node, stock, pick) => {
    const other = alike(node, stock, pick);
    return other && replaced(node, `(${other.getText()})`);
  }),
  nested: rule(isUsed, (node, stock, pick) => {
    const other = alike(node, stock, pick);
    const operators = [...(OPERATORS[0] ?? []), ...(OPERATORS[1] ?? []), ...(OPERATORS[2] ?? [])];
    return other && replaced(node, `((${node.getText()}) ${pick(operators)} (${other.getText()}))`);
  }),
  expression: rule(isUsed, (node, { expressions }, pick) => {
    const other = pick(expressions);
    return other && replaced(node, `(${other.node.getText()})`);
  }),
  wrapped: rule(isUsed, (node, { conversions, propertyNames }, pick) => {
    const text = node.getText();
    const name = pick(propertyNames);
    return replaced(
      node,
      pick([
        ...conversions.map((convert) => `${convert}(${text})`),
        ...[`(${text})!`, `~(${text})`, `-(${text})`, `!(${text})`, `(${text}) as u32`, `(() => ${text})()`],
        ...[`{ ${name}: ${text} }.${name}`, `[${text}, ${text}][1]`, `(${text} ? ${text} : ${text})`],
      ]) ?? text,
    );
  }),
  branch: rule(isUsed, (node, stock, pick) => {
    const other = alike(node, stock, pick);
    return (
      other && replaced(node, `(${condition(node, stock, pick)} ? ${node.getText()} : ${other.getText()})`)
    );
  }),
  presence: rule(ts.isBinaryExpression, (node, _, pick) =>
    node.right.getText() === 'undefined' || node.left.getText() === 'undefined'
      ? replaced(node, pick(['true', 'false']) ?? '')
      : undefined,
  ),
  literal: rule(
    (node): node is ts.LiteralExpression => ts.isNumericLiteral(node) || ts.isBigIntLiteral(node),
    (node, _, pick) => replaced(node, pick(ts.isBigIntLiteral(node) ? BIGINTS : NUMBERS) ?? '0'),
  ),
  arguments: rule(ts.isCallExpression, (node, _, pick) => {
    const one = pick(node.arguments);
    const other = pick(node.arguments);
    if (one === undefined || other === undefined) return undefined;
    const others = node.arguments.filter((each) => each !== one).map((each) => each.getText());
    return pick([
      exchanged(one, other),
      [inserted(one.end, `, ${other.getText()}`)],
      [{ start: node.arguments.pos, end: node.arguments.end, text: others.join(', ') }],
    ]);
  }),
  property: rule(ts.isPropertyAccessExpression, (node, { propertyNames }, pick) =>
    replaced(node.name, pick(propertyNames) ?? node.name.text),
  ),
  type: rule(
    (node): node is ts.TypeNode => ts.isTypeNode(node) && !ts.isExpressionWithTypeArguments(node),
    (node, { types }, pick) => replaced(node, pick([...types, ...TYPES]) ?? 'u32'),
  ),
  member: rule(
    (node): node is ts.Node =>
      ts.isPropertyAssignment(node) || ts.isPropertySignature(node) || ts.isParameter(node),
    (node, _, pick) => {
      const list = node.parent.getChildren().find((each) => each.getChildren().includes(node));
      const members = list?.getChildren().filter((each) => each.kind === node.kind) ?? [];
      const other = pick(members);
      if (list === undefined || other === undefined || other === node)
        return replaced(node, node.getText().replace(/:.*/s, ': undefined'));
      return pick([
        exchanged(node, other),
        [
          replaced(
            list,
            members
              .filter((each) => each !== node)
              .map((each) => each.getText())
              .join(', '),
          ),
        ],
        [replaced(other, node.getText())],
      ]);
    },
  ),
  binding: rule(ts.isVariableDeclarationList, (node) => {
    const keyword = node.getFirstToken();
    return keyword && replaced(keyword, keyword.kind === ts.SyntaxKind.ConstKeyword ? 'let' : 'const');
  }),
  delete: rule(isStatement, (node) => removed(node)),
  duplicate: rule(isStatement, (node) => inserted(node.end, `\n${node.getText()}`)),
  enclose: rule(isStatement, (node, stock, pick) => {
    const test = condition(node, stock, pick);
    const text = node.getText();
    return replaced(
      node,
      pick([
        `{ ${text} }`,
        `if (${test}) { ${text} }`,
        `if (${test}) { ${text} } else { ${text} }`,
        `while (${test}) { ${text} break; }`,
        `for (let round = 0; round < 3; round++) { ${text} }`,
        `for (;;) { ${text} if (${test}) break; }`,
        `do { ${text} } while (${test});`,
        `switch (1) { case 1: ${text} break; default: }`,
      ]) ?? text,
    );
  }),
  move: rule(isStatement, (node, { statements }, pick) => {
    const place = pick(statements);
    return place && [removed(node), inserted(place.end, `\n${node.getText()}`)];
  }),
  statement: rule(isStatement, (node, { statements }, pick) => {
    const other = pick(statements);
    return other && replaced(node, other.getText());
  }),
  opened: rule(ts.isIfStatement, (node, _, pick) =>
    replaced(node, pick([node.thenStatement, node.elseStatement ?? node.thenStatement])?.getText() ?? ''),
  ),
  returned: rule(ts.isReturnStatement, (node, stock, pick) => {
    const other = pick(stock.expressions.filter(({ within }) => within === functionAround(node)));
    return replaced(node, pick(['return;', `return ${other?.node.getText()};`, 'break;', 'continue;']) ?? '');
  }),
} satisfies Record<string, Rule>;

export type RuleName = keyof typeof RULES;
const RULE_NAMES = Object.keys(RULES).filter((name): name is RuleName => name in RULES);

export const treeMutation = fc.record({
  rule: fc.constantFrom(...RULE_NAMES),
  at: fc.nat(0xffff),
  choice: fc.nat(0xffff_ffff),
});
export type TreeMutation = typeof treeMutation extends fc.Arbitrary<infer T> ? T : never;

/** A source with what can be changed in it. */
export interface Mutable {
  readonly stock: Stock;
  readonly places: ReadonlyMap<RuleName, readonly ts.Node[]>;
}

/** Looks a well-typed source through once, for all of its mutants. */
export function mutable(file: ts.SourceFile, checker: ts.TypeChecker): Mutable {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) return;
    nodes.push(node);
    node.forEachChild(visit);
  };
  file.forEachChild(visit);
  const expressions = nodes.filter(isUsed).map((node) => ({
    node,
    type: checker.typeToString(checker.getBaseTypeOfLiteralType(checker.getTypeAtLocation(node))),
    within: functionAround(node),
  }));
  const texts = (among: readonly ts.Node[]): string[] => [...new Set(among.map((node) => node.getText()))];
  const conversions = nodes.filter(ts.isCallExpression).filter((call) => call.arguments.length === 1);
  return {
    stock: {
      file,
      expressions,
      statements: nodes.filter(isStatement),
      types: texts(nodes.filter(ts.isTypeNode)),
      propertyNames: texts(nodes.filter(ts.isPropertyAccessExpression).map((node) => node.name)),
      conversions: texts(conversions.map((call) => call.expression)),
    },
    places: new Map(RULE_NAMES.map((name) => [name, nodes.filter(RULES[name].applies)])),
  };
}

const overlap = (a: Edit, b: Edit): boolean => a.start < b.end && b.start < a.end;

/** The text with the edits made, the first of those that overlap only. */
function edited(text: string, edits: readonly Edit[]): string {
  const made: Edit[] = [];
  for (const edit of edits) if (!made.some((other) => overlap(edit, other))) made.push(edit);
  return made
    .toSorted((a, b) => b.start - a.start || b.end - a.end)
    .reduce((sum, { start, end, text: put }) => sum.slice(0, start) + put + sum.slice(end), text);
}

/** Numbers from one, after Numerical Recipes. */
function picker(seed: number): Pick {
  let state = seed;
  return (among) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return among[Math.floor((state / 2 ** 32) * among.length)];
  };
}

export function treeMutated({ stock, places }: Mutable, mutations: readonly TreeMutation[]): string {
  const edits = mutations.flatMap(({ rule: name, at, choice }) => {
    const nodes = places.get(name) ?? [];
    const node = nodes[at % Math.max(1, nodes.length)];
    return node === undefined ? [] : RULES[name].edits(node, stock, picker(choice));
  });
  return edited(stock.file.text, edits);
}
