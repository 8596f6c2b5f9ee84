/** Whether two programs in the kernel are the same but for the maps that each has of its own. */
import { decode, LDDW, OPCODE_LDDW, SLOT_BYTES } from '../../dsl/object/instruction.ts';
import { mapInfo, translatedInstructions } from '../bpf/info.ts';
import type { MapHandle } from '../bpf/map.ts';

/** An open program with all maps that it refers to, by name. */
export interface OpenProgram {
  readonly fd: number;
  readonly maps: Readonly<Record<string, MapHandle>>;
  readonly sections: Readonly<Partial<Record<string, MapHandle>>>;
}

/**
 * Whether the verifier left the same instructions of both, with maps of the same names in the same places. The
 * contents of maps are the caller's to compare. Two that are not alike may do the same; two that are alike do. The
 * kernel's tag would not tell: it leaves out which map, and which of a map's bytes, an instruction means.
 */
export const isSameProgram = (one: OpenProgram, other: OpenProgram): boolean =>
  instructionsByName(one).equals(instructionsByName(other));

/** The instructions without the ids of maps, and behind them the names of those, in order of use. */
function instructionsByName({ fd, maps, sections }: OpenProgram): Buffer {
  const named = Object.entries({ ...maps, ...sections });
  const names = new Map(named.flatMap(([name, map]) => (map ? [[mapInfo(map.fd).id, name] as const] : [])));
  const code = translatedInstructions(fd);
  const used: string[] = [];
  const view = new DataView(code.buffer, code.byteOffset, code.length);
  for (let slot = 0; slot < code.length / SLOT_BYTES; slot++) {
    const { opcode, src, imm } = decode(code, slot);
    if (opcode !== OPCODE_LDDW) continue;
    if (src === LDDW.mapFd || src === LDDW.mapValue) {
      used.push(names.get(imm) ?? `map ${imm}`);
      view.setInt32(slot * SLOT_BYTES + 4, 0, true);
    }
    slot++;
  }
  return Buffer.concat([code, Buffer.from(JSON.stringify(used))]);
}
