/**
 * Prints bytecode as llvm-objdump does (`r1 = *(u16 *)(r2 + 12)`, `if w1 > 5 goto +3 <L2>`), with the source
 * lines between the instructions and the names of maps, sections and functions in place of their numbers.
 */
import type { ProgramImage, Relocation } from './image.ts';
import {
  ALU,
  ATOMIC,
  CALL,
  CLASS,
  decode,
  type Instruction,
  JMP,
  LDDW,
  MODE,
  OPCODE_CALL,
  OPCODE_EXIT,
  OPCODE_LDDW,
  SIZE,
  SLOT_BYTES,
  SOURCE,
} from './instruction.ts';
import { ALU_SYMBOLS, JUMP_SYMBOLS } from './symbols.ts';

export interface DisassembleOptions {
  /** A helper's name by its id, for the comment after a call. */
  readonly helperName?: (id: number) => string | undefined;
}

const ATOMIC_NAMES: Readonly<Record<number, readonly [symbol: string, name: string]>> = {
  [ATOMIC.add]: ['+=', 'add'],
  [ATOMIC.or]: ['|=', 'or'],
  [ATOMIC.and]: ['&=', 'and'],
  [ATOMIC.xor]: ['^=', 'xor'],
};

const SIZE_BITS: Readonly<Record<number, number>> = {
  [SIZE.byte]: 8,
  [SIZE.half]: 16,
  [SIZE.word]: 32,
  [SIZE.double]: 64,
};

const sign = (value: number): string => (value < 0 ? `- ${-value}` : `+ ${value}`);
const signed = (value: number): string => (value < 0 ? `${value}` : `+${value}`);
const unknown = ({ opcode }: Instruction): string => `<unknown opcode 0x${opcode.toString(16)}>`;

/** Arithmetic, RFC 9669 section 4.1 and 4.2. */
function printAlu(instruction: Instruction): string {
  const { opcode, dst, src, offset, imm } = instruction;
  const wide = (opcode & 7) === CLASS.alu64;
  const register = wide ? 'r' : 'w';
  const operation = opcode & 0xf0;
  const fromRegister = (opcode & SOURCE.register) !== 0;
  if (operation === ALU.neg) return `${register}${dst} = -${register}${dst}`;
  if (operation === ALU.end) {
    const order = wide ? 'bswap' : fromRegister ? 'be' : 'le';
    return `r${dst} = ${order}${imm} r${dst}`;
  }
  const symbol = ALU_SYMBOLS[operation];
  if (symbol === undefined) return unknown(instruction);
  const operand = fromRegister ? `${register}${src}` : `${imm}`;
  if (operation === ALU.mov && offset !== 0) return `${register}${dst} = (s${offset})${operand}`;
  const division = operation === ALU.div || operation === ALU.mod;
  return `${register}${dst} ${division && offset === 1 ? 's' : ''}${symbol} ${operand}`;
}

/** Loads and stores but LDDW, RFC 9669 sections 5.1, 5.2 and 5.5 (legacy packet access). */
function printMemory(instruction: Instruction): string {
  const { opcode, dst, src, offset, imm } = instruction;
  const bits = SIZE_BITS[opcode & 0x18];
  const mode = opcode & 0xe0;
  switch (opcode & 7) {
    case CLASS.ld:
      if (mode === MODE.abs) return `r0 = *(u${bits} *)skb[${imm}]`;
      return mode === MODE.ind ? `r0 = *(u${bits} *)skb[r${src} ${sign(imm)}]` : unknown(instruction);
    case CLASS.ldx:
      if (mode !== MODE.mem && mode !== MODE.memsx) return unknown(instruction);
      return `r${dst} = *(${mode === MODE.memsx ? 's' : 'u'}${bits} *)(r${src} ${sign(offset)})`;
    case CLASS.st:
      return mode === MODE.mem ? `*(u${bits} *)(r${dst} ${sign(offset)}) = ${imm}` : unknown(instruction);
    default:
      if (mode === MODE.mem) return `*(u${bits} *)(r${dst} ${sign(offset)}) = r${src}`;
      return mode === MODE.atomic ? printAtomic(instruction) : unknown(instruction);
  }
}

/** RFC 9669 section 5.3. */
function printAtomic(instruction: Instruction): string {
  const { opcode, dst, src, offset, imm } = instruction;
  const wide = (opcode & 0x18) === SIZE.double;
  const [register, bits, suffix] = wide ? ['r', 64, '_64'] : ['w', 32, '32_32'];
  const place = `r${dst} ${sign(offset)}`;
  const value = `${register}${src}`;
  if (imm === ATOMIC.exchange) return `${value} = xchg${suffix}(${place}, ${value})`;
  if (imm === ATOMIC.compareExchange)
    return `${register}0 = cmpxchg${suffix}(${place}, ${register}0, ${value})`;
  const names = ATOMIC_NAMES[imm & ~ATOMIC.fetch];
  if (names === undefined) return unknown(instruction);
  const [symbol, name] = names;
  return imm & ATOMIC.fetch
    ? `${value} = atomic_fetch_${name}((u${bits} *)(${place}), ${value})`
    : `lock *(u${bits} *)(${place}) ${symbol} ${value}`;
}

/** The slot that a jump goes to; undefined for whatever isn't a jump. */
function jumpTarget({ opcode, offset, imm }: Instruction, slot: number): number | undefined {
  const jumps = (opcode & 7) === CLASS.jmp || (opcode & 7) === CLASS.jmp32;
  const operation = opcode & 0xf0;
  if (!jumps || operation === JMP.call || operation === JMP.exit) return undefined;
  // JA of the 32-bit class is `gotol`: the distance is in the immediate (section 4.3).
  const far = opcode === (CLASS.jmp32 | JMP.ja);
  return slot + 1 + (far ? imm : offset);
}

