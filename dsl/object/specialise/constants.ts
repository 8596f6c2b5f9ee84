/**
 * Which registers hold constants: conditional constant propagation (Wegman and Zadeck, TOPLAS 1991) over the
 * control-flow graph of slots. Only registers are followed; what was stored comes back unknown.
 */
import { ALU, CLASS, MODE, OPCODE_CALL, OPCODE_LDDW, SIZE, SOURCE } from '../instruction.ts';
import type { Blocks } from './blocks.ts';
import { type Code, FLOW, type Operation, refersToFunction, type Setting } from './code.ts';
import { evaluateAlu, evaluateJump, immediate } from './evaluate.ts';

/** A constant (unsigned 64-bit), the address of the byte with that number in `.rodata`, or unknown. */
export type Value = bigint | number | undefined;

/** Values of r0 to r9. */
export type Registers = Value[];

const REGISTERS = 10;
const CALLER_SAVED = 6;

/** The settings, as far as they are known. */
export interface Rodata {
  readonly view: DataView;
  /** By byte: 1 where it is known; absent where all are. */
  readonly known?: Uint8Array;
}

export function rodataOf(bytes: Uint8Array, known?: Uint8Array): Rodata {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return known === undefined ? { view } : { view, known };
}

/** The right-hand operand of an ALU or conditional jump instruction. */
export const operandOf = (operation: Operation, registers: Registers): Value =>
  (operation.opcode & SOURCE.register) !== 0 ? registers[operation.src] : immediate(operation.imm);

const BYTES: Readonly<Record<number, number>> = {
  [SIZE.byte]: 1,
  [SIZE.half]: 2,
  [SIZE.word]: 4,
  [SIZE.double]: 8,
};

/** What a load of a known place of `.rodata` reads; undefined where the place is not known, or reaches past the end. */
export function settingAt(operation: Operation, registers: Registers, { view }: Rodata): Setting | undefined {
  const address = registers[operation.src];
  const mode = operation.opcode & 0xe0;
  if (typeof address !== 'number' || (mode !== MODE.mem && mode !== MODE.memsx)) return undefined;
  const offset = address + operation.offset;
  const bytes = BYTES[operation.opcode & 0x18] ?? 0;
  if (offset < 0 || offset + bytes > view.byteLength) return undefined;
  return { offset, bytes, signed: mode === MODE.memsx };
}

function isKnown({ offset, bytes }: Setting, known: Uint8Array | undefined): boolean {
  if (known === undefined) return true;
  for (let at = offset; at < offset + bytes; at++) if (known[at] !== 1) return false;
  return true;
}

/** A setting as its load brings it in: extended to 64 bits. */
export function readSetting({ offset, bytes, signed }: Setting, view: DataView): bigint {
  let value = 0n;
  for (let byte = bytes - 1; byte >= 0; byte--) value = (value << 8n) | BigInt(view.getUint8(offset + byte));
  return signed ? BigInt.asUintN(64, BigInt.asIntN(bytes * 8, value)) : value;
}

/** The same; undefined where it isn't known. */
export const settingValue = (setting: Setting, { view, known }: Rodata): bigint | undefined =>
  isKnown(setting, known) ? readSetting(setting, view) : undefined;

function loaded(operation: Operation, registers: Registers, rodata: Rodata): Value {
  const setting = settingAt(operation, registers, rodata);
  return setting && settingValue(setting, rodata);
}

function computed(operation: Operation, registers: Registers): Value {
  const { opcode, dst, offset } = operation;
  const kind = opcode & 0xf0;
  const left = kind === ALU.mov ? 0n : registers[dst];
  if (left === undefined) return undefined;
  const right = kind === ALU.neg || kind === ALU.end ? 0n : operandOf(operation, registers);
  if (typeof left === 'bigint' && typeof right === 'bigint') return evaluateAlu(operation, left, right);
  if ((opcode & 7) !== CLASS.alu64) return undefined;
  if (kind === ALU.mov && offset === 0) return right;
  if (kind === ALU.add && typeof left === 'number' && typeof right === 'bigint')
    return left + Number(BigInt.asIntN(64, right));
  return undefined;
}

