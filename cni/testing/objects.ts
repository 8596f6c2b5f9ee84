/** Object files for tests of the front end that must not wait for the compiler or must be refused. */
import { readElf } from '../../dsl/object/elf/read.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';
import type { ObjectImage, Relocation, SectionImage } from '../../dsl/object/image.ts';
import {
  ALU,
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
import { type IntLayout, layoutStruct, type StructLayout } from '../../dsl/object/layout.ts';
import { dataplaneSettings } from '../settings.ts';

const u64: IntLayout = { kind: 'int', bits: 64, signed: false, order: 'little' };
const u32: IntLayout = { ...u64, bits: 32 };

const exit: Instruction = { opcode: OPCODE_EXIT, dst: 0, src: 0, offset: 0, imm: 0 };
const moveToR0: Instruction = { ...exit, opcode: CLASS.alu64 | SOURCE.imm | ALU.mov, imm: -1 };
/** r2 = address of a section, such as the settings: what makes the loader create it. */
const loadSettings: readonly Instruction[] = [
  { ...exit, opcode: OPCODE_LDDW, dst: 2 },
  { ...exit, opcode: 0 },
];
const settingsAtSlot0: Relocation = { slot: 0, target: { kind: 'section', name: '.rodata', offset: 0 } };

/** Writes a word to the stack, which nothing reads. */
const idle: Instruction = { opcode: CLASS.st | SIZE.double | MODE.mem, dst: 10, src: 0, offset: -8, imm: 0 };

/** Of programs/config.ts; the others are u64. */
const U32_SETTINGS = new Set(['pacing', 'mouseClass', 'heavyClass']);

/** The clocks of programs/state.ts, and a word that nobody reads. */
const clock = layoutStruct('Clock', [{ name: 'time', layout: u64 }]);
const clocks = layoutStruct('State', [
  { name: 'clock', layout: clock },
  { name: 'packetClock', layout: clock },
  { name: 'idle', layout: u64 },
]);
const memory: SectionImage = {
  name: '.bss',
  variables: [{ name: 'state', offset: 0, layout: clocks }],
  size: clocks.size,
};

function image(
  code: readonly Instruction[],
  relocations: readonly Relocation[],
  more: readonly SectionImage[] = [],
): ObjectImage {
  const names = [
    ...Object.keys(dataplaneSettings({ rateBitsPerSecond: 1e6, pacing: 'police' }, 'ingress')),
    'seed',
  ];
  const config = layoutStruct(
    'config',
    names.map((name) => ({ name, layout: U32_SETTINGS.has(name) ? u32 : u64 })),
  );
  const { size } = config;
  return {
    license: 'GPL',
    maps: [],
    sections: [
      { name: '.rodata', variables: [{ name: 'config', offset: 0, layout: config }], size },
      ...more,
    ],
    programs: [
      {
        name: 'limit',
        kind: 'classifier',
        code: encode(code),
        relocations,
        functions: [{ name: 'limit', slot: 0, parameters: ['skb'] }],
        lines: [],
      },
    ],
  };
}

/** Returns TC_ACT_UNSPEC for every packet, with the settings of the real program. */
export const passingObject = (): Uint8Array =>
  writeElf(image([...loadSettings, moveToR0, exit], [settingsAtSlot0]));

/** The same with the memory of the real program's clocks, which it leaves alone. */
export const rememberingObject = (): Uint8Array =>
  writeElf(
    image(
      [...loadSettings, { ...idle, dst: 2, offset: clocks.size - 8 }, moveToR0, exit],
      [{ slot: 0, target: { kind: 'section', name: '.bss', offset: 0 } }],
      [memory],
    ),
  );

/** Returns without a verdict: the verifier answers `R0 !read_ok`. */
export const refusedObject = (): Uint8Array => writeElf(image([exit], []));

/** Returns without a verdict at one rate, and as `passingObject` does at others. */
export function refusedAt(rateBitsPerSecond: number): () => Uint8Array {
  const { nsPerByte } = dataplaneSettings({ rateBitsPerSecond, pacing: 'police' }, 'ingress');
  const loadNsPerByte = { ...exit, opcode: CLASS.ldx | SIZE.double | MODE.mem, dst: 1, src: 2 };
  const skipIfSame = { ...exit, opcode: CLASS.jmp | JMP.eq, dst: 1, offset: 1, imm: Number(nsPerByte) };
  const code = [...loadSettings, loadNsPerByte, skipIfSame, moveToR0, exit];
  return () => writeElf(image(code, [settingsAtSlot0]));
}

/** The same object as another release might have it: two of its settings have each other's places. */
export function withOtherSettings(object: Uint8Array): Uint8Array {
  const read = readElf(object);
  const renamed = (layout: StructLayout): StructLayout => ({
    ...layout,
    fields: layout.fields.map((field) => ({ ...field, name: EXCHANGED.get(field.name) ?? field.name })),
  });
  const sections = read.sections.map((section) => ({
    ...section,
    variables: section.variables.map((each) => ({ ...each, layout: renamed(each.layout) })),
  }));
  return writeElf({ ...read, sections });
}

const EXCHANGED: ReadonlyMap<string, string> = new Map([
  ['mouseShare', 'mouseStretch'],
  ['mouseStretch', 'mouseShare'],
]);

/** The same object as another release might have it: its program does the same with an instruction more. */
export function ofAnotherRelease(object: Uint8Array): Uint8Array {
  const read = readElf(object);
  const shifted = <T extends { readonly slot: number }>(each: T): T => ({ ...each, slot: each.slot + 1 });
  const behindEntry = <T extends { readonly slot: number }>(each: T): T =>
    each.slot === 0 ? each : shifted(each);
  const programs = read.programs.map((program) => ({
    ...program,
    code: new Uint8Array([...encode([idle]), ...program.code]),
    relocations: program.relocations.map(shifted),
    functions: program.functions.map(behindEntry),
    lines: program.lines.map(behindEntry),
  }));
  return writeElf({ ...read, programs });
}
