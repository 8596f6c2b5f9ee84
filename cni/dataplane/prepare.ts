/** Prepares the object for the settings that most Pods have. Part of the build: no call does it. */
import { btfForKernel } from '../../dsl/object/btf/kernel.ts';
import type { ObjectImage, SectionImage } from '../../dsl/object/image.ts';
import { sizeOf } from '../../dsl/object/layout.ts';
import type { PreparedObject } from '../../dsl/object/prepared.ts';
import { type Rodata, rodataOf } from '../../dsl/object/specialise/constants.ts';
import { makeTemplate, type Template } from '../../dsl/object/specialise/template.ts';
import { sectionContents } from '../../loader/object/sections.ts';
import { DIRECTIONS } from '../config/bandwidth.ts';
import type { Limit } from '../limit.ts';
import { dataplaneSettings, PACINGS } from '../settings.ts';
import { layoutsOf } from './layouts.ts';

/** Limits with all else as natra chooses it: what they agree in, in both directions, holds for nearly all of that kind. */
const LIMITS: readonly Limit[] = [1e6, 3e7, 1e9, 4e10].flatMap((rateBitsPerSecond) => [
  { rateBitsPerSecond },
  { rateBitsPerSecond, burstBits: 64 * 1024 * 8 },
  { rateBitsPerSecond, burstBits: 2 ** 31 },
]);

/** By byte of the section: 1 where all contents agree in the whole field. */
function agreedIn(section: SectionImage, [first, ...others]: readonly Uint8Array[]): Uint8Array {
  const known = new Uint8Array(section.size).fill(1);
  for (const variable of section.variables)
    for (const field of variable.layout.fields) {
      const from = variable.offset + field.offset;
      const to = from + sizeOf(field.layout);
      const field0 = first?.subarray(from, to);
      const agree = others.every((other) =>
        other.subarray(from, to).every((byte, at) => byte === field0?.[at]),
      );
      if (!agree) known.fill(0, from, to);
    }
  return known;
}

function settingsOf({ sections }: ObjectImage): SectionImage {
  const section = sections.find(({ name }) => name === '.rodata');
  if (section === undefined) throw new Error('prepare an object: it has no settings');
  return section;
}

/**
 * Templates of its programs. `objectFor` compiles them anew for what is known of the settings, with better code than
 * specialising makes of the finished ones; by default nobody does.
 */
export function templatesOf(
  image: ObjectImage,
  objectFor: (known: Rodata) => ObjectImage = () => image,
): readonly Template[] {
  const section = settingsOf(image);
  return PACINGS.flatMap((pacing) => {
    const contents = LIMITS.flatMap((limit, index) =>
      DIRECTIONS.map((direction) =>
        sectionContents(section, {
          config: { ...dataplaneSettings({ ...limit, pacing }, direction), seed: BigInt(index) },
        }),
      ),
    );
    const [first = new Uint8Array(section.size)] = contents;
    const known = agreedIn(section, contents);
    const { programs } = objectFor(rodataOf(first, known));
    return programs.flatMap((program) => makeTemplate(program, first, known) ?? []);
  });
}

export function prepare(image: ObjectImage, templates = templatesOf(image)): PreparedObject {
  const programs = image.programs.map((program) => ({ ...program, lines: [] }));
  return { image, templates, layouts: layoutsOf(image), btf: btfForKernel({ ...image, programs }) };
}
