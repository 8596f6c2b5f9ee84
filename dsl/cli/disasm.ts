/** `natra disasm`: the programs of an object file as instructions and source lines. */
import { helperById } from '../machine/helpers.ts';
import { disassemble } from '../object/disassemble.ts';
import { readElf } from '../object/elf/read.ts';
import type { ObjectImage } from '../object/image.ts';
import { readBytes } from './files.ts';
import { type ExitStatus, type Output, UsageError } from './output.ts';

/** A listing of every program, or of the one of that name. */
export function disassembly(object: ObjectImage, only?: string): string {
  const programs = object.programs.filter(({ name }) => only === undefined || name === only);
  if (programs.length === 0) {
    const known = object.programs.map(({ name }) => name).join(', ');
    throw new UsageError(
      only === undefined ? 'the object has no programs' : `no program is named ${only}; there are ${known}`,
    );
  }
  const options = { helperName: (id: number) => helperById.get(id)?.kernelName };
  return programs
    .map((program) => `; ${program.kind} ${program.name}\n${disassemble(program, options)}`)
    .join('\n');
}

function objectOf(file: string): ObjectImage {
  const bytes = readBytes(file);
  try {
    return readElf(bytes);
  } catch (error) {
    // What a header names lies beyond the last byte.
    if (error instanceof RangeError)
      throw new UsageError(`read ${file}: it ends before what its headers name`);
    throw new UsageError(`read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function disasm(file: string, program: string | undefined, output: Output): ExitStatus {
  output.out(disassembly(objectOf(file), program));
  return 0;
}
