/** Instruction selection: legalised SSA to two-address machine code over virtual registers, a block at a time. */
import type { ALU } from '../../object/instruction.ts';
import { ATOMIC } from '../../object/instruction.ts';
import { forgetsHighHalf, valuesInAddresses } from '../ir/addresses.ts';
import {
  type BinaryOperator,
  type Block,
  type Instruction,
  type IrFunction,
  MIRRORED,
  type Operand,
  type ValueId,
} from '../ir/ir.ts';
import { LastUses } from '../ir/last-uses.ts';
import { resultOf } from '../ir/visit.ts';
import type { Span } from '../tree/tree.ts';
import { canJumpOn, INVERSE } from './encode.ts';
import { type Place, SelectionFacts } from './facts.ts';
import { blockFrequencies } from './frequency.ts';
import {
  type Address,
  FIRST_VIRTUAL,
  type MachineBlock,
  type MachineFunction,
  type MachineInstruction,
  type MachineTerminator,
  RESULT,
  type Register,
  type Source,
} from './machine.ts';
import { sequentialise } from './parallel.ts';
import { BackendError, fitsImmediate, immediateOf, type Target } from './target.ts';

type Of<Op extends Instruction['op']> = Extract<Instruction, { op: Op }>;
/** A machine instruction before its span is put on. */
type Bare<T> = T extends unknown ? Omit<T, 'span'> : never;

const OPERATORS: Readonly<Record<BinaryOperator, Exclude<keyof typeof ALU, 'mov' | 'end'>>> = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  udiv: 'div',
  sdiv: 'div',
  umod: 'mod',
  smod: 'mod',
  and: 'and',
  or: 'or',
  xor: 'xor',
  shl: 'lsh',
  lshr: 'rsh',
  ashr: 'arsh',
};
const COMMUTATIVE: ReadonlySet<BinaryOperator> = new Set<BinaryOperator>(['add', 'mul', 'and', 'or', 'xor']);
const ATOMIC_CODES = {
  add: ATOMIC.add,
  or: ATOMIC.or,
  and: ATOMIC.and,
  xor: ATOMIC.xor,
  exchange: ATOMIC.exchange,
  compareExchange: ATOMIC.compareExchange,
} as const;
const LOW_HALF = 0xffff_ffffn;

class Selector {
  private readonly facts: SelectionFacts;
  private readonly lastUses: LastUses;
  private readonly inAddresses: ReadonlySet<ValueId>;
  private readonly registers = new Map<ValueId, Register>();
  private readonly slotNumbers: ReadonlyMap<number, number>;
  private nextRegister = FIRST_VIRTUAL;
  private out: MachineInstruction[] = [];
  private span: Span | undefined;

  constructor(
    private readonly fn: IrFunction,
    private readonly target: Target,
    private readonly isEntry: boolean,
  ) {
    this.facts = new SelectionFacts(fn);
    this.lastUses = new LastUses(fn);
    this.inAddresses = valuesInAddresses(fn);
    this.slotNumbers = new Map(fn.slots.map((slot, number) => [slot.id, number]));
  }

  private fresh(): Register {
    return this.nextRegister++;
  }

  private emit(instruction: Bare<MachineInstruction>): void {
    this.out.push(this.span ? { ...instruction, span: this.span } : instruction);
  }

  private move(to: Register, from: Register): void {
    if (to !== from) this.emit({ op: 'move', to, from });
  }

  private registerOf(value: ValueId): Register {
    const source = this.facts.sourceOf(value);
    const known = this.registers.get(source);
    if (known !== undefined) return known;
    const register = this.fresh();
    this.registers.set(source, register);
    return register;
  }

  private slot(id: number): number {
    const number = this.slotNumbers.get(id);
    if (number === undefined) throw new BackendError(`function ${this.fn.name} has no stack slot $${id}`);
    return number;
  }

  /** Sets `to` to an operand. */
  private materialise(to: Register, operand: Operand): void {
    if (typeof operand === 'bigint') {
      this.emit({ op: 'constant', to, value: operand });
      return;
    }
    const definition = this.facts.definition(operand);
    const place = this.facts.place(operand, 0);
    if ('frame' in place)
      this.emit({ op: 'frameAddress', to, slot: this.slot(place.frame), offset: place.offset });
    else if (definition?.op === 'mapAddress')
      this.emit({ op: 'relocated', to, target: { kind: 'map', name: definition.map } });
    else this.move(to, this.registerOf(operand));
  }

  /** A register that holds an operand: the value's own, or a fresh one for what is made anew at each use. */
  private register(operand: Operand): Register {
    if (typeof operand === 'number' && !this.facts.madeAtUse(operand)) return this.registerOf(operand);
    const register = this.fresh();
    this.materialise(register, operand);
    return register;
  }

  private source(operand: Operand, width: 32 | 64): Source {
    if (typeof operand === 'bigint' && fitsImmediate(operand, width)) return { imm: immediateOf(operand) };
    return { register: this.register(operand) };
  }

