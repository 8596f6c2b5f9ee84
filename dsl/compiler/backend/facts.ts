/** What instruction selection knows about a function's values. */
import type { Relocation } from '../../object/image.ts';
import { blockOf, blocksById } from '../ir/analysis.ts';
import type { ReadonlyByBlock } from '../ir/by-block.ts';
import type { Block, Instruction, IrFunction, Operand, ValueId } from '../ir/ir.ts';
import { eachArgument, eachOperand, eachTerminatorOperand, resultOf } from '../ir/visit.ts';
import { fitsOffset } from './target.ts';

/** An address as a memory instruction takes it: a value, or a stack slot's start, plus bytes. */
export type Place =
  | { readonly value: Operand; readonly offset: number }
  | { readonly frame: number; readonly offset: number };

/** Operand positions at which only the low 32 bits matter, so that the bits above may be anything. */
function readsLowHalf(instruction: Instruction, operand: Operand): boolean {
  switch (instruction.op) {
    case 'binary':
      return instruction.width === 32;
    case 'sext':
    case 'swap':
      return true;
    case 'store':
      return instruction.value === operand && instruction.base !== operand && instruction.bytes < 8;
    default:
      return false;
  }
}

const LOW_HALF = 0xffff_ffffn;
/** How far back zeros above the low half are looked for. */
const DEPTH = 4;

const SETTINGS = '.rodata';

/** Addresses in `.rodata` of which every use is the base of a load. */
function settingAddresses(fn: IrFunction): ReadonlySet<ValueId> {
  const addresses = new Set<ValueId>();
  for (const { instructions } of fn.blocks)
    for (const instruction of instructions)
      if (instruction.op === 'sectionAddress' && instruction.section === SETTINGS)
        addresses.add(instruction.result);
  const useOtherwise = (operand: Operand): void => {
    if (typeof operand === 'number') addresses.delete(operand);
  };
  for (const { instructions, terminator } of fn.blocks) {
    for (const instruction of instructions)
      if (instruction.op !== 'load') eachOperand(instruction, useOtherwise);
    eachTerminatorOperand(terminator, useOtherwise);
    eachArgument(terminator, useOtherwise);
  }
  return addresses;
}

export class SelectionFacts {
  private readonly blocks: ReadonlyByBlock<Block>;
  private readonly definitions = new Map<ValueId, Instruction>();
  /** Values that share another's register: the same number under another width. */
  private readonly aliases = new Map<ValueId, ValueId>();

  private readonly settingAddresses: ReadonlySet<ValueId>;

  constructor(fn: IrFunction) {
    this.blocks = blocksById(fn);
    this.settingAddresses = settingAddresses(fn);
    for (const block of fn.blocks)
      for (const instruction of block.instructions) {
        const result = resultOf(instruction);
        if (result !== undefined) this.definitions.set(result, instruction);
      }
    this.findAliases(fn);
  }

  /**
   * `zext` is free by the IR's invariant. `trunc` is free where the high half is known to be zero, or where every
   * use reads the low half alone; otherwise all its uses share one copy, so that what the verifier learns from
   * a comparison holds for the register that is used afterwards.
   */
  private findAliases(fn: IrFunction): void {
    const needsFull = new Set<ValueId>();
    const full = (operand: Operand): void => {
      if (typeof operand === 'number') needsFull.add(operand);
    };
    for (const { instructions, terminator } of fn.blocks) {
      for (const instruction of instructions)
        eachOperand(instruction, (operand) => {
          if (!readsLowHalf(instruction, operand)) full(operand);
        });
      if (terminator.op === 'return') full(terminator.value);
      eachArgument(terminator, full);
    }
    for (const [result, definition] of this.definitions) {
      if (definition.op !== 'zext' && definition.op !== 'trunc') continue;
      const { value } = definition;
      if (typeof value === 'bigint') continue;
      const free = definition.op === 'zext' || !needsFull.has(result) || this.hasZeroHighHalf(value);
      if (free) this.aliases.set(result, value);
    }
  }

  /** Whether a 64-bit operand is known to have zeros above its low half. */
  private hasZeroHighHalf(operand: Operand, depth = DEPTH): boolean {
    if (typeof operand === 'bigint') return operand <= LOW_HALF;
    const definition = this.definitions.get(operand);
    if (definition?.op === 'zext') return true;
    if (definition?.op !== 'binary' || definition.width !== 64 || depth === 0) return false;
    const { operator, left, right } = definition;
    const has = (inner: Operand): boolean => this.hasZeroHighHalf(inner, depth - 1);
    switch (operator) {
      case 'and':
        return has(left) || has(right);
      case 'or':
      case 'xor':
        return has(left) && has(right);
      case 'lshr':
        return has(left) || (typeof right === 'bigint' && right >= 32n && right < 64n);
      case 'udiv':
      case 'umod':
        return has(left);
      default:
        return false;
    }
  }

  block(id: number): Block {
    return blockOf(this.blocks, id);
  }

  definition(value: ValueId): Instruction | undefined {
    return this.definitions.get(value);
  }

  isAlias(value: ValueId): boolean {
    return this.aliases.has(value);
  }

  /** The value whose register a value shares. */
  sourceOf(value: ValueId): ValueId {
    let source = value;
    for (let next = this.aliases.get(source); next !== undefined; next = this.aliases.get(source))
      source = next;
    return source;
  }

  /** `value + offset` with the constants of additions folded in, as far as 16 bits hold them. */
  place(value: ValueId, offset: number): Place {
    const definition = this.definitions.get(value);
    if (definition?.op === 'stackAddress') return { frame: definition.slot, offset };
    if (definition?.op === 'binary' && definition.width === 64 && typeof definition.left === 'number') {
      const { operator, left, right } = definition;
      if (typeof right === 'bigint' && (operator === 'add' || operator === 'sub')) {
        const constant = BigInt.asIntN(64, right);
        const total = BigInt(offset) + (operator === 'add' ? constant : -constant);
        if (fitsOffset(Number(total))) return this.place(left, Number(total));
      }
    }
    return { value, offset };
  }

  /** Whether a value is a constant distance from the frame pointer. */
  isFrame(value: ValueId): boolean {
    return 'frame' in this.place(value, 0);
  }

  /**
   * What a load takes from `.rodata`. It is a value that can be made again at any place, as a constant can, and is one
   * once the program is made for its settings (dsl/object/specialise); in a frame slot it would be lost to that.
   */
  setting(
    load: Extract<Instruction, { op: 'load' }>,
  ): { readonly target: Relocation['target']; readonly offset: number } | undefined {
    const address = typeof load.base === 'number' ? this.definitions.get(load.base) : undefined;
    if (address?.op !== 'sectionAddress' || address.section !== SETTINGS) return undefined;
    return {
      target: { kind: 'section', name: SETTINGS, offset: address.offset },
      offset: load.offset,
    };
  }

  /** Whether a value is an address that settings are loaded from and nothing else. */
  isForSettings(value: ValueId): boolean {
    return this.settingAddresses.has(value);
  }

  /** Frame and map addresses are cheaper made again at each use than kept in a register. */
  madeAtUse(value: ValueId): boolean {
    return this.definitions.get(value)?.op === 'mapAddress' || this.isFrame(value);
  }
}