function printJump(instruction: Instruction, label: string): string {
  const { opcode, dst, src, offset, imm } = instruction;
  if (opcode === (CLASS.jmp | JMP.ja)) return `goto ${signed(offset)} ${label}`;
  if (opcode === (CLASS.jmp32 | JMP.ja)) return `gotol ${signed(imm)} ${label}`;
  const symbol = JUMP_SYMBOLS[opcode & 0xf0];
  if (symbol === undefined) return unknown(instruction);
  const register = (opcode & 7) === CLASS.jmp ? 'r' : 'w';
  const operand = opcode & SOURCE.register ? `${register}${src}` : `${imm}`;
  return `if ${register}${dst} ${symbol} ${operand} goto ${signed(offset)} ${label}`;
}

function printTarget(target: Relocation['target']): string {
  return target.kind === 'map' ? target.name : `${target.name}+${target.offset}`;
}

/** LDDW, section 5.4: `next` is its second slot. */
function printLddw(first: Instruction, next: Instruction, relocation: Relocation | undefined): string {
  if (relocation !== undefined) return `r${first.dst} = ${printTarget(relocation.target)} ll`;
  if (first.src === LDDW.code) return `r${first.dst} = code[${first.imm >= 0 ? '+' : ''}${first.imm}] ll`;
  if (first.src === LDDW.mapFd) return `r${first.dst} = map[fd:${first.imm}] ll`;
  if (first.src === LDDW.mapValue) return `r${first.dst} = map[fd:${first.imm}][0]+${next.imm} ll`;
  const value = (BigInt(next.imm >>> 0) << 32n) | BigInt(first.imm >>> 0);
  return `r${first.dst} = ${value < 10n ? value : `0x${value.toString(16)}`} ll`;
}

interface Names {
  readonly labels: ReadonlyMap<number, string>;
  readonly functions: ReadonlyMap<number, string>;
  readonly relocations: ReadonlyMap<number, Relocation>;
}

function printCall(
  { src, imm }: Instruction,
  slot: number,
  names: Names,
  options: DisassembleOptions,
): string {
  if (src === CALL.local) {
    const target = names.functions.get(slot + 1 + imm);
    return `call ${signed(imm)}${target === undefined ? '' : ` <${target}>`}`;
  }
  if (src === CALL.kfunc) return `call kfunc ${imm}`;
  const helper = options.helperName?.(imm);
  return `call ${imm}${helper === undefined ? '' : ` <${helper}>`}`;
}

function print(code: Uint8Array, slot: number, names: Names, options: DisassembleOptions): string {
  const instruction = decode(code, slot);
  const { opcode } = instruction;
  if (opcode === OPCODE_LDDW) {
    if ((slot + 2) * SLOT_BYTES > code.length) return unknown(instruction);
    return printLddw(instruction, decode(code, slot + 1), names.relocations.get(slot));
  }
  if (opcode === OPCODE_CALL) return printCall(instruction, slot, names, options);
  if (opcode === OPCODE_EXIT) return 'exit';
  const target = jumpTarget(instruction, slot);
  if (target !== undefined) return printJump(instruction, `<${names.labels.get(target)}>`);
  const kind = opcode & 7;
  if (kind === CLASS.alu || kind === CLASS.alu64) return printAlu(instruction);
  return kind <= CLASS.stx ? printMemory(instruction) : unknown(instruction);
}

/** Slots at which an instruction starts. */
function starts(code: Uint8Array): readonly number[] {
  const slots: number[] = [];
  for (let slot = 0; (slot + 1) * SLOT_BYTES <= code.length; slot++) {
    slots.push(slot);
    if (code[slot * SLOT_BYTES] === OPCODE_LDDW) slot++;
  }
  return slots;
}

/** Labels in the order of their places: L0, L1, ... */
function labelTargets(code: Uint8Array, slots: readonly number[]): ReadonlyMap<number, string> {
  const targets = new Set<number>();
  for (const slot of slots) {
    const target = jumpTarget(decode(code, slot), slot);
    if (target !== undefined) targets.add(target);
  }
  return new Map([...targets].sort((a, b) => a - b).map((target, index) => [target, `L${index}`]));
}

/** One line an instruction, behind its slot; functions, labels and source lines on lines of their own. */
export function disassemble(program: ProgramImage, options: DisassembleOptions = {}): string {
  const { code } = program;
  const slots = starts(code);
  const names: Names = {
    labels: labelTargets(code, slots),
    functions: new Map(program.functions.map((fn) => [fn.slot, fn.name])),
    relocations: new Map(program.relocations.map((relocation) => [relocation.slot, relocation])),
  };
  const lines = new Map(program.lines.map((line) => [line.slot, line]));
  const out: string[] = [];
  for (const slot of slots) {
    const fn = program.functions.find((candidate) => candidate.slot === slot);
    if (fn !== undefined) out.push(`${fn.name}(${fn.parameters.join(', ')}):`);
    const label = names.labels.get(slot);
    if (label !== undefined) out.push(`${label}:`);
    const line = lines.get(slot);
    // clang gives line 0 to what comes of no line.
    if (line !== undefined && line.line > 0)
      out.push(`; ${line.file}:${line.line}:${line.column}: ${line.text.trim()}`);
    out.push(`${String(slot).padStart(8)}:\t${print(code, slot, names, options)}`);
  }
  return `${out.join('\n')}\n`;
}
