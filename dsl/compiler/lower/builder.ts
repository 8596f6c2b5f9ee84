/**
 * Builds one IR function in SSA form straight from structured code: Braun et al., "Simple and Efficient
 * Construction of Static Single Assignment Form", CC 2013, with block parameters for phi functions. Constant
 * operands fold as they are emitted, so that an unrolled loop's counter is a constant.
 */

import type {
  BinaryOperator,
  Condition,
  Edge,
  Instruction,
  IrFunction,
  Operand,
  StackSlot,
  Terminator,
  ValueId,
  Width,
} from '../ir/ir.ts';
import { mapOperands } from '../ir/visit.ts';
import { evaluateBinary, ones, signed, swapBytes, unsigned } from '../passes/arithmetic.ts';
import type { Span } from '../tree/tree.ts';

/** A source variable's scalar: what phi functions are made for. */
export interface SsaVariable {
  readonly id: number;
  readonly width: Width;
}

interface OpenEdge {
  readonly from: OpenBlock;
  readonly to: OpenBlock;
  readonly arguments: Operand[];
}

type OpenTerminator =
  | { readonly op: 'jump'; readonly to: OpenEdge; readonly span?: Span }
  | {
      readonly op: 'branch';
      readonly test: BranchTest;
      readonly then: OpenEdge;
      readonly otherwise: OpenEdge;
      readonly likely?: boolean;
      readonly span?: Span;
    }
  | { readonly op: 'return'; readonly value: Operand; readonly span?: Span };

/** What a branch compares. */
export interface BranchTest {
  readonly condition: Condition;
  readonly width: Width;
  readonly left: Operand;
  readonly right: Operand;
}

/** A block under construction. It is sealed once all its predecessors are known. */
export interface OpenBlock {
  readonly id: number;
  readonly parameters: { readonly variable: SsaVariable; readonly value: ValueId }[];
  readonly instructions: Instruction[];
  readonly incoming: OpenEdge[];
  readonly definitions: Map<number, Operand>;
  terminator?: OpenTerminator;
  sealed: boolean;
}

/** An instruction without the result and span that the builder gives it. */
type Unnumbered<T> = T extends Instruction ? Omit<T, 'result' | 'span'> : never;
export type Emitted = Unnumbered<Instruction>;

export class FunctionBuilder {
  readonly name: string;
  readonly parameters: readonly ValueId[];
  /** Source of what is emitted next. */
  span: Span | undefined;
  private readonly widths: Width[] = [];
  private readonly blocks: OpenBlock[] = [];
  private readonly slots: StackSlot[] = [];
  /** By value, as the widths are. */
  private readonly producers: (Instruction | undefined)[] = [];
  private readonly replaced: (Operand | undefined)[] = [];
  private variables = 0;
  private block: OpenBlock;

  constructor(name: string, parameterWidths: readonly Width[]) {
    this.name = name;
    this.parameters = parameterWidths.map((width) => this.value(width));
    this.block = this.newBlock();
    this.seal(this.block);
  }

  /** Whether control can reach what is emitted next. */
  get reachable(): boolean {
    return this.block.terminator === undefined;
  }

  /** The instruction that made `operand`, if one did. */
  readonly producer = (operand: Operand): Instruction | undefined =>
    typeof operand === 'number' ? this.producers[operand] : undefined;

  /** The width of a value; undefined for a constant. */
  widthOf(operand: Operand): Width | undefined {
    return typeof operand === 'number' ? this.widths[operand] : undefined;
  }

  newBlock(): OpenBlock {
    const block: OpenBlock = {
      id: this.blocks.length,
      parameters: [],
      instructions: [],
      incoming: [],
      definitions: new Map(),
      sealed: false,
    };
    this.blocks.push(block);
    return block;
  }

  /** What is emitted next goes to `block`. */
  switchTo(block: OpenBlock): void {
    this.block = block;
  }

  newSlot(size: number, alignment: number): number {
    const id = this.slots.length;
    this.slots.push({ id, size, alignment });
    return id;
  }

  /** Appends an instruction that yields a value of `width`. */
  emit(instruction: Emitted, width: Width): ValueId {
    const result = this.value(width);
    return this.place({ ...instruction, result, span: this.span } as Instruction, result);
  }

