/** What natra would do for a Pod with a veth pair, and whether the kernel takes the programs that this needs. */
import type { FeatureState } from '../../loader/index.ts';
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import type { Options } from '../config/options.ts';
import { loadDataplane } from '../dataplane/load.ts';
import { type Placement, placements } from '../dataplane/placement.ts';
import { programName } from '../dataplane/site.ts';
import { CniError, describe } from '../errors.ts';
import type { Pacing } from '../limit.ts';
import type { Node } from '../node.ts';
import { dataplaneSettings } from '../settings.ts';
import { firstLine, has } from './kernel.ts';

export interface Choice {
  readonly direction: Direction;
  /** Undefined where a Pod would get no limit. */
  readonly placement: Pick<Placement, 'side' | 'hook' | 'pacing'> | undefined;
  readonly attachMode: 'tcx' | 'clsact';
  /** Why this one. */
  readonly reason: string;
  /** What is not as it could be: a program for an older kernel, no BTF. */
  readonly notes: readonly string[];
  /** Why there is none. */
  readonly refusal?: string;
}

/** The feature that each way to hold packets needs. */
const NEEDS: Readonly<Record<Pacing, string | undefined>> = { edt: 'fq', queue: 'htb', police: undefined };
/** That of the Pod which is chosen for, bits a second. At lower rates the choice may be another one (queue.ts). */
export const RATE = 1e9;

export const choices = (states: readonly FeatureState[], options: Options, node: Node): Choice[] =>
  DIRECTIONS.map((direction) => choose(direction, states, options, node));

function choose(direction: Direction, states: readonly FeatureState[], options: Options, node: Node): Choice {
  const attachMode =
    options.attachMode === 'auto' ? (has(states, 'tcx') ? 'tcx' : 'clsact') : options.attachMode;
  const notes: string[] = [];
  const about = { direction, attachMode, notes } as const;
  try {
    const { side, hook, pacing, reason } = firstPossible(
      placements(direction, { rateBitsPerSecond: RATE }, options, true),
      states,
    );
    const config = {
      ...dataplaneSettings({ rateBitsPerSecond: RATE, pacing, ...options }, direction),
      seed: 0n,
    };
    const loaded = loadDataplane(
      direction,
      { name: programName(direction), settings: { config } },
      { ...node, log: (text) => notes.push(text) },
    );
    if (loaded.btfRefusal !== undefined) notes.push(`${direction}: without names: ${loaded.btfRefusal}`);
    loaded.close();
    return { ...about, placement: { side, hook, pacing }, reason };
  } catch (error) {
    const refusal = error instanceof CniError ? error.details : firstLine(describe(error));
    return { ...about, placement: undefined, reason: 'none', refusal };
  }
}

/** The first whose qdisc the kernel has; why those before it are none is part of its reason. */
function firstPossible(candidates: readonly Placement[], states: readonly FeatureState[]): Placement {
  const lacking: string[] = [];
  for (const candidate of candidates) {
    const needed = NEEDS[candidate.pacing];
    if (needed === undefined || has(states, needed)) {
      const reason = [candidate.reason, ...new Set(lacking)].join('; ');
      return { ...candidate, reason };
    }
    lacking.push(`there is no ${needed}`);
  }
  throw new Error(lacking.join('; '));
}
