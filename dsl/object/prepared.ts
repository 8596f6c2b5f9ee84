/**
 * An object in a form that is read at once, for those who load it again and again: a line of JSON, and behind it the bytes
 * that it tells of, of which only those that are used are ever looked at. It has no source lines; the ELF file has them.
 */
import { type InfoRecords, type KernelBtf, NO_LINES } from './btf/kernel.ts';
import type { TypeId } from './btf/types.ts';
import type { MapImage, ObjectImage, ProgramImage, SectionImage } from './image.ts';
import type { Template } from './specialise/template.ts';

export interface PreparedObject {
  readonly image: ObjectImage;
  /** Of its programs, for settings that are common. */
  readonly templates: readonly Template[];
  /** A digest of the layout of each map and section, by name. */
  readonly layouts: { readonly [name: string]: string };
  /** Of the image, whose source lines it has not. */
  readonly btf: KernelBtf;
}

/** Where bytes begin behind the line, and how many there are. */
type Place = readonly [at: number, length: number];

/** What JSON holds of a type: a place in the place of bytes. */
type Placed<T> = { readonly [K in keyof T]: T[K] extends Uint8Array | undefined ? Place : T[K] };

/** A `KernelBtf` without its lines; maps are entries, as JSON has no maps. */
interface PlacedBtf {
  readonly blob: Place;
  readonly maps: readonly (readonly [string, { readonly key: TypeId; readonly value: TypeId }])[];
  readonly sections: readonly (readonly [string, TypeId])[];
  readonly functions: readonly (readonly [string, Placed<InfoRecords>])[];
}

interface Head extends Pick<PreparedObject, 'layouts'> {
  readonly license: string;
  readonly maps: readonly MapImage[];
  readonly sections: readonly Placed<SectionImage>[];
  readonly programs: readonly Placed<ProgramImage>[];
  readonly templates: readonly (Omit<Placed<Template>, 'program'> & {
    readonly program: Placed<ProgramImage>;
  })[];
  readonly btf: PlacedBtf;
}

/** JSON has none of its own outside of strings, where it is escaped. */
const LINE_END = '\n';

export function writePrepared({ image, templates, layouts, btf }: PreparedObject): Uint8Array {
  const pieces: Uint8Array[] = [];
  let end = 0;
  const place = (bytes: Uint8Array): Place => {
    const at = end;
    pieces.push(bytes);
    end += bytes.length;
    return [at, bytes.length];
  };
  const program = ({ names: _, ...rest }: ProgramImage): Placed<ProgramImage> => ({
    ...rest,
    lines: [],
    code: place(rest.code),
  });
  const head: Head = {
    license: image.license,
    maps: image.maps,
    sections: image.sections.map(({ initial, ...section }) => ({
      ...section,
      ...(initial && { initial: place(initial) }),
    })),
    programs: image.programs.map(program),
    templates: templates.map((template) => ({
      program: program(template.program),
      rodata: place(template.rodata),
      known: place(template.known),
      uses: template.uses,
    })),
    layouts,
    btf: {
      blob: place(btf.blob),
      maps: [...btf.maps],
      sections: [...btf.sections],
      functions: [...btf.programs].map(([name, { functions }]) => [
        name,
        { ...functions, records: place(functions.records) },
      ]),
    },
  };
  return Buffer.concat([Buffer.from(JSON.stringify(head) + LINE_END), ...pieces]);
}

/** Reads what `writePrepared` wrote of the same release; no other file. What it gives is a view of `file`. */
export function readPrepared(file: Uint8Array): PreparedObject {
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const headEnd = buffer.indexOf(LINE_END);
  const head: Head = JSON.parse(buffer.toString('utf8', 0, headEnd));
  const bytes = ([at, length]: Place): Uint8Array =>
    buffer.subarray(headEnd + 1 + at, headEnd + 1 + at + length);
  const program = (placed: Placed<ProgramImage>): ProgramImage => ({ ...placed, code: bytes(placed.code) });
  return {
    image: {
      license: head.license,
      maps: head.maps,
      sections: head.sections.map(({ initial, ...section }) => ({
        ...section,
        ...(initial !== undefined && { initial: bytes(initial) }),
      })),
      programs: head.programs.map(program),
    },
    templates: head.templates.map((template) => ({
      program: program(template.program),
      rodata: bytes(template.rodata),
      known: bytes(template.known),
      uses: template.uses,
    })),
    layouts: head.layouts,
    btf: {
      blob: bytes(head.btf.blob),
      maps: new Map(head.btf.maps),
      sections: new Map(head.btf.sections),
      programs: new Map(
        head.btf.functions.map(([name, functions]) => [
          name,
          { functions: { ...functions, records: bytes(functions.records) }, lines: NO_LINES },
        ]),
      ),
    },
  };
}
