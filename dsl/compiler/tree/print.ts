/** The typed tree as text, close to the source it came from, for `--emit tree` and for tests. */
import type { MapImage } from '../../object/image.ts';
import type { Layout } from '../../object/layout.ts';
import type { Expression, FunctionTree, ModuleTree, Statement, Type, Variable } from './tree.ts';

const OPERATORS = {
  add: '+',
  sub: '-',
  mul: '*',
  div: '/',
  mod: '%',
  and: '&',
  or: '|',
  xor: '^',
  shl: '<<',
  shr: '>>',
  eq: '===',
  ne: '!==',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
} as const;

export function printLayout(layout: Layout): string {
  switch (layout.kind) {
    case 'int':
      return `${layout.order === 'big' ? 'be' : layout.signed ? 'i' : 'u'}${layout.bits}`;
    case 'array':
      return `${printLayout(layout.element)}[${layout.length}]`;
    case 'struct':
      return layout.name;
  }
}

export function printType(type: Type): string {
  switch (type.kind) {
    case 'int':
      return `${type.signed ? 'i' : 'u'}${type.bits}`;
    case 'ref':
      return `${type.space} ${printLayout(type.layout)}`;
    case 'optional':
      return `${printType(type.of)}?`;
    case 'record':
      return `{ ${type.fields.map((field) => `${field.name}: ${printType(field.type)}`).join(', ')} }`;
    default:
      return type.kind;
  }
}

const name = (variable: Variable): string => `${variable.name}#${variable.id}`;

/** The map of an operation, or the reference to an inner one. */
const on = (node: { readonly map: string; readonly on?: Expression }): string =>
  node.on ? `${node.map}(${printExpression(node.on)})` : node.map;

/** One expression; integers and arithmetic carry their types. */
export function printExpression(node: Expression): string {
  const of = printExpression;
  switch (node.kind) {
    case 'int':
      return `${node.value}:${printType(node.type)}`;
    case 'bool':
      return String(node.value);
    case 'undefined':
      return 'undefined';
    case 'variable':
      return name(node.variable);
    case 'negate':
      return `-${printType(node.type)}(${of(node.operand)})`;
    case 'complement':
      return `~${printType(node.type)}(${of(node.operand)})`;
    case 'not':
      return `!(${of(node.operand)})`;
    case 'arithmetic':
      return `(${of(node.left)} ${OPERATORS[node.operator]}${printType(node.type)} ${of(node.right)})`;
    case 'compare':
      return `(${of(node.left)} ${OPERATORS[node.operator]} ${of(node.right)})`;
    case 'logical':
      return `(${of(node.left)} ${node.operator === 'and' ? '&&' : '||'} ${of(node.right)})`;
    case 'conditional':
      return `(${of(node.condition)} ? ${of(node.whenTrue)} : ${of(node.whenFalse)})`;
    case 'extremum':
      return `${node.which}.${printType(node.type)}(${of(node.left)}, ${of(node.right)})`;
    case 'convert':
      return `${printType(node.type)}(${of(node.operand)})`;
    case 'hint':
      return `${node.likely ? 'likely' : 'unlikely'}(${of(node.operand)})`;
    case 'present':
      return `present(${of(node.operand)})`;
    case 'optional':
      return `optional(${of(node.operand)})`;
    case 'isPresent':
      return `isPresent(${of(node.operand)})`;
    case 'record':
      return `{ ${node.values.map((value, index) => `${node.type.fields[index]?.name}: ${of(value)}`).join(', ')} }`;
    case 'field':
      return `${of(node.record)}.${node.name}`;
    case 'global':
      return `${node.section}:${node.name}+${node.offset}`;
    case 'stack':
      return `stack${node.slot}`;
    case 'member':
      return `${of(node.base)}+${node.offset}`;
    case 'element':
      return `${of(node.base)}[${of(node.index)}]`;
    case 'load':
      return `load.${printLayout(node.layout)}(${of(node.from)})`;
    case 'packetAt':
      return `at(${printLayout(node.layout)}, ${of(node.offset)})`;
    case 'linearLength':
      return 'linearLength';
    case 'contextField':
      return `context.${node.name}`;
    case 'context':
      return 'context';
    case 'mapLookup':
      return `${on(node)}.lookup(${of(node.key)})`;
    case 'mapUpdate':
      return `${on(node)}.update(${of(node.key)}, ${of(node.value)}, ${of(node.flags)})`;
    case 'mapDelete':
      return `${on(node)}.delete(${of(node.key)})`;
    case 'reserve':
      return `${node.map}.reserve()`;
    case 'settle':
      return `${node.submit ? 'submit' : 'discard'}(${of(node.record)}, ${of(node.flags)})`;
    case 'output':
      return `${node.map}.output(${of(node.value)}, ${of(node.flags)})`;
    case 'tailCall':
      return `${node.map}.tailCall(context, ${of(node.index)})`;
    case 'locked':
      return `locked(${of(node.lock)}, ${node.body.name})`;
    case 'atomic': {
      const expected = node.expected ? `${of(node.expected)}, ` : '';
      return `atomic.${node.operator}${node.fetch ? '.fetch' : ''}(${of(node.on)}, ${expected}${of(node.value)})`;
    }
    case 'clock':
      return `clock.${node.which}`;
    case 'random':
      return 'random';
    case 'helper':
      return `${node.name}(${node.arguments.map(of).join(', ')})`;
    case 'call':
      return `${node.function.name}(${node.arguments.map(of).join(', ')})`;
  }
}