  /** Appends an instruction for its effect. */
  emitEffect(instruction: Emitted): void {
    this.block.instructions.push({ ...instruction, span: this.span } as Instruction);
  }

  binary(operator: BinaryOperator, width: Width, left: Operand, right: Operand): Operand {
    if (typeof left === 'bigint' && typeof right === 'bigint') {
      return evaluateBinary(operator, width, left, right);
    }
    if (operator === 'add' && right === 0n) {
      return left;
    }
    const result = this.value(width);
    return this.place({ op: 'binary', operator, width, result, left, right, span: this.span }, result);
  }

  zext(value: Operand): Operand {
    return typeof value === 'bigint' ? unsigned(value, 32) : this.emit({ op: 'zext', value }, 64);
  }

  trunc(value: Operand): Operand {
    return typeof value === 'bigint' ? unsigned(value, 32) : this.emit({ op: 'trunc', value }, 32);
  }

  sext(from: 8 | 16 | 32, width: Width, value: Operand): Operand {
    return typeof value === 'bigint'
      ? unsigned(signed(value, from), width)
      : this.emit({ op: 'sext', from, width, value }, width);
  }

  swap(bits: 16 | 32 | 64, value: Operand): Operand {
    return typeof value === 'bigint'
      ? swapBytes(value, bits)
      : this.emit({ op: 'swap', bits, value }, bits === 64 ? 64 : 32);
  }

  /** Keeps the low `bits` of a 32-bit value. */
  mask(bits: 8 | 16, value: Operand): Operand {
    return this.binary('and', 32, value, ones(bits));
  }

  jump(to: OpenBlock): void {
    this.terminate({ op: 'jump', to: this.edge(to), span: this.span });
  }

  branch(test: BranchTest, then: OpenBlock, otherwise: OpenBlock, likely?: boolean): void {
    this.terminate({
      op: 'branch',
      test,
      then: this.edge(then),
      otherwise: this.edge(otherwise),
      likely,
      span: this.span,
    });
  }

  return(value: Operand): void {
    this.terminate({ op: 'return', value, span: this.span });
  }

  newVariable(width: Width): SsaVariable {
    this.variables += 1;
    return { id: this.variables, width };
  }

  write(variable: SsaVariable, value: Operand): void {
    this.block.definitions.set(variable.id, value);
  }

  read(variable: SsaVariable): Operand {
    return this.readIn(variable, this.block);
  }

  /** Says that `block` gets no further predecessors. */
  seal(block: OpenBlock): void {
    block.sealed = true;
    const incomplete = block.parameters.slice();
    for (const [index, parameter] of incomplete.entries()) {
      this.completeParameter(block, index, parameter);
    }
  }

  /** The finished function: blocks that cannot be reached and parameters that merge nothing are gone. */
  finish(): IrFunction {
    const live = this.reachableBlocks();
    const places = new Array<number | undefined>(this.blocks.length);
    for (const [place, { id }] of live.entries()) places[id] = place;
    const merges = live.flatMap(({ parameters, incoming }) =>
      parameters.length === 0
        ? []
        : { parameters, incoming: incoming.filter(({ from }) => places[from.id] !== undefined) },
    );
    for (let changed = true; changed; ) {
      changed = false;
      for (const { parameters, incoming } of merges) {
        for (const [index, { value }] of parameters.entries()) {
          if (this.replaced[value] === undefined && this.replaceIfTrivial(value, incoming, index)) {
            changed = true;
          }
        }
      }
    }
    const isLeft = (value: ValueId): boolean => this.replaced[value] === undefined;
    const edge = (open: OpenEdge): Edge => {
      const passed: Operand[] = [];
      for (const [index, { value }] of open.to.parameters.entries())
        if (isLeft(value)) passed.push(this.resolve(open.arguments[index] ?? 0n));
      return { block: places[open.to.id] ?? 0, arguments: passed };
    };
    return {
      name: this.name,
      parameters: this.parameters,
      blocks: live.map((block, id) => ({
        id,
        parameters: block.parameters.map(({ value }) => value).filter(isLeft),
        instructions: block.instructions.map((instruction) => mapOperands(instruction, this.resolve)),
        terminator: this.closeTerminator(block, edge),
      })),
      slots: this.slots,
      widths: this.widths,
    };
  }

