import type { KernelObject } from '../../bench/live/kernel-objects.ts';
import type { Direction } from '../../bench/live/phase.ts';
import { VERDICTS } from '../../cni/verdicts.ts';
import { mapHandleOf, openById, programInfo } from '../../loader/bpf/info.ts';
import { closeDescriptor } from '../../loader/native/files.ts';

/** What natra's program of one direction decided so often. Bytes are as on the wire. */
export interface VerdictCount {
  readonly direction: Direction;
  readonly verdict: string;
  readonly packets: number;
  readonly bytes: number;
}

const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];
const COUNTERS = 'counters';
const COUNTER_BYTES = 16;

/** Reads the counters of natra's programs among these objects, summed over CPUs. */
export function readVerdicts(objects: readonly KernelObject[]): VerdictCount[] {
  return objects
    .filter((object) => object.kind === 'program')
    .flatMap(({ id, name }) => {
      const direction = DIRECTIONS.find((each) => name.includes(each));
      return direction === undefined ? [] : countersOf(id, direction);
    });
}

function countersOf(programId: number, direction: Direction): VerdictCount[] {
  const counters = openCounters(programId);
  if (counters === undefined) return [];
  try {
    return VERDICTS.map(({ words }, number) => {
      const key = new Uint8Array(new Uint32Array([number]).buffer);
      let packets = 0;
      let bytes = 0;
      for (const value of counters.lookupPerCpu(key) ?? []) {
        const view = new DataView(value.buffer, value.byteOffset, COUNTER_BYTES);
        packets += Number(view.getBigUint64(0, true));
        bytes += Number(view.getBigUint64(8, true));
      }
      return { direction, verdict: words, packets, bytes };
    });
  } finally {
    counters.close();
  }
}

function openCounters(programId: number): ReturnType<typeof mapHandleOf> | undefined {
  const program = openById('program', programId);
  if (program === undefined) return undefined;
  try {
    for (const mapId of programInfo(program).mapIds) {
      const fd = openById('map', mapId);
      if (fd === undefined) continue;
      const map = mapHandleOf(fd, COUNTERS);
      if (map.perCpu && map.valueSize === COUNTER_BYTES && map.maxEntries === VERDICTS.length) return map;
      map.close();
    }
    return undefined;
  } finally {
    closeDescriptor(program);
  }
}
