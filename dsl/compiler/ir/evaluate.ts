/**
 * A plain evaluator of the IR over scalars and byte memory: the meaning that passes and the backend must keep.
 * Tests compare it with emitted bytecode; it is slow and checks every access.
 */
import { blockOf, blocksById, entryOf } from './analysis.ts';
import type { ReadonlyByBlock } from './by-block.ts';
import type {
  BinaryOperator,
  Block,
  Condition,
  Edge,
  Instruction,
  IrFunction,
  IrProgram,
  Operand,
  ValueId,
  Width,
} from './ir.ts';

/** Byte memory at made-up addresses: accesses outside every piece throw. */
export class Memory {
  private readonly pieces: { readonly start: bigint; readonly bytes: Uint8Array }[] = [];
  private next = 0x1_0000n;

  /** Places `bytes` (shared, not copied) and returns their address. */
  place(bytes: Uint8Array): bigint {
    const start = this.next;
    this.pieces.push({ start, bytes });
    // A gap, so that running over one piece's end never lands in the next.
    this.next += BigInt(bytes.length + 0x1_0000) & ~0xfn;
    return start;
  }

  private view(address: bigint, size: number): DataView {
    for (const { start, bytes } of this.pieces)
      if (address >= start && address + BigInt(size) <= start + BigInt(bytes.length))
        return new DataView(bytes.buffer, bytes.byteOffset + Number(address - start), size);
    throw new Error(`access of ${size} bytes at 0x${address.toString(16)}, outside all memory`);
  }

  read(address: bigint, size: 1 | 2 | 4 | 8): bigint {
    const view = this.view(address, size);
    if (size === 8) return view.getBigUint64(0, true);
    if (size === 4) return BigInt(view.getUint32(0, true));
    return BigInt(size === 2 ? view.getUint16(0, true) : view.getUint8(0));
  }

  write(address: bigint, size: 1 | 2 | 4 | 8, value: bigint): void {
    const view = this.view(address, size);
    if (size === 8) view.setBigUint64(0, BigInt.asUintN(64, value), true);
    else if (size === 4) view.setUint32(0, Number(BigInt.asUintN(32, value)), true);
    else if (size === 2) view.setUint16(0, Number(BigInt.asUintN(16, value)), true);
    else view.setUint8(0, Number(BigInt.asUintN(8, value)));
  }
}

/** What lies outside the function. A member that a program doesn't need may throw. */
export interface Environment {
  readonly memory: Memory;
  helper(id: number, values: readonly bigint[]): bigint;
  section(name: '.rodata' | '.data' | '.bss'): bigint;
  map(name: string): bigint;
  /** Blocks run before evaluation gives up; 100,000 by default. */
  readonly fuel?: number;
}

/** A binary operation on canonical operands, as RFC 9669 section 4.1 defines it. */
export function evaluateBinary(operator: BinaryOperator, width: Width, left: bigint, right: bigint): bigint {
  const signed = (value: bigint) => BigInt.asIntN(width, value);
  const count = right % BigInt(width);
  const raw = (): bigint => {
    switch (operator) {
      case 'add':
        return left + right;
      case 'sub':
        return left - right;
      case 'mul':
        return left * right;
      case 'udiv':
        return right === 0n ? 0n : left / right;
      case 'sdiv':
        return right === 0n ? 0n : signed(left) / signed(right);
      case 'umod':
        return right === 0n ? left : left % right;
      case 'smod':
        return right === 0n ? left : signed(left) % signed(right);
      case 'and':
        return left & right;
      case 'or':
        return left | right;
      case 'xor':
        return left ^ right;
      case 'shl':
        return left << count;
      case 'lshr':
        return left >> count;
      case 'ashr':
        return signed(left) >> count;
    }
  };
  return BigInt.asUintN(width, raw());
}

/** A comparison of canonical operands. */
export function evaluateCondition(condition: Condition, width: Width, left: bigint, right: bigint): boolean {
  const [signedLeft, signedRight] = [BigInt.asIntN(width, left), BigInt.asIntN(width, right)];
  switch (condition) {
    case 'eq':
      return left === right;
    case 'ne':
      return left !== right;
    case 'ult':
      return left < right;
    case 'ule':
      return left <= right;
    case 'ugt':
      return left > right;
    case 'uge':
      return left >= right;
    case 'slt':
      return signedLeft < signedRight;
    case 'sle':
      return signedLeft <= signedRight;
    case 'sgt':
      return signedLeft > signedRight;
    case 'sge':
      return signedLeft >= signedRight;
    case 'test':
      return (left & right) !== 0n;
  }
}

/** Reverses the order of the low `bits / 8` bytes. */
export function swapBytes(value: bigint, bits: 16 | 32 | 64): bigint {
  let result = 0n;
  for (let at = 0; at < bits; at += 8) result = (result << 8n) | ((value >> BigInt(at)) & 0xffn);
  return result;
}

class Frame {
  private readonly values = new Map<ValueId, bigint>();
  private readonly slots = new Map<number, bigint>();
  private readonly blocks: ReadonlyByBlock<Block>;

