/** Checks the IR's invariants. Run between passes in tests, it names the pass that broke one. */
import { blocksById, dominatorTree, entryOf, predecessors, reversePostorder } from './analysis.ts';
import type { ReadonlyByBlock } from './by-block.ts';
import type { Block, Instruction, IrFunction, Operand, Terminator, ValueId, Width } from './ir.ts';
import { printInstruction, printTerminator } from './print.ts';
import { edgesOf, operandsOf, resultOf, terminatorOperands } from './visit.ts';

/** Thrown for IR that breaks an invariant; the message names the function, the place and the rule. */
export class IrInvalid extends Error {}

/** The width that a use demands of its operand; undefined where either will do. */
function demanded(instruction: Instruction): readonly (Width | undefined)[] {
  switch (instruction.op) {
    case 'binary':
      return [instruction.width, instruction.width];
    case 'zext':
      return [32];
    case 'trunc':
      return [64];
    case 'sext':
      return [undefined];
    case 'swap':
      return [instruction.bits === 64 ? 64 : undefined];
    case 'load':
      return [64];
    case 'store':
      return [64, instruction.bytes === 8 ? 64 : undefined];
    case 'atomic':
      return [64, instruction.width, instruction.width];
    case 'helper':
    case 'call':
      return instruction.arguments.map(() => undefined);
    default:
      return [];
  }
}

/** The width that an instruction gives its result. */
function given(instruction: Instruction): Width {
  switch (instruction.op) {
    case 'binary':
    case 'sext':
    case 'atomic':
      return instruction.width;
    case 'trunc':
      return 32;
    case 'swap':
      return instruction.bits === 64 ? 64 : 32;
    case 'load':
      return instruction.bytes === 8 || instruction.pointer ? 64 : 32;
    default:
      return 64;
  }
}

interface Place {
  readonly block: number;
  /** Position in the block; parameters lie at -1, the terminator behind the last instruction. */
  readonly index: number;
}

class Validator {
  private readonly blocks: ReadonlyByBlock<Block>;
  private readonly definitions = new Map<ValueId, Place>();

  constructor(private readonly fn: IrFunction) {
    this.blocks = blocksById(fn);
  }

  private fail(where: string, rule: string): never {
    throw new IrInvalid(`function ${this.fn.name}: ${where}: ${rule}`);
  }

  private define(value: ValueId, place: Place, where: string): void {
    if (this.definitions.has(value)) this.fail(where, `%${value} is defined twice`);
    if (this.fn.widths[value] === undefined) this.fail(where, `%${value} has no width`);
    this.definitions.set(value, place);
  }

  private constant(value: bigint, width: Width, where: string): void {
    if (value !== BigInt.asUintN(width, value))
      this.fail(where, `constant ${value} isn't in canonical unsigned form of ${width} bits`);
  }

  private operandWidth(operand: Operand, width: Width | undefined, where: string): void {
    if (typeof operand === 'bigint') this.constant(operand, width ?? 64, where);
    else if (width !== undefined && this.fn.widths[operand] !== width)
      this.fail(where, `%${operand} is ${this.fn.widths[operand]} bits wide where ${width} are needed`);
  }

  private shape(): void {
    const { fn } = this;
    if (fn.blocks.some((block) => this.blocks.get(block.id) !== block))
      this.fail('blocks', 'two blocks have the same id');
    const entry = entryOf(fn);
    if (entry.parameters.length > 0) this.fail(`b${entry.id}`, 'the entry block has parameters');
    if (fn.parameters.length > 5) this.fail('parameters', 'a BPF function takes at most 5 arguments');
    for (const block of fn.blocks)
      for (const edge of edgesOf(block.terminator)) {
        const target = this.blocks.get(edge.block);
        const where = `b${block.id}`;
        if (!target) this.fail(where, `there is no block b${edge.block}`);
        else if (target.parameters.length !== edge.arguments.length)
          this.fail(
            where,
            `b${edge.block} takes ${target.parameters.length} arguments, not ${edge.arguments.length}`,
          );
      }
    if ((predecessors(fn).get(entry.id) ?? []).length > 0)
      this.fail(`b${entry.id}`, 'the entry block has predecessors');
    const reachable = new Set(reversePostorder(fn));
    for (const block of fn.blocks)
      if (!reachable.has(block.id)) this.fail(`b${block.id}`, 'the block is unreachable');
  }

