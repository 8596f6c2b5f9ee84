/** The classes of Pods that a program is specialised for: what the settings decide about its code. */
import type { Limit, Pacing } from '../../cni/settings.ts';

export interface ProgramClass {
  readonly name: string;
  readonly limit: Limit;
}

const PACINGS: readonly Pacing[] = ['edt', 'queue', 'police'];
const RATE = 10e6;

/** Settings that leave code out, each by the words that name it. */
const WITHOUT: readonly (readonly [string, Partial<Limit>])[] = [
  ['no VLAN', { vlanTags: 'off' }],
  ['no IPv6', { ipFamilies: 'ipv4' }],
  ['no ECN', { ecn: false }],
];
/** Settings that bring code in. */
const EXTRAS: Partial<Limit> = { packetsPerSecond: 10_000, excludedSubnets: ['10.0.0.0/8', 'fd00::/8'] };

function classOf(pacing: Pacing, chosen: readonly (readonly [string, Partial<Limit>])[]): ProgramClass {
  const limit = Object.assign({ rateBitsPerSecond: RATE, pacing }, ...chosen.map(([, settings]) => settings));
  return { name: [pacing, ...chosen.map(([words]) => words)].join(', '), limit };
}

const subsets = <T>(all: readonly T[]): T[][] =>
  Array.from({ length: 1 << all.length }, (_, chosen) => all.filter((_each, bit) => (chosen >> bit) & 1));

/** For each pacing the program with all options, and every combination of what may be left out. */
export const CLASSES: readonly ProgramClass[] = PACINGS.flatMap((pacing) => [
  classOf(pacing, [['packet rate, exclusions', EXTRAS]]),
  ...subsets(WITHOUT).map((chosen) => classOf(pacing, chosen)),
]);

/** Of each pacing: all options, the defaults, and the least. */
export const FEW_CLASSES: readonly ProgramClass[] = PACINGS.flatMap((pacing) => {
  const all = CLASSES.filter(({ limit }) => limit.pacing === pacing);
  return [...all.slice(0, 2), ...all.slice(-1)];
});
