/** Random object images for property tests: layouts, maps, sections and programs that hang together. */
import fc from 'fast-check';
import {
  type FunctionImage,
  MAP_TYPES,
  type MapImage,
  type MapKind,
  type ObjectImage,
  PROGRAM_TYPES,
  type ProgramImage,
  type ProgramKind,
  type Relocation,
  type SectionImage,
  type SourceLine,
} from './image.ts';
import {
  CALL,
  encode,
  type Instruction,
  LDDW,
  OPCODE_CALL,
  OPCODE_EXIT,
  OPCODE_LDDW,
} from './instruction.ts';
import { type IntLayout, type Layout, layoutStruct, type StructLayout, sizeOf } from './layout.ts';

const identifier = fc.stringMatching(/^[a-z][a-zA-Z0-9_]{0,9}$/);

const intLayout: fc.Arbitrary<IntLayout> = fc.record({
  kind: fc.constant('int' as const),
  bits: fc.constantFrom(8 as const, 16 as const, 32 as const, 64 as const),
  signed: fc.boolean(),
  order: fc.constantFrom('little' as const, 'big' as const),
});

function structOf(member: fc.Arbitrary<Layout>): fc.Arbitrary<StructLayout> {
  return fc
    .tuple(
      identifier,
      fc.uniqueArray(fc.record({ name: identifier, layout: member }), {
        minLength: 1,
        maxLength: 5,
        selector: (field) => field.name,
      }),
      fc.boolean(),
    )
    .map(([name, members, packed]) => layoutStruct(name, members, packed));
}

const arrayOf = (element: fc.Arbitrary<Layout>): fc.Arbitrary<Layout> =>
  fc.record({ kind: fc.constant('array' as const), element, length: fc.integer({ min: 1, max: 4 }) });

const flat: fc.Arbitrary<Layout> = fc.oneof(intLayout, arrayOf(intLayout));
const nested: fc.Arbitrary<Layout> = fc.oneof(flat, structOf(flat), arrayOf(structOf(flat)));
export const arbitraryStruct: fc.Arbitrary<StructLayout> = structOf(nested);

const arbitraryMap = (name: string): fc.Arbitrary<MapImage> =>
  fc
    .record({
      kind: fc.constantFrom(...(Object.keys(MAP_TYPES) as MapKind[])),
      key: fc.option(fc.oneof(intLayout, structOf(flat))),
      value: fc.option(arbitraryStruct),
      sizes: fc.tuple(fc.nat(64), fc.nat(64)),
      maxEntries: fc.integer({ min: 1, max: 0x7fffffff }),
      flags: fc.nat(0xffff),
    })
    .map(({ kind, key, value, sizes, maxEntries, flags }) => ({
      name,
      kind,
      keySize: key === null ? sizes[0] : sizeOf(key),
      valueSize: value === null ? sizes[1] : sizeOf(value),
      maxEntries,
      flags,
      ...(key === null ? {} : { key }),
      ...(value === null ? {} : { value }),
    }));

const arbitrarySection = (name: SectionImage['name']): fc.Arbitrary<SectionImage> =>
  fc.array(arbitraryStruct, { maxLength: 3 }).chain((layouts) => {
    let size = 0;
    const variables = layouts.map((layout, index) => {
      const offset = Math.ceil(size / 8) * 8;
      size = offset + layout.size;
      return { name: `${name.slice(1)}Variable${index}`, offset, layout };
    });
    const initial =
      name === '.bss' ? fc.constant(undefined) : fc.uint8Array({ minLength: size, maxLength: size });
    return initial.map((bytes) => ({
      name,
      variables,
      size,
      ...(bytes?.some((byte) => byte !== 0) ? { initial: bytes } : {}),
    }));
  });

const plain = fc.constantFrom<Instruction>(
  { opcode: 0xb7, dst: 0, src: 0, offset: 0, imm: 7 },
  { opcode: 0xbf, dst: 1, src: 10, offset: 0, imm: 0 },
  { opcode: 0x0f, dst: 0, src: 1, offset: 0, imm: 0 },
);