  constructor(
    private readonly fn: IrFunction,
    private readonly environment: Environment,
    private readonly call: (name: string, values: readonly bigint[]) => bigint,
  ) {
    this.blocks = blocksById(fn);
    for (const slot of fn.slots) this.slots.set(slot.id, environment.memory.place(new Uint8Array(slot.size)));
  }

  private value(operand: Operand): bigint {
    if (typeof operand === 'bigint') return operand;
    const value = this.values.get(operand);
    if (value === undefined) throw new Error(`function ${this.fn.name}: %${operand} has no value yet`);
    return value;
  }

  private set(result: ValueId | undefined, value: bigint): void {
    if (result !== undefined) this.values.set(result, BigInt.asUintN(this.fn.widths[result] ?? 64, value));
  }

  private atomic(instruction: Extract<Instruction, { op: 'atomic' }>): bigint {
    const { memory } = this.environment;
    const { operator, width } = instruction;
    const size = width === 64 ? 8 : 4;
    const address = BigInt.asUintN(64, this.value(instruction.base) + BigInt(instruction.offset));
    const old = memory.read(address, size);
    const operand = this.value(instruction.value);
    if (operator === 'compareExchange') {
      if (old === this.value(instruction.expected ?? 0n)) memory.write(address, size, operand);
    } else if (operator === 'exchange') memory.write(address, size, operand);
    else memory.write(address, size, evaluateBinary(operator, width, old, operand));
    return old;
  }

  private execute(instruction: Instruction): void {
    const { memory, helper, section, map } = this.environment;
    const at = (base: Operand, offset: number) => BigInt.asUintN(64, this.value(base) + BigInt(offset));
    switch (instruction.op) {
      case 'binary': {
        const { operator, width, left, right, result } = instruction;
        this.set(result, evaluateBinary(operator, width, this.value(left), this.value(right)));
        break;
      }
      case 'zext':
      case 'trunc':
        this.set(instruction.result, BigInt.asUintN(32, this.value(instruction.value)));
        break;
      case 'sext':
        this.set(instruction.result, BigInt.asIntN(instruction.from, this.value(instruction.value)));
        break;
      case 'swap':
        this.set(instruction.result, swapBytes(this.value(instruction.value), instruction.bits));
        break;
      case 'load':
        this.set(
          instruction.result,
          memory.read(at(instruction.base, instruction.offset), instruction.bytes),
        );
        break;
      case 'store': {
        const address = at(instruction.base, instruction.offset);
        memory.write(address, instruction.bytes, this.value(instruction.value));
        break;
      }
      case 'atomic':
        this.set(instruction.result, this.atomic(instruction));
        break;
      case 'stackAddress':
        this.set(instruction.result, this.slots.get(instruction.slot) ?? 0n);
        break;
      case 'sectionAddress':
        this.set(instruction.result, section(instruction.section) + BigInt(instruction.offset));
        break;
      case 'mapAddress':
        this.set(instruction.result, map(instruction.map));
        break;
      case 'helper':
        this.set(
          instruction.result,
          helper(
            instruction.id,
            instruction.arguments.map((argument) => this.value(argument)),
          ),
        );
        break;
      case 'call': {
        const values = instruction.arguments.map((argument) => this.value(argument));
        this.set(instruction.result, this.call(instruction.function, values));
        break;
      }
    }
  }

  private follow(edge: Edge): Block {
    const block = blockOf(this.blocks, edge.block);
    const values = edge.arguments.map((argument) => this.value(argument));
    block.parameters.forEach((parameter, index) => {
      this.set(parameter, values[index] ?? 0n);
    });
    return block;
  }

  run(values: readonly bigint[]): bigint {
    this.fn.parameters.forEach((parameter, index) => {
      this.set(parameter, values[index] ?? 0n);
    });
    let block = entryOf(this.fn);
    for (let fuel = this.environment.fuel ?? 100_000; fuel > 0; fuel--) {
      for (const instruction of block.instructions) this.execute(instruction);
      const { terminator } = block;
      if (terminator.op === 'return') return this.value(terminator.value);
      if (terminator.op === 'jump') block = this.follow(terminator.to);
      else {
        const { condition, width, left, right, then, otherwise } = terminator;
        const taken = evaluateCondition(condition, width, this.value(left), this.value(right));
        block = this.follow(taken ? then : otherwise);
      }
    }
    throw new Error(`function ${this.fn.name} doesn't end within its fuel`);
  }
}

/** Runs a program's entry function and returns its result, 64 bits unsigned. */
export function evaluateProgram(
  program: IrProgram,
  values: readonly bigint[],
  environment: Environment,
): bigint {
  const call = (name: string, passed: readonly bigint[]): bigint => {
    const fn = program.functions.find((candidate) => candidate.name === name);
    if (!fn) throw new Error(`program ${program.name} has no function ${name}`);
    return new Frame(fn, environment, call).run(passed);
  };
  const [entry] = program.functions;
  if (!entry) throw new Error(`program ${program.name} has no function`);
  return call(entry.name, values);
}
