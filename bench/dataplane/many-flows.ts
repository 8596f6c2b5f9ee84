/** One packet as that of many flows: BPF_PROG_TEST_RUN repeats the same bytes, so a program in front changes them. */
import type { ObjectImage } from '../../dsl/object/image.ts';
import {
  ALU,
  CALL,
  CLASS,
  encode,
  type Instruction,
  JMP,
  LDDW,
  MODE,
  OPCODE_CALL,
  OPCODE_EXIT,
  OPCODE_LDDW,
  SIZE,
  SOURCE,
} from '../../dsl/object/instruction.ts';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';

/** Offsets of struct __sk_buff. */
const DATA = 76;
const DATA_END = 80;
/** Of a TCP header behind IPv4 without options. */
const SOURCE_PORT = 34;
const TAIL_CALL = 12;
/** Odd, so that its multiples take on every value of the lowest bits, and not one after the other. */
const STRIDE = 40_503;

const NONE = { dst: 0, src: 0, offset: 0, imm: 0 };
const slot = (opcode: number, fields: Partial<Instruction>): Instruction => ({ ...NONE, opcode, ...fields });
const move = (dst: number, src: number): Instruction =>
  slot(CLASS.alu64 | ALU.mov | SOURCE.register, { dst, src });
const byImmediate = (operation: number, dst: number, imm: number): Instruction =>
  slot(CLASS.alu64 | operation, { dst, imm });
const load = (size: number, dst: number, src: number, offset: number): Instruction =>
  slot(CLASS.ldx | MODE.mem | size, { dst, src, offset });
const store = (size: number, dst: number, src: number, offset: number): Instruction =>
  slot(CLASS.stx | MODE.mem | size, { dst, src, offset });

function code(flows: number): {
  readonly code: Uint8Array;
  readonly counter: number;
  readonly programs: number;
} {
  const before = [
    move(6, 1),
    load(SIZE.word, 2, 1, DATA),
    load(SIZE.word, 3, 1, DATA_END),
    move(4, 2),
    byImmediate(ALU.add, 4, SOURCE_PORT + 2),
    slot(CLASS.jmp | JMP.gt | SOURCE.register, { dst: 4, src: 3, offset: 13 }),
  ];
  const next = [
    slot(OPCODE_LDDW, { dst: 5, src: LDDW.mapValue }),
    slot(0, {}),
    load(SIZE.double, 0, 5, 0),
    byImmediate(ALU.add, 0, 1),
    store(SIZE.double, 5, 0, 0),
    byImmediate(ALU.mul, 0, STRIDE),
    byImmediate(ALU.and, 0, flows - 1),
    store(SIZE.half, 2, 0, SOURCE_PORT),
    move(1, 6),
  ];
  const call = [
    slot(OPCODE_LDDW, { dst: 2, src: LDDW.mapFd }),
    slot(0, {}),
    byImmediate(ALU.mov, 3, 0),
    slot(OPCODE_CALL, { src: CALL.helper, imm: TAIL_CALL }),
    byImmediate(ALU.mov, 0, -1),
    slot(OPCODE_EXIT, {}),
  ];
  return {
    code: encode([...before, ...next, ...call]),
    counter: before.length,
    programs: before.length + next.length,
  };
}

/** Loads a program that gives an IPv4 TCP packet another source port each time, and goes on in `program`. */
export function loadInFront(program: LoadedProgram, flows: number): LoadedProgram {
  const { code: instructions, counter, programs } = code(flows);
  const image: ObjectImage = {
    license: 'GPL',
    maps: [{ name: 'programs', kind: 'programArray', keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 }],
    sections: [{ name: '.bss', size: 8, variables: [] }],
    programs: [
      {
        name: 'many_flows',
        kind: 'classifier',
        code: instructions,
        relocations: [
          { slot: counter, target: { kind: 'section', name: '.bss', offset: 0 } },
          { slot: programs, target: { kind: 'map', name: 'programs' } },
        ],
        functions: [],
        lines: [],
      },
    ],
  };
  const front = loadProgram(image, 'many_flows');
  const descriptor = new Uint8Array(4);
  new DataView(descriptor.buffer).setInt32(0, program.fd, true);
  front.maps.programs?.update(new Uint8Array(4), descriptor);
  return front;
}
