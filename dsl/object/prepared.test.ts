import fc from 'fast-check';
import { expect, test } from 'vitest';
import { arbitraryImage } from './arbitrary.ts';
import { btfForKernel } from './btf/kernel.ts';
import { readPrepared, writePrepared } from './prepared.ts';

test('an object and its templates come back as they were, without source lines', () => {
  fc.assert(
    fc.property(arbitraryImage, (image) => {
      const programs = image.programs.map(({ names: _, ...program }) => ({
        ...program,
        code: Buffer.from(program.code),
        lines: [],
      }));
      const sections = image.sections.map((section) =>
        section.initial ? { ...section, initial: Buffer.from(section.initial) } : section,
      );
      const btf = btfForKernel({ ...image, programs });
      const described = {
        ...btf,
        blob: Buffer.from(btf.blob),
        programs: new Map(
          [...btf.programs].map(([name, { functions, lines }]) => [
            name,
            { functions: { ...functions, records: Buffer.from(functions.records) }, lines },
          ]),
        ),
      };
      const template = {
        program: programs[0] ?? {
          name: 'p',
          kind: 'xdp' as const,
          code: Buffer.of(),
          relocations: [],
          functions: [],
          lines: [],
        },
        uses: [{ slot: 3, offset: 8, bytes: 4, signed: true }],
        rodata: Buffer.of(1, 2, 255),
        known: Buffer.of(1, 0, 1),
      };
      const prepared = {
        image: { ...image, programs, sections },
        templates: [template],
        layouts: { '.bss': 'a1' },
        btf: described,
      };
      expect(readPrepared(writePrepared({ ...prepared, image }))).toEqual(prepared);
    }),
    { numRuns: 50 },
  );
});
