/** Hand-assembled objects for tests of the loader, which must not depend on the compiler. */
import type { ObjectImage } from '../../dsl/object/image.ts';
import {
  ALU,
  ATOMIC,
  CLASS,
  encode,
  type Instruction,
  JMP,
  MODE,
  OPCODE_EXIT,
  OPCODE_LDDW,
  SIZE,
  SOURCE,
} from '../../dsl/object/instruction.ts';
import { type IntLayout, layoutStruct } from '../../dsl/object/layout.ts';

export const slot = (opcode: number, dst = 0, src = 0, offset = 0, imm = 0): Instruction => ({
  opcode,
  dst,
  src,
  offset,
  imm,
});
export const move = (dst: number, imm: number): Instruction => slot(CLASS.alu64 | ALU.mov, dst, 0, 0, imm);
export const copy = (dst: number, src: number): Instruction =>
  slot(CLASS.alu64 | ALU.mov | SOURCE.register, dst, src);
export const loadWord = (dst: number, src: number, offset: number): Instruction =>
  slot(CLASS.ldx | SIZE.word | MODE.mem, dst, src, offset);
export const exit = slot(OPCODE_EXIT);

/** What a classifier answers: leave it to the next program, pass, drop (TCX_NEXT, TC_ACT_OK, TC_ACT_SHOT). */
export const VERDICT = { next: -1, pass: 0, drop: 2 } as const;

const integer = (bits: 32 | 64, signed = false): IntLayout => ({
  kind: 'int',
  bits,
  signed,
  order: 'little',
});
export const SETTINGS = layoutStruct('Settings', [
  { name: 'padding', layout: integer(64) },
  { name: 'verdict', layout: integer(32, true) },
]);
export const COUNTERS = layoutStruct('Counters', [{ name: 'packets', layout: integer(64) }]);

/**
 * A classifier that counts the packets of `length` bytes (Ethernet header included) in `.bss`,
 * answers them with the setting `verdict`, and leaves all others alone.
 */
export function countingObject(length: number, name = 'count'): ObjectImage {
  const code = encode([
    loadWord(6, 1, 0),
    move(0, VERDICT.next),
    slot(CLASS.jmp | JMP.ne, 6, 0, 7, length),
    slot(OPCODE_LDDW, 1),
    slot(0),
    move(2, 1),
    slot(CLASS.stx | SIZE.double | MODE.atomic, 1, 2, 0, ATOMIC.add),
    slot(OPCODE_LDDW, 1),
    slot(0),
    loadWord(0, 1, 8),
    exit,
  ]);
  return {
    license: 'GPL',
    maps: [{ name: 'unused', kind: 'hash', keySize: 4, valueSize: 4, maxEntries: 16, flags: 0 }],
    sections: [
      {
        name: '.rodata',
        variables: [{ name: 'settings', offset: 0, layout: SETTINGS }],
        size: SETTINGS.size,
      },
      { name: '.bss', variables: [{ name: 'counters', offset: 0, layout: COUNTERS }], size: COUNTERS.size },
    ],
    programs: [
      {
        name,
        kind: 'classifier',
        code,
        relocations: [
          { slot: 3, target: { kind: 'section', name: '.bss', offset: 0 } },
          { slot: 7, target: { kind: 'section', name: '.rodata', offset: 0 } },
        ],
        functions: [{ name, slot: 0, parameters: ['skb'] }],
        lines: [{ slot: 0, file: 'count.ts', line: 1, column: 1, text: 'count(skb)' }],
      },
    ],
  };
}