  private instruction(instruction: Instruction, where: string): void {
    const widths = demanded(instruction);
    operandsOf(instruction).forEach((operand, index) => {
      this.operandWidth(operand, widths[index], where);
    });
    const result = resultOf(instruction);
    if (result !== undefined && this.fn.widths[result] !== given(instruction))
      this.fail(where, `the result is ${given(instruction)} bits wide, %${result} ${this.fn.widths[result]}`);
    switch (instruction.op) {
      case 'load':
      case 'store':
        if (instruction.offset < -32768 || instruction.offset > 32767)
          this.fail(where, "the offset doesn't fit 16 bits");
        break;
      case 'atomic':
        if ((instruction.operator === 'compareExchange') !== (instruction.expected !== undefined))
          this.fail(where, 'compareExchange, and no other, has an expected value');
        break;
      case 'stackAddress':
        if (!this.fn.slots.some((slot) => slot.id === instruction.slot))
          this.fail(where, `there is no slot $${instruction.slot}`);
        break;
      case 'helper':
      case 'call':
        if (instruction.arguments.length > 5) this.fail(where, 'a call takes at most 5 arguments');
        break;
    }
  }

  private terminator(terminator: Terminator, where: string): void {
    if (terminator.op === 'branch')
      for (const operand of [terminator.left, terminator.right])
        this.operandWidth(operand, terminator.width, where);
    else for (const operand of terminatorOperands(terminator)) this.operandWidth(operand, undefined, where);
    for (const edge of edgesOf(terminator))
      edge.arguments.forEach((operand, index) => {
        const parameter = this.blocks.get(edge.block)?.parameters[index];
        if (parameter !== undefined) this.operandWidth(operand, this.fn.widths[parameter], where);
      });
  }

  private uses(): void {
    const { dominates } = dominatorTree(this.fn);
    const use = (operand: Operand, place: Place, where: string) => {
      if (typeof operand === 'bigint') return;
      const definition = this.definitions.get(operand);
      if (!definition) this.fail(where, `%${operand} isn't defined`);
      const before =
        definition.block === place.block
          ? definition.index < place.index
          : dominates(definition.block, place.block);
      if (!before) this.fail(where, `the definition of %${operand} doesn't dominate this use`);
    };
    for (const block of this.fn.blocks) {
      block.instructions.forEach((instruction, index) => {
        const where = `b${block.id}: ${printInstruction(instruction, this.fn.widths)}`;
        for (const operand of operandsOf(instruction)) use(operand, { block: block.id, index }, where);
      });
      const where = `b${block.id}: ${printTerminator(block.terminator)}`;
      const end = { block: block.id, index: block.instructions.length };
      for (const operand of terminatorOperands(block.terminator)) use(operand, end, where);
      for (const edge of edgesOf(block.terminator))
        for (const operand of edge.arguments) use(operand, end, where);
    }
  }

  run(): void {
    this.shape();
    const entry = entryOf(this.fn).id;
    for (const value of this.fn.parameters) this.define(value, { block: entry, index: -2 }, 'parameters');
    for (const block of this.fn.blocks) {
      for (const value of block.parameters)
        this.define(value, { block: block.id, index: -1 }, `b${block.id}`);
      block.instructions.forEach((instruction, index) => {
        const where = `b${block.id}: ${printInstruction(instruction, this.fn.widths)}`;
        const result = resultOf(instruction);
        if (result !== undefined) this.define(result, { block: block.id, index }, where);
        this.instruction(instruction, where);
      });
      this.terminator(block.terminator, `b${block.id}: ${printTerminator(block.terminator)}`);
    }
    this.uses();
  }
}

/**
 * Throws {@link IrInvalid} unless every definition dominates its uses, widths agree, edges match block
 * parameters, every block is reachable, and the entry has neither parameters nor predecessors.
 */
export function validate(fn: IrFunction): void {
  new Validator(fn).run();
}