function indented(statements: readonly Statement[]): string[] {
  return statements.flatMap(printStatement).map((line) => `  ${line}`);
}

const body = (statement: Statement): string[] =>
  indented(statement.kind === 'block' ? statement.body : [statement]);

const labelOf = ({ label }: { readonly label?: string }): string => (label === undefined ? '' : `${label}: `);

function printLoop(node: Extract<Statement, { kind: 'loop' }>): string[] {
  const inline = (statements: readonly Statement[]) => statements.flatMap(printStatement).join(', ');
  const condition = node.condition ? printExpression(node.condition) : '';
  const trips = node.trips ? ` trips ${name(node.trips.counter)}=${node.trips.count}` : '';
  const head = `(${inline(node.initial)}; ${condition}; ${inline(node.update)})${trips}`;
  return node.postTest
    ? [`${labelOf(node)}do {`, ...body(node.body), `} loop ${head}`]
    : [`${labelOf(node)}loop ${head} {`, ...body(node.body), '}'];
}

function printSwitch(node: Extract<Statement, { kind: 'switch' }>): string[] {
  const cases = node.cases.flatMap((one) => [
    `  case ${one.values.join(', ')}:`,
    ...body(one.body).map((line) => `  ${line}`),
  ]);
  const rest = node.otherwise ? ['  default:', ...body(node.otherwise).map((line) => `  ${line}`)] : [];
  return [`${labelOf(node)}switch ${printExpression(node.on)} {`, ...cases, ...rest, '}'];
}

/** One statement as lines. */
export function printStatement(node: Statement): string[] {
  switch (node.kind) {
    case 'declare':
      return [`${name(node.variable)}: ${printType(node.variable.type)} = ${printExpression(node.value)}`];
    case 'assign':
      return [`${name(node.variable)} = ${printExpression(node.value)}`];
    case 'assignField':
      return [`${name(node.variable)}.${node.path.join('.')} = ${printExpression(node.value)}`];
    case 'store':
      return [
        `store.${printLayout(node.layout)}(${printExpression(node.to)}) = ${printExpression(node.value)}`,
      ];
    case 'storeContext':
      return [`context.${node.name} = ${printExpression(node.value)}`];
    case 'expression':
      return [printExpression(node.expression)];
    case 'block':
      return ['{', ...indented(node.body), '}'];
    case 'if':
      return [
        `if ${printExpression(node.condition)} {`,
        ...body(node.whenTrue),
        ...(node.whenFalse ? ['} else {', ...body(node.whenFalse)] : []),
        '}',
      ];
    case 'loop':
      return printLoop(node);
    case 'repeat':
      return [
        `${labelOf(node)}repeat ${name(node.counter)} < ${printExpression(node.count)} {`,
        ...body(node.body),
        '}',
      ];
    case 'switch':
      return printSwitch(node);
    case 'return':
      return [node.value ? `return ${printExpression(node.value)}` : 'return'];
    case 'break':
    case 'continue':
      return [node.label === undefined ? node.kind : `${node.kind} ${node.label}`];
  }
}

/** The functions that a function calls, callees first, each once. */
function calledFrom(entry: FunctionTree, found: Set<FunctionTree>): void {
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null && 'kind' in value) {
      if (value.kind === 'call' && 'function' in value) calledFrom(value.function as FunctionTree, found);
      if (value.kind === 'locked' && 'body' in value) calledFrom(value.body as FunctionTree, found);
      Object.values(value).forEach(visit);
    }
  };
  if (found.has(entry)) return;
  visit(entry.body);
  found.add(entry);
}

export function printFunction(tree: FunctionTree): string {
  const parameters = tree.parameters.map((one) => `${name(one)}: ${printType(one.type)}`).join(', ');
  const head = `${tree.noinline ? 'noinline ' : ''}function ${tree.name}(${parameters}): ${printType(tree.returnType)} {`;
  return [head, ...indented(tree.body), '}'].join('\n');
}

const printMap = (map: MapImage): string =>
  `map ${map.name}: ${map.kind} key ${map.key ? printLayout(map.key) : map.keySize} value ${map.value ? printLayout(map.value) : map.valueSize} x ${map.maxEntries}`;

/** The whole module: sections, maps, then every function that a program reaches, callees first. */
export function printTree(tree: ModuleTree): string {
  const functions = new Set<FunctionTree>();
  for (const program of tree.programs) calledFrom(program.entry, functions);
  return [
    ...tree.sections.flatMap((section) =>
      section.variables.map((one) => `${section.name} ${one.name}+${one.offset}: ${one.layout.size} bytes`),
    ),
    ...tree.maps.map(printMap),
    ...tree.programs.map((program) => `program ${program.name}: ${program.kind} ${program.entry.name}`),
    ...[...functions].map(printFunction),
    '',
  ].join('\n');
}
