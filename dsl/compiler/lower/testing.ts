/** Trees by hand, for the lowering's tests. */
import type { IntLayout, Layout } from '../../object/layout.ts';
import type {
  ArithmeticOperator,
  CompareOperator,
  Expression,
  FunctionTree,
  IntType,
  ModuleTree,
  OptionalType,
  ProgramTree,
  RefType,
  Space,
  Statement,
  Type,
  Variable,
} from '../tree/tree.ts';

export const span = { file: 'test.ts', line: 1, column: 1, endLine: 1, endColumn: 2 };

const intType = (bits: IntType['bits'], isSigned: boolean): IntType => ({
  kind: 'int',
  bits,
  signed: isSigned,
});
export const u8 = intType(8, false);
export const u16 = intType(16, false);
export const u32 = intType(32, false);
export const u64 = intType(64, false);
export const i8 = intType(8, true);
export const i32 = intType(32, true);
export const i64 = intType(64, true);
export const bool: Type = { kind: 'bool' };
export const context: Type = { kind: 'context' };

export const layoutOf = (type: IntType, order: 'little' | 'big' = 'little'): IntLayout => ({
  ...type,
  order,
});
export const ref = (layout: Layout, space: Space): RefType => ({ kind: 'ref', layout, space });
export const optionalOf = (of: RefType): OptionalType => ({ kind: 'optional', of });

let ids = 0;
export const variable = (name: string, type: Type): Variable => {
  ids += 1;
  return { id: ids, name, type };
};
export const read = (of: Variable): Expression => ({ kind: 'variable', span, type: of.type, variable: of });
export const int = (type: IntType, value: bigint): Expression => ({ kind: 'int', span, type, value });

export const arithmetic = (
  operator: ArithmeticOperator,
  type: IntType,
  left: Expression,
  right: Expression,
): Expression => ({ kind: 'arithmetic', span, type, operator, left, right });
export const compare = (operator: CompareOperator, left: Expression, right: Expression): Expression => ({
  kind: 'compare',
  span,
  type: bool,
  operator,
  left,
  right,
});
export const convert = (type: IntType, operand: Expression): Expression => ({
  kind: 'convert',
  span,
  type,
  operand,
});

export const field = (name: string, type: IntType): Expression => ({
  kind: 'contextField',
  span,
  type,
  name,
});
export const length = field('len', u32);
export const mark = field('mark', u32);

export const packetAt = (layout: Layout, offset: Expression): Expression => ({
  kind: 'packetAt',
  span,
  type: optionalOf(ref(layout, 'packet')),
  offset,
  layout,
});
export const isPresent = (operand: Expression): Expression => ({
  kind: 'isPresent',
  span,
  type: bool,
  operand,
});
export const present = (type: RefType, operand: Expression): Expression => ({
  kind: 'present',
  span,
  type,
  operand,
});
export const load = (from: Expression, type: IntType, order: 'little' | 'big' = 'little'): Expression => ({
  kind: 'load',
  span,
  type,
  from,
  layout: layoutOf(type, order),
});
export const member = (base: Expression, offset: number, layout: Layout): Expression => {
  if (base.type.kind !== 'ref') {
    throw new Error('member of a value that is no reference');
  }
  return { kind: 'member', span, type: ref(layout, base.type.space), base, offset };
};

export const declare = (of: Variable, value: Expression): Statement => ({
  kind: 'declare',
  span,
  variable: of,
  value,
});
export const assign = (of: Variable, value: Expression): Statement => ({
  kind: 'assign',
  span,
  variable: of,
  value,
});
export const give = (value: Expression): Statement => ({ kind: 'return', span, value });
export const block = (...body: Statement[]): Statement => ({ kind: 'block', span, body });
export const when = (condition: Expression, whenTrue: Statement, whenFalse?: Statement): Statement => ({
  kind: 'if',
  span,
  condition,
  whenTrue,
  ...(whenFalse === undefined ? {} : { whenFalse }),
});

export const functionTree = (
  name: string,
  parameters: readonly Variable[],
  returnType: Type,
  body: readonly Statement[],
  noinline = false,
): FunctionTree => ({ span, name, parameters, returnType, body, noinline });

/** A classifier whose entry has this body, in a module of its own. */
export function classifier(
  body: readonly Statement[],
  parts: Partial<ModuleTree> = {},
): { module: ModuleTree; program: ProgramTree } {
  const entry = functionTree('test', [variable('skb', context)], i32, body);
  const program: ProgramTree = { span, name: 'test', kind: 'classifier', entry };
  return { module: { programs: [program], maps: [], sections: [], sources: new Map(), ...parts }, program };
}
