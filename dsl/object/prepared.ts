/**
 * An object in a form that is read at once, for those who load it again and again: JSON, with bytes in Base64. It has no
 * source lines; the ELF file has them.
 */
import type { MapImage, ObjectImage, ProgramImage, SectionImage } from './image.ts';
import type { Template } from './specialise/template.ts';

export interface PreparedObject {
  readonly image: ObjectImage;
  /** Of its programs, for settings that are common. */
  readonly templates: readonly Template[];
  /** A digest of the layout of each map and section, by name. */
  readonly layouts: { readonly [name: string]: string };
}

/** What JSON holds of a type: Base64 in the place of bytes. */
type Json<T> = { readonly [K in keyof T]: T[K] extends Uint8Array | undefined ? string : T[K] };

interface PreparedFile extends Pick<PreparedObject, 'layouts'> {
  readonly license: string;
  readonly maps: readonly MapImage[];
  readonly sections: readonly Json<SectionImage>[];
  readonly programs: readonly Json<ProgramImage>[];
  readonly templates: readonly (Omit<Json<Template>, 'program'> & { readonly program: Json<ProgramImage> })[];
}

const toText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const toBytes = (text: string): Uint8Array => Buffer.from(text, 'base64');

function writeProgram({ names: _, ...program }: ProgramImage): Json<ProgramImage> {
  return { ...program, lines: [], code: toText(program.code) };
}

const readProgram = (program: Json<ProgramImage>): ProgramImage => ({
  ...program,
  code: toBytes(program.code),
});

export function writePrepared({ image, templates, layouts }: PreparedObject): string {
  const file: PreparedFile = {
    license: image.license,
    maps: image.maps,
    sections: image.sections.map(({ initial, ...section }) => ({
      ...section,
      ...(initial && { initial: toText(initial) }),
    })),
    programs: image.programs.map(writeProgram),
    templates: templates.map(({ program, rodata, known, uses }) => ({
      program: writeProgram(program),
      rodata: toText(rodata),
      known: toText(known),
      uses,
    })),
    layouts,
  };
  return JSON.stringify(file);
}

/** Reads what `writePrepared` wrote of the same release; no other file. */
export function readPrepared(text: string): PreparedObject {
  const { license, maps, sections, programs, templates, layouts }: PreparedFile = JSON.parse(text);
  return {
    image: {
      license,
      maps,
      sections: sections.map(({ initial, ...section }) => ({
        ...section,
        ...(initial !== undefined && { initial: toBytes(initial) }),
      })),
      programs: programs.map(readProgram),
    },
    templates: templates.map(({ program, rodata, known, uses }) => ({
      program: readProgram(program),
      rodata: toBytes(rodata),
      known: toBytes(known),
      uses,
    })),
    layouts,
  };
}
