/** The nodes of typed trees, for generated programs. */
import type {
  ArithmeticOperator,
  CompareOperator,
  Expression,
  IntType,
  OptionalType,
  RecordType,
  RefType,
  Space,
  Span,
  Type,
  Variable,
} from '../../dsl/compiler/tree/tree.ts';
import type { IntLayout, Layout, StructLayout } from '../../dsl/object/layout.ts';

export const FILE = 'generated.ts';

const intType = (bits: IntType['bits'], signed: boolean): IntType => ({ kind: 'int', bits, signed });
export const U8 = intType(8, false);
export const U16 = intType(16, false);
export const U32 = intType(32, false);
export const U64 = intType(64, false);
export const I8 = intType(8, true);
export const I16 = intType(16, true);
export const I32 = intType(32, true);
export const I64 = intType(64, true);
export const BOOL: Type = { kind: 'bool' };
export const VOID: Type = { kind: 'void' };
export const CONTEXT: Type = { kind: 'context' };

export const layoutOf = (type: IntType, order: IntLayout['order'] = 'little'): IntLayout => ({
  ...type,
  order,
});
export const refTo = (layout: Layout, space: Space): RefType => ({ kind: 'ref', layout, space });
export const optional = (of: RefType): OptionalType => ({ kind: 'optional', of });

/** Makes nodes with the span of the line being written; every statement starts a new line. */
export class Nodes {
  #line = 0;
  #variables = 0;
  #slots = 0;
  #labels = 0;

  get lines(): number {
    return this.#line;
  }

  nextLine(): Span {
    this.#line++;
    return this.span;
  }

  get span(): Span {
    return { file: FILE, line: this.#line, column: 1, endLine: this.#line, endColumn: 2 };
  }

  variable(prefix: string, type: Type): Variable {
    this.#variables++;
    return { id: this.#variables, name: `${prefix}${this.#variables}`, type };
  }

  label(): string {
    this.#labels++;
    return `l${this.#labels}`;
  }

  slot(): number {
    this.#slots++;
    return this.#slots;
  }

  int(type: IntType, value: bigint): Expression {
    const wrapped = type.signed ? BigInt.asIntN(type.bits, value) : BigInt.asUintN(type.bits, value);
    return { kind: 'int', span: this.span, type, value: wrapped };
  }

  bool(value: boolean): Expression {
    return { kind: 'bool', span: this.span, type: BOOL, value };
  }

  read(variable: Variable): Expression {
    return { kind: 'variable', span: this.span, type: variable.type, variable };
  }

  convert(type: IntType, operand: Expression): Expression {
    const from = operand.type;
    const same = from.kind === 'int' && from.bits === type.bits && from.signed === type.signed;
    return same ? operand : { kind: 'convert', span: this.span, type, operand };
  }

  arithmetic(operator: ArithmeticOperator, type: IntType, left: Expression, right: Expression): Expression {
    return { kind: 'arithmetic', span: this.span, type, operator, left, right };
  }

  compare(operator: CompareOperator, left: Expression, right: Expression): Expression {
    return { kind: 'compare', span: this.span, type: BOOL, operator, left, right };
  }

  context(): Expression {
    return { kind: 'context', span: this.span, type: CONTEXT };
  }

  contextField(name: string, type: IntType): Expression {
    return { kind: 'contextField', span: this.span, type, name };
  }

  member(base: Expression & { readonly type: RefType }, offset: number, layout: Layout): Reference {
    return { kind: 'member', span: this.span, type: refTo(layout, base.type.space), base, offset };
  }

  load(from: Expression, layout: IntLayout): Expression {
    const type = intType(layout.bits, layout.signed);
    return { kind: 'load', span: this.span, type, from, layout };
  }

  record(type: RecordType, values: readonly Expression[]): Expression {
    return { kind: 'record', span: this.span, type, values };
  }
}

export type Reference = Expression & { readonly type: RefType };

/** The record that lays out as a struct of integers. */
export function recordOf(layout: StructLayout): RecordType {
  return {
    kind: 'record',
    fields: layout.fields.flatMap(({ name, layout: field }) =>
      field.kind === 'int' ? [{ name, type: intType(field.bits, field.signed) }] : [],
    ),
  };
}

export function sameType(a: Type, b: Type): boolean {
  if (a.kind === 'int' && b.kind === 'int') return a.bits === b.bits && a.signed === b.signed;
  if (a.kind === 'record' && b.kind === 'record') {
    return (
      a.fields.length === b.fields.length &&
      a.fields.every((field, index) => {
        const other = b.fields[index];
        return other !== undefined && field.name === other.name && sameType(field.type, other.type);
      })
    );
  }
  return a.kind === b.kind;
}
