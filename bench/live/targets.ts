/** What natra promises of a row, and what of it was missed. */
import { parseOptions } from '../../cni/config/options.ts';
import { placements } from '../../cni/dataplane/placement.ts';
import { burstBytes } from '../../cni/settings.ts';
import type { RowResult } from './cases.ts';
import { limitAt } from './compare.ts';
import type { Row } from './rows.ts';

const LEAST_GOODPUT = 0.97;
/** A share is known to within a packet of 64 KiB at either end of the time over which it is taken. */
const MOST_GOODPUT = 1.005;
const MOST_MICE_FACTOR = 2;
const LEAST_FAIRNESS = 0.95;

/** The most above the cap that natra lets pass, where there is fq and where there is HTB alone. */
function burstOf({ cap, direction }: Row, hasFq: boolean): number {
  const limit = limitAt(cap);
  const [first] = placements(direction, limit, parseOptions({ edtPacing: hasFq ? 'auto' : 'off' }, {}), true);
  if (first === undefined) throw new Error(`${direction}: natra limits nothing`);
  return burstBytes({ ...limit, pacing: first.pacing });
}

/** By the name of the figure. `hasFq`: natra can place fq, so that nothing need be sent twice. */
export function missesOf({ row, figures }: RowResult, hasFq: boolean): readonly string[] {
  const { natra, idle } = figures;
  if (natra === undefined) return [];
  const { shareOfCap = 0, burstUsed = 0, retransmitted, fairness, mice } = natra;
  const misses: string[] = [];
  if (burstUsed > burstOf(row, hasFq)) misses.push('burst');
  if (row.load === 'flood') return misses;
  if (!(shareOfCap >= LEAST_GOODPUT && shareOfCap <= MOST_GOODPUT)) misses.push('goodput');
  if (hasFq && retransmitted > 0) misses.push('resent');
  if (row.load === 'four' && fairness < LEAST_FAIRNESS) misses.push('Jain');
  const [own, alone] = [mice.p99, idle?.mice.p99];
  if (row.load === 'elephant' && own !== undefined && alone !== undefined && own > MOST_MICE_FACTOR * alone)
    misses.push('p99');
  return misses;
}
