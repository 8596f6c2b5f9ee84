/** What of a program's memory another one may take over: whatever both lay out in the same way. */
import type { ObjectImage } from '../../dsl/object/image.ts';
import type { MapHandle, OpenedPins } from '../../loader/index.ts';
import { fnv1a } from '../state/fnv.ts';

/** A digest of each map's and section's layout, by name: sizes alone could agree by chance. */
export type Layouts = { readonly [name: string]: string };

export function layoutsOf({ maps, sections }: Pick<ObjectImage, 'maps' | 'sections'>): Layouts {
  const digest = (value: unknown): string => fnv1a(JSON.stringify(value)).toString(16).padStart(16, '0');
  return Object.fromEntries([
    ...maps.map((map) => [map.name, digest(map)] as const),
    ...sections.map(({ name, size, variables }) => [name, digest({ size, variables })] as const),
  ]);
}

/** The settings and the excluded subnets, which each program has of its own. */
const OWN: readonly string[] = ['.rodata', 'exclusions'];

/** The live maps and sections of a program in force that one with the layouts `wanted` goes on with. */
export function heirloom(pins: OpenedPins, has: Layouts, wanted: Layouts): Map<string, MapHandle> {
  const live = [...Object.entries(pins.maps), ...Object.entries(pins.sections)];
  return new Map(
    live.flatMap(([name, map]) =>
      map !== undefined && !OWN.includes(name) && has[name] !== undefined && has[name] === wanted[name]
        ? [[name, map] as const]
        : [],
    ),
  );
}
