/** One packet as that of many flows: a program in front of the measured one changes its source port each time. */
import path from 'node:path';
import { type LoadedProgram, loadProgram } from '../../loader/object/load.ts';
import { compiledObject } from '../measure.ts';

const image = compiledObject(path.join(import.meta.dirname, 'programs/many-flows.ts'));

/** Loads what goes before `program`; `flows` is a power of two up to 65,536. */
export function loadInFront(program: LoadedProgram, flows: number): LoadedProgram {
  const settings = { config: { mask: BigInt(flows - 1) } };
  const front = loadProgram(image, 'manyFlows', { settings });
  const descriptor = new Uint8Array(4);
  new DataView(descriptor.buffer).setInt32(0, program.fd, true);
  front.maps.measured?.update(new Uint8Array(4), descriptor);
  return front;
}