  private address(base: Operand, offset: number): Address {
    const place: Place = typeof base === 'number' ? this.facts.place(base, offset) : { value: base, offset };
    return 'frame' in place
      ? { slot: this.slot(place.frame), offset: place.offset }
      : { register: this.register(place.value), offset: place.offset };
  }

  private binary(instruction: Of<'binary'>, block: Block): void {
    const { operator, width } = instruction;
    let { left, right } = instruction;
    const to = this.registerOf(instruction.result);
    const commutes = COMMUTATIVE.has(operator);
    // An address is the left one. Added to a number it would count as one of the entry's stack: the verifier copies no
    // frame number there (adjust_ptr_min_max_vals, kernel/bpf/verifier.c).
    const mayBeAddress = operator === 'add' && width === 64 && !this.isEntry && typeof left === 'number';
    if (commutes && !mayBeAddress) {
      const better =
        typeof left === 'bigint' ||
        (typeof right === 'number' &&
          this.lastUses.isLast(right, instruction, block) &&
          !this.lastUses.isLast(left, instruction, block));
      if (better) [left, right] = [right, left];
    }
    if (operator === 'and' && width === 64 && right === LOW_HALF && typeof left === 'number') {
      this.emit({ op: 'move32', to, from: this.register(left) });
      return;
    }
    if (operator === 'sub' && left === 0n && typeof right === 'number') {
      this.materialise(to, right);
      this.emit({ op: 'alu', operator: 'neg', width, to, source: { imm: 0 } });
      return;
    }
    // A constant that no immediate holds takes the result's register rather than one of its own.
    if (commutes && typeof right === 'bigint' && !fitsImmediate(right, width)) [left, right] = [right, left];
    const source = this.source(right, width);
    this.materialise(to, left);
    const signed = operator === 'sdiv' || operator === 'smod' ? { signed: true } : {};
    this.emit({ op: 'alu', operator: OPERATORS[operator], width, to, source, ...signed });
  }

  private signExtend(instruction: Of<'sext'>): void {
    const { from: bits, width } = instruction;
    const to = this.registerOf(instruction.result);
    if (bits === width) {
      this.emit({ op: 'move32', to, from: this.register(instruction.value) });
      return;
    }
    if (this.target.v4) {
      this.emit({ op: 'moveSigned', bits, width, to, from: this.register(instruction.value) });
      return;
    }
    this.materialise(to, instruction.value);
    const source = { imm: width - bits };
    this.emit({ op: 'alu', operator: 'lsh', width, to, source });
    this.emit({ op: 'alu', operator: 'arsh', width, to, source });
  }

  private store(instruction: Of<'store'>): void {
    const { bytes, value, region } = instruction;
    const to = this.address(instruction.base, instruction.offset);
    const constant = typeof value === 'bigint' ? BigInt.asUintN(bytes * 8, value) : undefined;
    // Kernels before 6.4 refuse ST into a context (check_mem_access on PTR_TO_CTX, kernel/bpf/verifier.c).
    const immediate =
      constant !== undefined && region !== 'context' && fitsImmediate(constant, bytes === 8 ? 64 : 32);
    const source = immediate
      ? { imm: immediateOf(constant) }
      : { register: this.register(constant ?? value) };
    this.emit({ op: 'store', bytes, to, source });
  }

  private atomic(instruction: Of<'atomic'>): void {
    const { operator, width, result, expected } = instruction;
    const at = this.address(instruction.base, instruction.offset);
    if (expected !== undefined) {
      const value = this.register(instruction.value);
      this.materialise(RESULT, expected);
      this.emit({ op: 'atomic', code: ATOMIC_CODES[operator], width, at, value, writes: 'r0' });
      if (result !== undefined) this.move(this.registerOf(result), RESULT);
    } else if (operator !== 'exchange' && result === undefined) {
      const value = this.register(instruction.value);
      this.emit({ op: 'atomic', code: ATOMIC_CODES[operator], width, at, value, writes: 'nothing' });
    } else {
      const value = result === undefined ? this.fresh() : this.registerOf(result);
      this.materialise(value, instruction.value);
      const code = ATOMIC_CODES[operator] | ATOMIC.fetch;
      this.emit({ op: 'atomic', code, width, at, value, writes: 'value' });
    }
  }

  private call(instruction: Of<'helper'> | Of<'call'>): void {
    instruction.arguments.forEach((argument, index) => {
      this.materialise(1 + index, argument);
    });
    const target =
      instruction.op === 'helper' ? { helper: instruction.id } : { function: instruction.function };
    this.emit({ op: 'call', target, arguments: instruction.arguments.length });
    if (instruction.result !== undefined) this.move(this.registerOf(instruction.result), RESULT);
  }

  /** Tells the verifier again that the upper half of a result is zero, where an address needs it. */
  private clearHighHalf(instruction: Instruction): void {
    const result = resultOf(instruction);
    if (result === undefined || !forgetsHighHalf(instruction) || !this.inAddresses.has(result)) return;
    const register = this.registerOf(result);
    this.emit({ op: 'move32', to: register, from: register });
  }

