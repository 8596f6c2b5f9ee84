/** For the passes' tests. */
import type { IrFunction } from '../ir/ir.ts';
import { parseFunction } from '../ir/parse.ts';
import { printFunction } from '../ir/print.ts';
import { validate } from '../ir/validate.ts';

/** The text of a function after a pass; `body` is the text of its blocks. */
export function textAfter(pass: (fn: IrFunction) => IrFunction, body: string): string {
  const fn = parseFunction(`func @f(%0:64) {\n${body}\n}`);
  validate(fn);
  const result = pass(fn);
  validate(result);
  return printFunction(result);
}
