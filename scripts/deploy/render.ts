/**
 * As much of Helm's template language as the chart uses: values by path, `toJson`, and `if` with a value or with `ne`.
 * Anything else is an error, so that a test on the result can't pass over it.
 */

export type Values = { readonly [name: string]: unknown };

/** Renders a template for the namespace `kube-system`. */
export function render(template: string, values: Values): string {
  const blocks = /^[ \t]*\{\{- if ([^}]+) \}\}\n([\s\S]*?)^[ \t]*\{\{- end \}\}\n/gm;
  return template
    .replaceAll(blocks, (_, condition: string, body: string) => (holds(condition, values) ? body : ''))
    .replaceAll(/\{\{ ([^}]+) \}\}/g, (_, expression: string) => evaluate(expression, values));
}

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
