/** Which lines ran and which ways conditions went, over any number of runs. */
import type { Expression, FunctionTree, ModuleTree, Span, Statement } from '../compiler/tree/tree.ts';
import type { Hooks, Way } from './run.ts';

export interface BranchCoverage {
  /** What was decided on. */
  readonly span: Span;
  /** Times that each way was taken; 0 for those never taken. A switch's ways are its cases by index and `default`. */
  readonly ways: ReadonlyMap<Way, number>;
}

export interface FileCoverage {
  /** Times that a statement starting on the line ran; 0 for lines that never did. */
  readonly lines: ReadonlyMap<number, number>;
  /** In the order of the source. */
  readonly branches: readonly BranchCoverage[];
}

export interface Coverage {
  /** For `createInterpreter`. */
  readonly hooks: Required<Pick<Hooks, 'statement' | 'branch'>>;
  /** By file; every line and branch that any program of the module can reach, run or not. */
  report(): ReadonlyMap<string, FileCoverage>;
}

type Node = Statement | Expression | FunctionTree;

/** Nodes of the tree have a span; types, layouts and variables don't. */
function isNode(value: object): value is Node {
  return 'span' in value;
}

/** Calls `visit` for the node and everything below it, called functions included, each once. */
function walk(value: unknown, visit: (node: Statement | Expression) => void, seen = new Set<object>()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  if (Array.isArray(value)) {
    for (const element of value) walk(element, visit, seen);
    return;
  }
  seen.add(value);
  if (isNode(value) && 'kind' in value) visit(value);
  for (const child of Object.values(value)) walk(child, visit, seen);
}

/** The conditions and switch operands that a node decides on, with their ways. */
function decisions(node: Statement | Expression): readonly (readonly [Expression, readonly Way[]])[] {
  const ways: readonly Way[] = ['true', 'false'];
  switch (node.kind) {
    case 'if':
    case 'conditional':
      return [[node.condition, ways]];
    case 'loop':
      return node.condition === undefined ? [] : [[node.condition, ways]];
    case 'logical':
      return [
        [node.left, ways],
        [node.right, ways],
      ];
    case 'switch':
      return [[node.on, [...node.cases.keys(), 'default']]];
    default:
      return [];
  }
}

const keyOf = ({ file, line, column, endLine, endColumn }: Span): string =>
  [file, line, column, endLine, endColumn].join(':');

interface MutableFile {
  readonly lines: Map<number, number>;
  readonly branches: Map<string, { readonly span: Span; readonly ways: Map<Way, number> }>;
}

export function createCoverage(module: ModuleTree): Coverage {
  const files = new Map<string, MutableFile>();
  const fileOf = ({ file }: Span): MutableFile => {
    const known = files.get(file) ?? { lines: new Map(), branches: new Map() };
    files.set(file, known);
    return known;
  };
  const add = <Key>(counts: Map<Key, number>, key: Key, count: number): void => {
    counts.set(key, (counts.get(key) ?? 0) + count);
  };
  const countBranch = (at: Expression, way: Way, count: number): void => {
    const { branches } = fileOf(at.span);
    const branch = branches.get(keyOf(at.span)) ?? { span: at.span, ways: new Map() };
    branches.set(keyOf(at.span), branch);
    add(branch.ways, way, count);
  };
  for (const { entry } of module.programs) {
    walk(entry.body, (node) => {
      if (isStatement(node)) add(fileOf(node.span).lines, node.span.line, 0);
      for (const [at, ways] of decisions(node)) for (const way of ways) countBranch(at, way, 0);
    });
  }
  return {
    hooks: {
      statement: ({ span }) => add(fileOf(span).lines, span.line, 1),
      branch: (at, way) => countBranch(at, way, 1),
    },
    report: () =>
      new Map(
        [...files].map(([name, { lines, branches }]) => [
          name,
          {
            lines: new Map([...lines].sort(([a], [b]) => a - b)),
            branches: [...branches.values()].sort(
              (a, b) => a.span.line - b.span.line || a.span.column - b.span.column,
            ),
          },
        ]),
      ),
  };
}

const STATEMENTS: ReadonlySet<string> = new Set<Exclude<Statement['kind'], 'block'>>([
  'declare',
  'assign',
  'assignField',
  'store',
  'storeContext',
  'expression',
  'if',
  'loop',
  'repeat',
  'switch',
  'break',
  'continue',
  'return',
]);

function isStatement(node: Statement | Expression): node is Statement {
  return STATEMENTS.has(node.kind);
}
