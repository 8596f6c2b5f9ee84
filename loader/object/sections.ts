/** Contents of data sections: initial bytes and the settings that the caller gives. */
import type { SectionImage } from '../../dsl/object/image.ts';
import { decodeStruct, encodeInto, type StructValue } from './values.ts';

/** Values of `.rodata` by variable, or the whole section's bytes. */
export type Settings = { readonly [variable: string]: StructValue } | Uint8Array;

/** The section's initial bytes with the settings written over them. */
export function sectionContents(section: SectionImage, settings?: Settings): Uint8Array {
  const bytes = new Uint8Array(section.size);
  if (section.initial) bytes.set(section.initial);
  if (settings === undefined) return bytes;
  if (settings instanceof Uint8Array) {
    if (settings.length !== section.size) {
      throw new Error(`fill ${section.name}: it has ${section.size} bytes, not ${settings.length}`);
    }
    bytes.set(settings);
    return bytes;
  }
  for (const [name, values] of Object.entries(settings)) {
    const variable = section.variables.find((candidate) => candidate.name === name);
    if (!variable) {
      const known = section.variables.map((candidate) => candidate.name).join(', ');
      throw new Error(`fill ${section.name}: there is no variable ${name}, only ${known}`);
    }
    encodeInto(bytes, variable.offset, variable.layout, values, name);
  }
  return bytes;
}

/** One variable of a section's value. */
export function readVariable(section: SectionImage, name: string, contents: Uint8Array): StructValue {
  const variable = section.variables.find((candidate) => candidate.name === name);
  if (!variable) throw new Error(`read ${section.name}: there is no variable ${name}`);
  return decodeStruct(
    variable.layout,
    contents.subarray(variable.offset, variable.offset + variable.layout.size),
  );
}