  private closeTerminator(block: OpenBlock, edge: (open: OpenEdge) => Edge): Terminator {
    const open = block.terminator;
    if (open === undefined) {
      throw new Error(`lowering ${this.name}: block ${block.id} has no terminator`);
    }
    const { span } = open;
    switch (open.op) {
      case 'jump':
        return { op: 'jump', to: edge(open.to), span };
      case 'return':
        return { op: 'return', value: this.resolve(open.value), span };
      case 'branch': {
        const { condition, width, left, right } = open.test;
        return {
          op: 'branch',
          condition,
          width,
          left: this.resolve(left),
          right: this.resolve(right),
          then: edge(open.then),
          otherwise: edge(open.otherwise),
          likely: open.likely,
          span,
        };
      }
    }
  }

  private reachableBlocks(): OpenBlock[] {
    const seen = new Array<boolean>(this.blocks.length).fill(false);
    const work = this.blocks.slice(0, 1);
    for (let block = work.pop(); block !== undefined; block = work.pop()) {
      if (seen[block.id]) continue;
      seen[block.id] = true;
      const end = block.terminator;
      if (end?.op === 'jump') work.push(end.to.to);
      else if (end?.op === 'branch') work.push(end.then.to, end.otherwise.to);
    }
    return this.blocks.filter(({ id }) => seen[id]);
  }

  private value(width: Width): ValueId {
    this.producers.push(undefined);
    this.replaced.push(undefined);
    return this.widths.push(width) - 1;
  }

  private place(instruction: Instruction, result: ValueId): ValueId {
    this.block.instructions.push(instruction);
    this.producers[result] = instruction;
    return result;
  }

  private edge(to: OpenBlock): OpenEdge {
    if (to.sealed) {
      throw new Error(`lowering ${this.name}: block ${to.id} is sealed and gets a predecessor`);
    }
    const edge: OpenEdge = { from: this.block, to, arguments: [] };
    to.incoming.push(edge);
    return edge;
  }

  private terminate(terminator: OpenTerminator): void {
    this.block.terminator = terminator;
  }

  private readonly resolve = (operand: Operand): Operand => {
    let current = operand;
    while (typeof current === 'number') {
      const next = this.replaced[current];
      if (next === undefined) {
        return current;
      }
      current = next;
    }
    return current;
  };

  private readIn(variable: SsaVariable, block: OpenBlock): Operand {
    const known = block.definitions.get(variable.id);
    if (known !== undefined) {
      return this.resolve(known);
    }
    const [only] = block.incoming;
    let value: Operand;
    if (block.sealed && only === undefined) {
      value = 0n;
    } else if (block.sealed && only !== undefined && block.incoming.length === 1) {
      value = this.readIn(variable, only.from);
    } else {
      const parameter = { variable, value: this.value(variable.width) };
      block.parameters.push(parameter);
      block.definitions.set(variable.id, parameter.value);
      if (block.sealed) {
        this.completeParameter(block, block.parameters.length - 1, parameter);
      }
      value = this.resolve(parameter.value);
    }
    block.definitions.set(variable.id, value);
    return value;
  }

  private completeParameter(
    block: OpenBlock,
    index: number,
    parameter: { variable: SsaVariable; value: ValueId },
  ): void {
    for (const edge of block.incoming) {
      edge.arguments[index] = this.readIn(parameter.variable, edge.from);
    }
    this.replaceIfTrivial(parameter.value, block.incoming, index);
  }

  /** A parameter that receives one operand besides itself is that operand. */
  private replaceIfTrivial(value: ValueId, incoming: readonly OpenEdge[], index: number): boolean {
    let same: Operand | undefined;
    for (const edge of incoming) {
      const argument = this.resolve(edge.arguments[index] ?? 0n);
      if (argument === value || argument === same) {
        continue;
      }
      if (same !== undefined) {
        return false;
      }
      same = argument;
    }
    this.replaced[value] = same ?? 0n;
    return true;
  }
}
