/** What of a program's memory another one may take over: whatever both lay out in the same way. */
import type { ObjectImage } from '../../dsl/object/image.ts';
import type { MapHandle, OpenedPins } from '../../loader/index.ts';
import { DIRECTIONS } from '../config/bandwidth.ts';
import type { Limit } from '../limit.ts';
import { dataplaneSettings, PACINGS } from '../settings.ts';
import { fnv1a } from '../state/fnv.ts';

/**
 * A digest of each map's and section's layout, by name: sizes alone could agree by chance. That of the settings is of what they
 * come to for some limits, too: a release may give the same field another meaning.
 */
export type Layouts = { readonly [name: string]: string };

const SETTINGS = '.rodata';

/** The settings of limits in which everything occurs that settings depend on. */
function exampleSettings(): unknown {
  const limits: readonly Limit[] = [1e6, 3e7, 1e9].flatMap((rateBitsPerSecond) => [
    { rateBitsPerSecond },
    { rateBitsPerSecond, burstBits: 8e6, packetsPerSecond: 1000, excludedSubnets: ['::/0'] },
    { rateBitsPerSecond, miceSharePercent: 50, heavyThresholdBits: 1e6, ecn: false },
  ]);
  return DIRECTIONS.map((direction) =>
    limits.flatMap((limit) =>
      PACINGS.map((pacing) => Object.entries(dataplaneSettings({ ...limit, pacing }, direction)).map(String)),
    ),
  );
}

export function layoutsOf({ maps, sections }: Pick<ObjectImage, 'maps' | 'sections'>): Layouts {
  const digest = (value: unknown): string => fnv1a(JSON.stringify(value)).toString(16).padStart(16, '0');
  return Object.fromEntries([
    ...maps.map((map) => [map.name, digest(map)] as const),
    ...sections.map(({ name, size, variables }) => {
      const settings = name === SETTINGS ? exampleSettings() : undefined;
      return [name, digest({ size, variables, settings })] as const;
    }),
  ]);
}

/** The settings and the excluded subnets, which each program has of its own. */
const OWN: readonly string[] = [SETTINGS, 'exclusions'];

/** Whether a release with the layouts `wanted` gives settings the meaning that the one with the others did. */
export const meansTheSame = (has: Layouts | undefined, wanted: Layouts): boolean =>
  has !== undefined && has[SETTINGS] === wanted[SETTINGS];

/** What both lay out in the same way. */
export const agreed = (has: Layouts | undefined, wanted: Layouts): Layouts =>
  Object.fromEntries(Object.entries(wanted).filter(([name, digest]) => has?.[name] === digest));

/** The live maps and sections of a program in force that one with the layouts `wanted` goes on with. */
export function heirloom(
  pins: OpenedPins,
  has: Layouts | undefined,
  wanted: Layouts,
): Map<string, MapHandle> {
  const live = [...Object.entries(pins.maps), ...Object.entries(pins.sections)];
  return new Map(
    live.flatMap(([name, map]) =>
      map !== undefined && !OWN.includes(name) && has?.[name] !== undefined && has[name] === wanted[name]
        ? [[name, map] as const]
        : [],
    ),
  );
}
