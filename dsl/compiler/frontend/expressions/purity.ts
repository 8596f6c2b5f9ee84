/** Whether an expression can be evaluated twice, or not at all, without a difference. */
import type { Expression } from '../../tree/tree.ts';

export function isPure(node: Expression): boolean {
  switch (node.kind) {
    case 'int':
    case 'bool':
    case 'undefined':
    case 'variable':
    case 'global':
    case 'linearLength':
    case 'contextField':
    case 'context':
      return true;
    case 'negate':
    case 'complement':
    case 'not':
    case 'convert':
    case 'hint':
    case 'present':
    case 'optional':
    case 'isPresent':
      return isPure(node.operand);
    case 'arithmetic':
    case 'compare':
    case 'logical':
    case 'extremum':
      return isPure(node.left) && isPure(node.right);
    case 'conditional':
      return isPure(node.condition) && isPure(node.whenTrue) && isPure(node.whenFalse);
    case 'record':
      return node.values.every(isPure);
    case 'field':
      return isPure(node.record);
    case 'member':
      return isPure(node.base);
    case 'element':
      return isPure(node.base) && isPure(node.index);
    case 'load':
      return isPure(node.from);
    default:
      return false;
  }
}
