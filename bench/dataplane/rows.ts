/** Packets through the dataplane, and the settings and state that bring each down one of its paths. */
import { dataplaneSettings, type Pacing } from '../../cni/settings.ts';
import { VERDICTS, type VerdictName } from '../../cni/verdicts.ts';
import type { ObjectImage, SectionImage } from '../../dsl/object/image.ts';
import type { LoadedProgram } from '../../loader/object/load.ts';
import { sectionContents } from '../../loader/object/sections.ts';
import { encodeInto, type StructValue } from '../../loader/object/values.ts';
import { arpFrame, extensionsFrame, fragmentFrame, tcpFrame } from './packets.ts';

/** So fast that nothing here is ever over the rate. */
const UNLIMITED_BITS = 1e12;
const SECOND = 1_000_000_000n;

export interface Row {
  readonly name: string;
  readonly frame: Uint8Array;
  /** What has to become of the packet: another path would be another measurement. */
  readonly verdict: VerdictName;
  /** 'police' by default. */
  readonly pacing?: Pacing;
  /** Over the settings of an unlimited Pod. */
  readonly config?: StructValue;
  readonly state?: (now: bigint) => StructValue;
  /** The packet's source port takes so many values, a power of two; 1 by default. */
  readonly flows?: number;
}

const heavyCells = (now: bigint) => ({ cells: new Array<bigint>(512).fill(now + 100n * SECOND) });
const inDebt = (now: bigint) => ({ ...heavyCells(now), clock: { time: now + 50n * SECOND } });
const patient = { heavyHorizon: 1n << 40n };
const unmarked = { ...patient, rampStart: 1n << 40n };
const full = tcpFrame({ length: 1514 });

const many = (flows: number): Row => ({
  name: `mice, ${flows.toLocaleString('en')} flows`,
  frame: tcpFrame(),
  verdict: 'mouse',
  flows,
});

export const ROWS: readonly Row[] = [
  { name: 'mouse, IPv4 TCP', frame: tcpFrame(), verdict: 'mouse' },
  { name: 'mouse, IPv6 TCP', frame: tcpFrame({ version: 6 }), verdict: 'mouse' },
  { name: 'mouse, VLAN', frame: tcpFrame({ vlanTags: 1 }), verdict: 'mouse' },
  { name: 'mouse, QinQ', frame: tcpFrame({ vlanTags: 2 }), verdict: 'mouse' },
  { name: 'mouse, IPv6 extensions', frame: extensionsFrame(), verdict: 'mouse' },
  { name: 'mouse, IPv4 fragment', frame: fragmentFrame(), verdict: 'mouse' },
  { name: 'mouse, ARP', frame: arpFrame(), verdict: 'mouse' },
  { name: 'mouse, packet rate', frame: tcpFrame(), config: { nsPerPacket: 1n }, verdict: 'mouse' },
  { name: 'mouse, subnets excluded', frame: tcpFrame(), config: { exclusions: 1 }, verdict: 'mouse' },
  ...[16, 1024, 65_536].map(many),
  { name: 'heavy, within the rate', frame: full, state: heavyCells, verdict: 'paid' },
  { name: 'heavy, dropped', frame: full, state: inDebt, config: { heavyHorizon: 0n }, verdict: 'dropped' },
  {
    name: 'heavy, marked CE',
    frame: tcpFrame({ length: 1514, ecn: 2 }),
    state: inDebt,
    config: { ...patient, rampShift: 0n },
    verdict: 'marked',
  },
  {
    name: 'heavy, departure time',
    frame: full,
    state: inDebt,
    pacing: 'edt',
    config: unmarked,
    verdict: 'paced',
  },
  { name: 'mouse, departure time', frame: tcpFrame(), pacing: 'edt', verdict: 'mouse' },
  { name: 'mouse, class', frame: tcpFrame(), pacing: 'queue', verdict: 'mouse' },
  {
    name: 'heavy, class',
    frame: full,
    state: inDebt,
    pacing: 'queue',
    config: unmarked,
    verdict: 'paced',
  },
];

function sectionOf(natra: ObjectImage, name: SectionImage['name']): SectionImage {
  const found = natra.sections.find((one) => one.name === name);
  if (found === undefined) throw new Error(`bench: natra's object has no ${name}`);
  return found;
}

/** The settings of a row, in the layout of natra's object. */
export function settingsOf(row: Row, natra: ObjectImage): Uint8Array {
  const { pacing = 'police' } = row;
  const config = {
    ...dataplaneSettings({ rateBitsPerSecond: UNLIMITED_BITS, pacing }, 'ingress'),
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

/** The share of a program's packets that met this verdict. */
export function shareOf(verdict: VerdictName, program: LoadedProgram): number {
  const packets = VERDICTS.map((_, index): number => {
    const key = new Uint8Array(4);
    new DataView(key.buffer).setUint32(0, index, true);
    const counts = program.maps.counters?.lookupPerCpu(key) ?? [];
    const views = counts.map(({ buffer, byteOffset, length }) => new DataView(buffer, byteOffset, length));
    return views.reduce((sum, view) => sum + Number(view.getBigUint64(0, true)), 0);
  });
  const all = packets.reduce((sum, each) => sum + each, 0);
  return (packets[VERDICTS.findIndex(({ name }) => name === verdict)] ?? 0) / all;
}
