/** Packets through the dataplane, and the settings and state that bring each down one of its paths. */
import { dataplaneSettings } from '../../cni/settings.ts';
import type { ObjectImage, SectionImage } from '../../dsl/object/image.ts';
import type { LoadedProgram } from '../../loader/object/load.ts';
import { sectionContents } from '../../loader/object/sections.ts';
import { encodeInto, type StructValue } from '../../loader/object/values.ts';
import { tcpFrame } from './packets.ts';

/** So fast that nothing here is ever over the rate. */
const UNLIMITED_BITS = 1e12;
const SECOND = 1_000_000_000n;

export interface Row {
  readonly name: string;
  readonly frame: Uint8Array;
  /** Over the settings of an unlimited Pod. */
  readonly config?: StructValue;
  readonly state?: (now: bigint) => StructValue;
}

const heavyCells = (now: bigint) => ({ cells: new Array<bigint>(2048).fill(now + 100n * SECOND) });
const inDebt = (now: bigint) => ({ ...heavyCells(now), clock: { time: now + 50n * SECOND } });
const patient = { heavyHorizon: 1n << 40n, mouseHorizon: 1n << 40n };

export const ROWS: readonly Row[] = [
  { name: 'mouse, IPv4 TCP', frame: tcpFrame() },
  { name: 'mouse, IPv6 TCP', frame: tcpFrame({ version: 6 }) },
  { name: 'mouse, VLAN', frame: tcpFrame({ vlanTags: 1 }) },
  { name: 'mouse, QinQ', frame: tcpFrame({ vlanTags: 2 }) },
  { name: 'heavy, within the rate', frame: tcpFrame({ length: 1514 }), state: heavyCells },
  { name: 'heavy, dropped', frame: tcpFrame({ length: 1514 }), state: inDebt, config: { heavyHorizon: 0n } },
  {
    name: 'heavy, marked',
    frame: tcpFrame({ length: 1514, ecn: 2 }),
    state: inDebt,
    config: { ...patient, rampShift: 0n },
  },
  {
    name: 'heavy, departure time',
    frame: tcpFrame({ length: 1514 }),
    state: inDebt,
    config: { ...patient, rampStart: 1n << 40n, pacing: 1 },
  },
  { name: 'mouse, class', frame: tcpFrame(), config: { pacing: 2 } },
  {
    name: 'heavy, class',
    frame: tcpFrame({ length: 1514 }),
    state: inDebt,
    config: { ...patient, rampStart: 1n << 40n, pacing: 2 },
  },
];

function sectionOf(natra: ObjectImage, name: SectionImage['name']): SectionImage {
  const found = natra.sections.find((one) => one.name === name);
  if (found === undefined) throw new Error(`bench: natra's object has no ${name}`);
  return found;
}

/** The settings of a row, in the layout of natra's object. */
export function settingsOf(row: Row, natra: ObjectImage): Uint8Array {
  const config = {
    ...dataplaneSettings({ rateBitsPerSecond: UNLIMITED_BITS, pacing: 'police' }),
    seed: 1n,
    ...row.config,
  };
  return sectionContents(sectionOf(natra, '.rodata'), { config });
}

/** Puts a loaded program, natra's or its twin, into the state of a row. */
export function prepare(row: Row, natra: ObjectImage, program: LoadedProgram): void {
  const bss = program.sections['.bss'];
  const variable = sectionOf(natra, '.bss').variables.find(({ name }) => name === 'state');
  if (bss === undefined || variable === undefined) return;
  const contents = new Uint8Array(bss.valueSize);
  const state = row.state?.(process.hrtime.bigint()) ?? {};
  encodeInto(contents, variable.offset, variable.layout, state, 'state');
  bss.update(new Uint8Array(4), contents);
}