/** What an operation leaves in its `dst`; undefined also for those that write none. */
export function resultOf(operation: Operation, registers: Registers, rodata: Rodata): Value {
  const { opcode, relocation, src, imm, high } = operation;
  switch (opcode & 7) {
    case CLASS.alu:
    case CLASS.alu64:
      return computed(operation, registers);
    case CLASS.ldx:
      return loaded(operation, registers, rodata);
    case CLASS.ld:
      if (opcode !== OPCODE_LDDW) return undefined;
      if (relocation?.kind === 'section' && relocation.name === '.rodata') return relocation.offset;
      if (relocation !== undefined || src !== 0) return undefined;
      return (BigInt(high >>> 0) << 32n) | BigInt(imm >>> 0);
    default:
      return undefined;
  }
}

/** Carries `registers` over one operation that leaves `result` in its `dst`, in place. */
export function apply(operation: Operation, registers: Registers, result: Value): void {
  const { opcode, dst, src } = operation;
  const kind = opcode & 7;
  if (kind === CLASS.alu || kind === CLASS.alu64 || kind === CLASS.ldx || opcode === OPCODE_LDDW) {
    registers[dst] = result;
  } else if (opcode === OPCODE_CALL || kind === CLASS.ld) {
    // A call, or a packet load of the classic kind, which is one (kernel/bpf/verifier.c, check_ld_abs).
    registers.fill(undefined, 0, CALLER_SAVED);
  } else if (kind === CLASS.stx && (opcode & 0xe0) === MODE.atomic) {
    registers[src] = undefined;
    registers[0] = undefined;
  }
}

/** Whether a conditional jump is always taken, never taken, or (undefined) depends on the run. */
export function decided(operation: Operation, registers: Registers): boolean | undefined {
  const left = registers[operation.dst];
  if (typeof left !== 'bigint') return undefined;
  const right = operandOf(operation, registers);
  if (typeof right !== 'bigint') return undefined;
  return evaluateJump(operation.opcode, left, right);
}

/** Registers at the start of each basic block that is reached, by slot. */
export type BlockStarts = readonly (Registers | undefined)[];

const unknownRegisters = (): Registers => new Array<Value>(REGISTERS).fill(undefined);

/** Keeps in `known` what `registers` say as well; true when that took something away. */
function meet(known: Registers, registers: Registers): boolean {
  let changed = false;
  for (let register = 0; register < REGISTERS; register++) {
    if (known[register] === undefined || known[register] === registers[register]) continue;
    known[register] = undefined;
    changed = true;
  }
  return changed;
}

export function propagate(code: Code, blocks: Blocks, rodata: Rodata): BlockStarts {
  const reached: (Registers | undefined)[] = new Array(code.length + 1).fill(undefined);
  const pending = new Uint8Array(code.length + 1);
  let waiting = 0;

  const reach = (slot: number, registers: Registers): void => {
    const known = reached[slot];
    if (known === undefined) reached[slot] = registers.slice();
    else if (!meet(known, registers)) return;
    if (pending[slot] === 0) waiting++;
    pending[slot] = 1;
  };

  const run = (start: number): void => {
    const registers = reached[start]?.slice() ?? [];
    const last = blocks.last[start] ?? start;
    for (let slot = start; slot <= last; slot++) {
      const operation = code[slot];
      if (operation === undefined) continue;
      if (operation.flow === FLOW.next) {
        if (refersToFunction(operation)) reach(operation.target, unknownRegisters());
        apply(operation, registers, resultOf(operation, registers, rodata));
        continue;
      }
      if (operation.flow === FLOW.exit) return;
      const taken = operation.flow === FLOW.conditional ? decided(operation, registers) : true;
      if (taken !== false) reach(operation.target, registers);
      if (taken === true) return;
    }
    reach(blocks.following[start] ?? code.length, registers);
  };

  reach(0, unknownRegisters());
  while (waiting > 0) {
    for (const start of blocks.starts) {
      if (pending[start] === 0) continue;
      pending[start] = 0;
      waiting--;
      run(start);
    }
  }
  return reached;
}
