import { expect, test } from 'vitest';
import {
  ALU,
  ATOMIC,
  CALL,
  CLASS,
  decode,
  JMP,
  MODE,
  OPCODE_LDDW,
  SIZE,
  SOURCE,
} from '../object/instruction.ts';
import { assemble, INSTRUCTION_VECTORS } from './instruction-vectors/index.ts';

type Form = Pick<ReturnType<typeof decode>, 'opcode' | 'offset' | 'imm' | 'src'>;

const { fetch, exchange, compareExchange, ...FETCHING } = ATOMIC;
const ATOMICS = Object.values(FETCHING)
  .flatMap((bits) => [bits, bits | fetch])
  .concat(exchange, compareExchange);
const { neg, mov, end, ...BINARY } = ALU;
const { ja, call, exit, ...CONDITIONS } = JMP;
const sources = Object.values(SOURCE);

/** What tells an instruction from others of its opcode, by RFC 9669: an offset of 1 for signed division, and so on. */
function formOf({ opcode, offset, imm, src }: Form): string {
  const kind = opcode & 0x07;
  const operation = opcode & 0xf0;
  const isAlu = kind === CLASS.alu || kind === CLASS.alu64;
  const parts = [opcode];
  if (isAlu && [ALU.div, ALU.mod, mov].includes(operation as typeof mov)) parts.push(offset);
  if (isAlu && operation === end) parts.push(imm);
  if (kind === CLASS.stx && (opcode & 0xe0) === MODE.atomic) parts.push(imm);
  if (opcode === (CLASS.jmp | call)) parts.push(src);
  return parts.map((part) => part.toString(16)).join(' ');
}

/** Every instruction of RFC 9669 but the legacy packet loads, calls of helpers, and what a loader has to resolve. */
function* instructions(): Generator<string> {
  const form = (opcode: number, rest: Partial<Form> = {}): string =>
    formOf({ opcode, offset: 0, imm: 0, src: 0, ...rest });
  for (const width of [CLASS.alu, CLASS.alu64]) {
    for (const source of sources) {
      for (const operation of Object.values(BINARY)) yield form(width | operation | source);
      for (const operation of [ALU.div, ALU.mod]) yield form(width | operation | source, { offset: 1 });
      yield form(width | mov | source);
    }
    yield form(width | neg);
    for (const offset of width === CLASS.alu64 ? [8, 16, 32] : [8, 16])
      yield form(width | mov | SOURCE.register, { offset });
  }
  for (const imm of [16, 32, 64]) {
    for (const source of sources) yield form(CLASS.alu | end | source, { imm });
    yield form(CLASS.alu64 | end, { imm });
  }
  for (const width of [CLASS.jmp, CLASS.jmp32]) {
    yield form(width | ja);
    for (const source of sources)
      for (const condition of Object.values(CONDITIONS)) yield form(width | condition | source);
  }
  yield form(CLASS.jmp | call, { src: CALL.local });
  yield form(CLASS.jmp | exit);
  yield form(OPCODE_LDDW);
  for (const size of Object.values(SIZE)) {
    for (const kind of [CLASS.ldx, CLASS.st, CLASS.stx]) yield form(kind | MODE.mem | size);
    if (size !== SIZE.double) yield form(CLASS.ldx | MODE.memsx | size);
  }
  for (const size of [SIZE.word, SIZE.double])
    for (const imm of ATOMICS) yield form(CLASS.stx | MODE.atomic | size, { imm });
}

test('every instruction of RFC 9669 is in a vector', () => {
  const shown = new Set<string>();
  for (const vector of INSTRUCTION_VECTORS) {
    const code = assemble(vector);
    for (let slot = 0; slot < code.length / 8; slot++) {
      const instruction = decode(code, slot);
      shown.add(formOf(instruction));
      if (instruction.opcode === OPCODE_LDDW) slot++;
    }
  }
  const all = [...new Set(instructions())];
  expect(all.length).toBe(156);
  expect(all.filter((form) => !shown.has(form))).toEqual([]);
});
