/** Puts one direction's limit into force at the best place that works. */
import {
  attachFq,
  attachHtb,
  attaching,
  isErrno,
  type Attachment as KernelAttachment,
  lacksFq,
  linkPath,
  type Place,
  pinAll,
  referenceTo,
  tcxAttachment,
  VerifierError,
  type Work,
} from '../../loader/index.ts';
import type { Direction } from '../config/bandwidth.ts';
import { describe } from '../errors.ts';
import type { Limit } from '../limit.ts';
import { dataplaneSettings } from '../settings.ts';
import { fillExclusions } from './exclusions.ts';
import { fqOptions } from './fq.ts';
import { htbOptions } from './htb.ts';
import type { Ledger } from './ledger.ts';
import { type LoadedDataplane, loadingDataplane } from './load.ts';
import type { Placement } from './placement.ts';
import { withdraw } from './release.ts';
import { randomSeed } from './seed.ts';
import { filterName, keyOf, netnsOf, programName, type Site, wishOf } from './site.ts';

/**
 * Tries the placements in turn and throws the last one's error. What a failed one made is undone, and so is
 * everything when this throws.
 */
export function* install(
  direction: Direction,
  limit: Limit,
  candidates: readonly Placement[],
  site: Site,
  ledger: Ledger,
): Work<void> {
  const refusals: string[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const { pacing, side } = candidate;
    const isLast = index === candidates.length - 1;
    const lack = site.lacking.get(pacing);
    if (lack !== undefined && !isLast) {
      refusals.push(`no ${pacing} on the ${side} end: ${lack}`);
      continue;
    }
    const placement = { ...candidate, reason: [candidate.reason, ...refusals].join('; since ') };
    try {
      yield* installAt(placement, direction, limit, site, ledger);
      return;
    } catch (error) {
      withdraw(direction, ledger, site.node);
      refusals.push(`no ${pacing} on the ${side} end: ${describe(error)}`);
      if (pacing === 'edt' && lacksFq(error)) site.lacking.set(pacing, describe(error));
      // The verifier answers the same wherever the program is to go, and signals meet it everywhere.
      if (error instanceof VerifierError || isErrno(error, 'EAGAIN') || isLast) {
        site.node.log(`ADD ${keyOf(site)}: ${direction}: ${refusals.join('; ')}`);
        throw error;
      }
    }
  }
}

function* installAt(
  placement: Placement,
  direction: Direction,
  limit: Limit,
  site: Site,
  ledger: Ledger,
): Work<void> {
  const { side, hook, pacing, reason } = placement;
  const { node, attachment, options, devices } = site;
  const device = side === 'pod' ? devices.pod : devices.host;
  if (device === undefined) throw new Error(`attach on the ${side} end: the interface has none`);
  const { ifindex } = device;
  const netns = netnsOf(side, attachment);
  const target = { ifindex, ...(netns !== undefined && { netns }) };
  const journal = (planned: KernelAttachment): void => ledger.journal(direction, planned);
  const wish = wishOf(limit, options);
  const place = { root: node.pinDirectory, key: keyOf(site), label: direction };
  const request: Place = {
    ...target,
    direction: hook,
    mode: options.attachMode,
    pinPath: linkPath(place),
    // A verdict of others may be final, and natra's never is but for what it drops.
    placement: { side: 'before' },
    filterName: filterName(keyOf(site), direction),
    journal,
  };
  // What is the first choice comes to disk with what is made before.
  const made =
    options.attachMode === 'clsact' ? [] : [tcxAttachment({ hook: request, pinPath: request.pinPath })];
  ledger.intend(direction, { ...wish, side, device: device.name, ifindex, hook, pacing, reason, made });

  if (pacing === 'edt') attachFq({ ...target, options: fqOptions(limit) }, journal);
  if (pacing === 'queue') attachHtb({ ...target, options: htbOptions(limit) }, journal);
  // A TCX link holds rtnl for tens of milliseconds: what else needs it, in any direction, comes before.
  yield { kind: 'gate' };
  const config = { ...dataplaneSettings({ ...wish, pacing }, direction), seed: randomSeed() };
  let program: LoadedDataplane | undefined;
  function* loading(): Work<LoadedDataplane> {
    program = yield* loadingDataplane(
      direction,
      { name: programName(direction), settings: { config } },
      node,
    );
    fillExclusions(program, limit);
    ledger.note(direction, { layouts: program.layouts });
    ledger.open();
    pinAll(program, place, { ifindex, netns: referenceTo(netns) });
    return program;
  }
  try {
    const { mode } = yield* attaching(request, loading());
    node.log(
      `ADD ${keyOf(site)}: ${direction} ${limit.rateBitsPerSecond} bits/s: ${mode} at ${device.name} ${hook}, ${reason}`,
    );
  } finally {
    program?.close();
  }
}