  private instruction(instruction: Instruction, block: Block): void {
    switch (instruction.op) {
      case 'binary':
        // What every use folds into its address has no instruction; dead code removal would take it too.
        if (!this.facts.isFrame(instruction.result)) this.binary(instruction, block);
        break;
      case 'zext':
      case 'trunc': {
        const { value, result } = instruction;
        if (this.facts.isAlias(result)) break;
        const to = this.registerOf(result);
        if (typeof value === 'bigint') this.materialise(to, BigInt.asUintN(32, value));
        else this.emit({ op: 'move32', to, from: this.register(value) });
        break;
      }
      case 'sext':
        this.signExtend(instruction);
        break;
      case 'swap': {
        const to = this.registerOf(instruction.result);
        this.materialise(to, instruction.value);
        this.emit({ op: 'swap', bits: instruction.bits, to });
        break;
      }
      case 'load': {
        const setting = this.facts.setting(instruction);
        if (setting) {
          const to = this.registerOf(instruction.result);
          this.emit({ op: 'setting', bytes: instruction.bytes, to, ...setting });
          break;
        }
        const from = this.address(instruction.base, instruction.offset);
        const to = this.registerOf(instruction.result);
        this.emit({ op: 'load', bytes: instruction.bytes, to, from });
        break;
      }
      case 'store':
        this.store(instruction);
        break;
      case 'atomic':
        this.atomic(instruction);
        break;
      case 'stackAddress':
      case 'mapAddress':
        break;
      case 'sectionAddress': {
        const { section, offset, result } = instruction;
        if (this.facts.isForSettings(result)) break;
        const target = { kind: 'section', name: section, offset } as const;
        this.emit({ op: 'relocated', to: this.registerOf(result), target });
        break;
      }
      case 'functionAddress': {
        const target = { kind: 'function', name: instruction.function } as const;
        this.emit({ op: 'relocated', to: this.registerOf(instruction.result), target });
        break;
      }
      case 'helper':
      case 'call':
        this.call(instruction);
        break;
    }
  }

  private edge(block: Block, to: { readonly block: number; readonly arguments: readonly Operand[] }): void {
    const parameters = this.facts.block(to.block).parameters;
    const copies: { to: Register; from: Register }[] = [];
    const constants: { to: Register; operand: Operand }[] = [];
    parameters.forEach((parameter, index) => {
      const operand = to.arguments[index];
      if (operand === undefined)
        throw new BackendError(`function ${this.fn.name}: b${block.id} passes too few arguments`);
      const target = this.registerOf(parameter);
      if (typeof operand === 'bigint' || this.facts.madeAtUse(operand))
        constants.push({ to: target, operand });
      else copies.push({ to: target, from: this.registerOf(operand) });
    });
    for (const copy of sequentialise(copies, () => this.fresh())) this.move(copy.to, copy.from);
    for (const { to: target, operand } of constants) this.materialise(target, operand);
  }

  private terminator(block: Block): MachineTerminator {
    const { terminator } = block;
    const span = terminator.span && { span: terminator.span };
    switch (terminator.op) {
      case 'jump':
        this.edge(block, terminator.to);
        return { op: 'jump', to: terminator.to.block, ...span };
      case 'return':
        this.materialise(RESULT, terminator.value);
        return { op: 'exit', ...span };
      case 'branch': {
        const { width, then, otherwise, likely } = terminator;
        const swap = typeof terminator.left === 'bigint';
        const condition = swap ? MIRRORED[terminator.condition] : terminator.condition;
        const left = this.register(swap ? terminator.right : terminator.left);
        const right = this.source(swap ? terminator.left : terminator.right, width);
        const inverse = canJumpOn(condition, right, this.target) ? undefined : INVERSE[condition];
        const hint = likely === undefined ? {} : { likely: likely === (inverse === undefined) };
        const [yes, no] = inverse === undefined ? [then, otherwise] : [otherwise, then];
        const targets = { then: yes.block, otherwise: no.block };
        const tested = inverse ?? condition;
        return { op: 'branch', condition: tested, width, left, right, ...targets, ...hint, ...span };
      }
    }
  }

  run(): MachineFunction {
    const frequencies = blockFrequencies(this.fn);
    const blocks = this.fn.blocks.map((block, index): MachineBlock => {
      this.out = [];
      this.span = undefined;
      if (index === 0)
        this.fn.parameters.forEach((parameter, number) => {
          this.move(this.registerOf(parameter), 1 + number);
        });
      for (const instruction of block.instructions) {
        this.span = instruction.span;
        this.instruction(instruction, block);
        this.clearHighHalf(instruction);
      }
      this.span = block.terminator.span;
      const terminator = this.terminator(block);
      const frequency = frequencies.get(block.id) ?? 1;
      return { id: block.id, instructions: this.out, terminator, frequency };
    });
    return {
      name: this.fn.name,
      parameters: this.fn.parameters.length,
      blocks,
      slots: this.fn.slots.map(({ size, alignment }) => ({ size, alignment })),
      nextRegister: this.nextRegister,
    };
  }
}

/** Selects instructions for a legalised function, the program's entry or one that is called. */
export function select(fn: IrFunction, target: Target, isEntry: boolean): MachineFunction {
  return new Selector(fn, target, isEntry).run();
}
