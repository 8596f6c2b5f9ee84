/** What `bench live` measures: rows, each under every limiter. */
import type { Direction, Load } from './phase.ts';
import type { Transport } from './topology.ts';

export const CAPS = { '10M': 10e6, '60M': 60e6, '100M': 100e6, '1G': 1e9 } as const;
export type CapName = keyof typeof CAPS;

/**
 * `elephant`: one beside mice; `four`: four of them beside as many; `clients`: one beside 50 clients in
 * closed loops; `flood`: UDP at five times the cap beside the mice.
 */
export const LOADS = ['elephant', 'clients', 'flood', 'four'] as const;
export type LoadName = (typeof LOADS)[number];

export interface Row extends Transport {
  readonly cap: CapName;
  readonly direction: Direction;
  readonly load: LoadName;
}

/** About as many in all, however long a phase beside one elephant is. */
const MICE_PER_SECOND: Readonly<Record<CapName, number>> = { '10M': 30, '60M': 60, '100M': 60, '1G': 120 };
const NOTHING: Load = { elephants: 0, micePerSecond: 0, clients: 0, floodBytesPerSecond: 0 };

/** Mice alone: what the others are compared with. A phase of them is as long as one at the lowest cap. */
export const MICE_ALONE: Load = { ...NOTHING, micePerSecond: MICE_PER_SECOND['10M'] };

export function loadOf({ cap, load }: Row): Load {
  const beside: Load = { ...NOTHING, micePerSecond: MICE_PER_SECOND[cap] };
  switch (load) {
    case 'elephant':
      return { ...beside, elephants: 1 };
    case 'four':
      return { ...beside, elephants: 4 };
    case 'clients':
      return { ...NOTHING, elephants: 1, clients: 50 };
    case 'flood':
      return { ...beside, floodBytesPerSecond: (5 * CAPS[cap]) / 8 };
  }
}

/** Names a row, and is what `--row` is compared with. */
export const nameOf = ({ cap, direction, congestion, ecn, load }: Row): string =>
  [cap, direction, congestion, ecn ? 'ecn' : 'noecn', load].join(' ');

/** 60 Mbit/s is between the rates at which HTB has little room and those at which it has enough: who puts most under way tries it. */
const isMeasured = ({ cap, congestion, load }: Row): boolean =>
  cap !== '60M' || (congestion === 'bbr' && load === 'four');

/** Caps come innermost: they cost most differently, and whoever has measured some rows knows what the others take. */
function* everyRow(): Generator<Row> {
  for (const ecn of [false, true])
    for (const load of LOADS)
      for (const congestion of ['cubic', 'bbr'] as const)
        for (const direction of ['ingress', 'egress'] as const)
          for (const cap of Object.keys(CAPS) as CapName[]) yield { cap, direction, congestion, ecn, load };
}

/** Rows in which each word of some filter occurs; all without filters. */
export function rowsOf(filters: readonly string[]): readonly Row[] {
  return [...everyRow()].filter(isMeasured).filter((row) => {
    const words = nameOf(row).split(' ');
    const has = (filter: string) => filter.split(/[\s,]+/).every((word) => words.includes(word));
    return filters.length === 0 || filters.some(has);
  });
}
