/**
 * As much of Helm's template language as the chart uses: values by path, `toJson`, and `if` with a value, with `ne`, `or` or
 * `contains`, or with `not` of one of these in brackets. Anything else is an error, so that a test on the result can't pass
 * over it.
 */

export type Values = { readonly [name: string]: unknown };

/** Renders a template for the namespace `kube-system`. */
export const render = (template: string, values: Values): string =>
  withBlocks(template, values).replaceAll(/\{\{ ([^}]+) \}\}/g, (_, expression: string) =>
    evaluate(expression, values),
  );

/** A block ends where `end` stands as far to the right as its `if`, so that blocks may hold blocks. */
const BLOCK = /^([ \t]*)\{\{- if ([^}]+) \}\}\n([\s\S]*?)^\1\{\{- end \}\}\n/gm;

const withBlocks = (template: string, values: Values): string =>
  template.replaceAll(BLOCK, (_, _indent, condition: string, body: string) =>
    holds(condition, values) ? withBlocks(body, values) : '',
  );

function evaluate(expression: string, values: Values): string {
  if (expression === '.Release.Namespace') return 'kube-system';
  const [, json, path = ''] = /^(toJson )?\.Values\.([\w.]+)$/.exec(expression) ?? [];
  const value = valueAt(path, values);
  if (value === undefined) throw new Error(`render {{ ${expression} }}: there is no such value`);
  if (json !== undefined) return JSON.stringify(value);
  if (typeof value === 'object') throw new Error(`render {{ ${expression} }}: an object needs toJson`);
  return String(value);
}

function holds(condition: string, values: Values): boolean {
  const [, negated] = /^not \((.*)\)$/.exec(condition) ?? [];
  if (negated !== undefined) return !holds(negated, values);
  const [, part, text = ''] = /^contains "([^"]*)" \.Values\.([\w.]+)$/.exec(condition) ?? [];
  if (part !== undefined) return String(valueAt(text, values)).includes(part);
  const [operator, ...alternatives] = condition.split(' ');
  if (operator === 'or') return alternatives.some((each) => holds(each, values));
  const [, path = '', literal] = /^(?:ne )?\.Values\.([\w.]+)(?: "([^"]*)")?$/.exec(condition) ?? [];
  const value = valueAt(path, values);
  if (value === undefined) throw new Error(`render if ${condition}: there is no such value`);
  if (literal !== undefined) return value !== literal;
  // Helm takes empty texts, lists and maps for false.
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value);
}

function valueAt(path: string, values: Values): unknown {
  return path.split('.').reduce<unknown>((at, name) => (at as Values | undefined)?.[name], values);
}
