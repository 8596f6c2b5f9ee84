/**
 * Rewrites a function so that every instruction has a machine counterpart and every edge with arguments has a
 * block of its own to set them in (critical edges split, and edges of branches in general: an empty block costs
 * nothing, the layout removes it).
 */
import { blocksById, reversePostorder } from '../ir/analysis.ts';
import type { ReadonlyByBlock } from '../ir/by-block.ts';
import type {
  BinaryOperator,
  Block,
  Edge,
  Instruction,
  IrFunction,
  Operand,
  Terminator,
  Width,
} from '../ir/ir.ts';
import { mapEdges } from '../ir/visit.ts';
import type { Target } from './target.ts';

type Binary = Extract<Instruction, { op: 'binary' }>;
type Jump = Extract<Terminator, { op: 'jump' }>;
const SHIFTS: ReadonlySet<BinaryOperator> = new Set<BinaryOperator>(['shl', 'lshr', 'ashr']);

class Legaliser {
  private readonly widths: Width[];
  private readonly blocks: Block[] = [];
  private readonly byId: ReadonlyByBlock<Block>;
  private nextBlock: number;

  constructor(
    private readonly fn: IrFunction,
    private readonly target: Target,
  ) {
    this.widths = [...fn.widths];
    this.byId = blocksById(fn);
    this.nextBlock = Math.max(...fn.blocks.map((block) => block.id)) + 1;
  }

  /**
   * Signed division out of unsigned: divide magnitudes, then give the quotient the sign of both and the
   * remainder the dividend's. `(x ^ s) - s` with s = x >> (width - 1) negates where s is -1. Division by zero,
   * modulo by zero and INT_MIN / -1 come out as RFC 9669 section 4.1 wants them.
   */
  private signedDivision(instruction: Binary, into: Instruction[]): void {
    const { width, span } = instruction;
    const emit = (operator: BinaryOperator, left: Operand, right: Operand, result = this.widths.length) => {
      this.widths[result] = width;
      into.push({ op: 'binary', operator, width, result, left, right, ...(span && { span }) });
      return result;
    };
    const sign = (value: Operand) => emit('ashr', value, BigInt(width - 1));
    const negateIf = (value: Operand, mask: Operand, result?: number) =>
      emit('sub', emit('xor', value, mask), mask, result);
    const left = sign(instruction.left);
    const right = sign(instruction.right);
    const dividend = negateIf(instruction.left, left);
    const divisor = negateIf(instruction.right, right);
    if (instruction.operator === 'sdiv') {
      const quotient = emit('udiv', dividend, divisor);
      negateIf(quotient, emit('xor', left, right), instruction.result);
    } else negateIf(emit('umod', dividend, divisor), left, instruction.result);
  }

  private binary(instruction: Binary, into: Instruction[]): void {
    const { operator, width, right } = instruction;
    if (typeof right === 'bigint') {
      // The verifier refuses an immediate shift count of the width or more (check_alu_op, kernel/bpf/verifier.c).
      if (SHIFTS.has(operator)) {
        into.push({ ...instruction, right: right % BigInt(width) });
        return;
      }
      // It refuses an immediate division by zero too: the result is 0, of a modulo the dividend.
      if (right === 0n && (operator === 'udiv' || operator === 'sdiv')) {
        into.push({ ...instruction, operator: 'and', right: 0n });
        return;
      }
      if (right === 0n && (operator === 'umod' || operator === 'smod')) {
        into.push({ ...instruction, operator: 'or', right: 0n });
        return;
      }
    }
    if ((operator === 'sdiv' || operator === 'smod') && !this.target.v4)
      this.signedDivision(instruction, into);
    else into.push(instruction);
  }

  private split(edge: Edge): Edge {
    if (edge.arguments.length === 0) return edge;
    const id = this.nextBlock++;
    this.blocks.push({
      id,
      parameters: [],
      instructions: [],
      terminator: this.jump({ op: 'jump', to: edge }),
    });
    return { block: id, arguments: [] };
  }

  /** A jump to a block that does nothing but return is that return, so that equal ones are found to be equal. */
  private jump(jump: Jump): Terminator {
    const { block, arguments: passed } = jump.to;
    const target = this.byId.get(block);
    if (target?.terminator.op !== 'return' || target.instructions.length > 0) return jump;
    const { value } = target.terminator;
    const index = typeof value === 'number' ? target.parameters.indexOf(value) : -1;
    return { ...target.terminator, value: index < 0 ? value : (passed[index] ?? value) };
  }

  run(): IrFunction {
    for (const id of reversePostorder(this.fn)) {
      const block = this.byId.get(id);
      if (!block) continue;
      const instructions: Instruction[] = [];
      for (const instruction of block.instructions)
        if (instruction.op === 'binary') this.binary(instruction, instructions);
        else instructions.push(instruction);
      const { terminator } = block;
      const splits =
        terminator.op === 'branch'
          ? mapEdges(terminator, (edge) => this.split(edge))
          : terminator.op === 'jump'
            ? this.jump(terminator)
            : terminator;
      // A split block follows the block that branches, which keeps the entry first once it is moved there.
      this.blocks.push({ ...block, instructions, terminator: splits });
    }
    const entry = this.fn.blocks[0]?.id;
    const blocks = [...this.blocks].sort(
      (left, right) => Number(right.id === entry) - Number(left.id === entry),
    );
    return { ...this.fn, blocks: reachable({ ...this.fn, blocks }), widths: this.widths };
  }
}

/** The blocks that are still reached, in their order. */
function reachable(fn: IrFunction): readonly Block[] {
  const reached = new Set(reversePostorder(fn));
  return fn.blocks.filter(({ id }) => reached.has(id));
}

/** The function with only instructions that the target has, unreachable blocks gone, and branch edges without arguments. */
export function legalise(fn: IrFunction, target: Target): IrFunction {
  return new Legaliser(fn, target).run();
}
