/** Whether an expression can be evaluated twice, or not at all, without a difference. */
import type { Expression } from '../../tree/tree.ts';
import { operandsOf } from '../../tree/walk.ts';

/** Kinds that neither change anything nor give something else the next time; their operands may. */
const PURE: ReadonlySet<Expression['kind']> = new Set([
  ...(['int', 'bool', 'undefined', 'variable', 'global', 'linearLength', 'contextField', 'context'] as const),
  ...(['negate', 'complement', 'not', 'convert', 'hint', 'present', 'optional', 'isPresent'] as const),
  ...(['arithmetic', 'compare', 'logical', 'extremum', 'conditional'] as const),
  ...(['record', 'field', 'member', 'element', 'load'] as const),
]);

export const isPure = (node: Expression): boolean => PURE.has(node.kind) && operandsOf(node).every(isPure);