type Step = { readonly plain: Instruction } | { readonly target: Relocation['target'] };

interface FunctionSteps {
  readonly steps: readonly Step[];
  readonly parameters: readonly string[];
}

/** Functions in a chain: each calls the next, so that all are reached. */
function assemble(name: string, kind: ProgramKind, functions: readonly FunctionSteps[]): ProgramImage {
  const instructions: Instruction[] = [];
  const relocations: Relocation[] = [];
  const images: FunctionImage[] = [];
  const lines: SourceLine[] = [];
  const calls: number[] = [];
  const blank = { dst: 0, src: 0, offset: 0, imm: 0 };
  functions.forEach(({ steps, parameters }, index) => {
    images.push({ name: index === 0 ? name : `sub${index}`, slot: instructions.length, parameters });
    for (const step of steps) {
      if (lines.length % 3 !== 2 || instructions.length === images.at(-1)?.slot) {
        const line = instructions.length + 1;
        lines.push({
          slot: instructions.length,
          file: `${kind}.ts`,
          line,
          column: line,
          text: `  step ${line}; // ✓`,
        });
      }
      if ('plain' in step) {
        instructions.push(step.plain);
      } else {
        relocations.push({ slot: instructions.length, target: step.target });
        const { target } = step;
        const [src, high] = target.kind === 'map' ? [LDDW.mapFd, 0] : [LDDW.mapValue, target.offset];
        instructions.push({ ...blank, opcode: OPCODE_LDDW, dst: 2, src }, { ...blank, opcode: 0, imm: high });
      }
    }
    if (index < functions.length - 1) {
      calls.push(instructions.length);
      instructions.push({ ...blank, opcode: OPCODE_CALL, src: CALL.local });
    }
    instructions.push({ ...blank, opcode: OPCODE_EXIT });
  });
  calls.forEach((slot, index) => {
    instructions[slot] = {
      ...blank,
      opcode: OPCODE_CALL,
      src: CALL.local,
      imm: (images[index + 1]?.slot ?? 0) - slot - 1,
    };
  });
  return { name, kind, code: encode(instructions), relocations, functions: images, lines };
}

function arbitraryProgram(
  name: string,
  maps: readonly MapImage[],
  sections: readonly SectionImage[],
): fc.Arbitrary<ProgramImage> {
  const targets: fc.Arbitrary<Relocation['target']>[] = [
    ...maps.map((map) => fc.constant({ kind: 'map' as const, name: map.name })),
    ...sections
      .filter((section) => section.size > 0)
      .map((section) =>
        fc.record({
          kind: fc.constant('section' as const),
          name: fc.constant(section.name),
          offset: fc.nat(section.size - 1),
        }),
      ),
  ];
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ plain }),
    ...targets.map((target) => fc.record({ target })),
  );
  const functionSteps = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 8 }),
    parameters: fc.uniqueArray(identifier, { maxLength: 3 }),
  });
  return fc
    .tuple(
      fc.constantFrom(...(Object.keys(PROGRAM_TYPES) as ProgramKind[])),
      fc.array(functionSteps, { minLength: 1, maxLength: 3 }),
    )
    .map(([kind, functions]) => assemble(name, kind, functions));
}

export const arbitraryImage: fc.Arbitrary<ObjectImage> = fc
  .record({
    license: fc.constantFrom('GPL', 'Dual MIT/GPL', 'Apache-2.0'),
    maps: fc
      .nat(3)
      .chain((count) =>
        fc.tuple(...Array.from({ length: count }, (_, index) => arbitraryMap(`map${index}`))),
      ),
    sections: fc
      .subarray(['.rodata', '.data', '.bss'] as const)
      .chain((names) => fc.tuple(...names.map(arbitrarySection))),
  })
  .chain(({ license, maps, sections }) =>
    fc
      .nat(3)
      .chain((count) =>
        fc.tuple(
          ...Array.from({ length: count }, (_, index) => arbitraryProgram(`program${index}`, maps, sections)),
        ),
      )
      .map((programs) => ({ license, maps, sections, programs })),
  );
