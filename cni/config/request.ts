/** What one ADD or CHECK asks for: the limits of each direction with their options, and how to attach. */

import type { Limit } from '../limit.ts';
import { DIRECTIONS, type Direction, HIGHEST_RATE, isStatic, type Limits, parseLimits } from './bandwidth.ts';
import { parsePodIdentity, type Variables } from './environment.ts';
import type { JsonObject } from './json.ts';
import { annotationOf, invalid, MOST_SUBNETS, type OptionName, type OptionValues } from './option-values.ts';
import { type Options, parseOptions } from './options.ts';
import { type PodOptions, parsePodOptions } from './pod-options.ts';

export interface Request {
  readonly limits: Limits;
  readonly options: Options;
  /** What the Pod asked for and does not get, in words. */
  readonly notes: readonly string[];
}

/** The program computes times of at most this much of the rate. */
const MOST_BURST_SECONDS = 3600;
/** A flow is forgotten in 16 times the threshold's time at the rate. */
const MOST_THRESHOLD_SECONDS = 2;
const LEAST_THRESHOLD_BITS = 131_072;

/** Throws code 7 for what is malformed, out of bounds or doesn't fit the rate, 4 where the environment is wrong. */
export function parseRequest(configuration: JsonObject, variables: Variables): Request {
  const options = parseOptions(configuration, variables);
  const pod = parsePodOptions(configuration, parsePodIdentity(variables).namespace);
  const stated = parseLimits(configuration);
  const limits = Object.fromEntries(
    DIRECTIONS.flatMap((direction) => {
      const limit = limitOf(direction, stated, isStatic(configuration), pod);
      return limit === undefined ? [] : [[direction, limit] as const];
    }),
  );
  const edtPacing = pod.own.edtPacing ?? pod.defaults.edtPacing;
  // The environment is the node's last word.
  const follows = edtPacing !== undefined && !variables.NATRA_EDT_PACING;
  return { limits, options: follows ? { ...options, edtPacing } : options, notes: pod.notes };
}

function limitOf(
  direction: Direction,
  stated: Limits,
  fixed: boolean,
  { own, defaults, requireWithin }: PodOptions,
): Limit | undefined {
  const said = <N extends OptionName>(name: N): OptionValues[N] | undefined => own[name] ?? defaults[name];
  const limit = stated[direction];
  if (fixed && limit === undefined) return undefined;
  if (!fixed && limit !== undefined)
    requireWithin(`${direction}Rate`, limit.rateBitsPerSecond, `the ${direction} bandwidth`);
  const packetsPerSecond = said(`${direction}PacketRate`);
  // Packets may be limited alone.
  const rateBitsPerSecond =
    limit?.rateBitsPerSecond ??
    defaults[`${direction}Rate`] ??
    (packetsPerSecond === undefined ? undefined : HIGHEST_RATE);
  if (rateBitsPerSecond === undefined) return undefined;
  const burst = own[`${direction}Burst`] ?? limit?.burstBits ?? defaults[`${direction}Burst`];
  const burstBits = fixed ? limit?.burstBits : burst;
  const [miceSharePercent, heavyThresholdBits, ecn] = [
    said('miceShare'),
    said('heavyThreshold'),
    said('ecn'),
  ];
  const [excludedSubnets, shapedSubnets] = [said('excludedSubnets'), said('shapedSubnets')];
  const isOwnBurst = !fixed && own[`${direction}Burst`] !== undefined;
  const burstSource = isOwnBurst ? annotationOf(`${direction}Burst`) : `the ${direction} burst`;
  requireSubnetsFit(excludedSubnets, shapedSubnets);
  requireInProportion(
    { rateBitsPerSecond, burstBits, heavyThresholdBits },
    {
      burst: burstSource,
      heavyThreshold:
        own.heavyThreshold === undefined ? 'the default heavyThreshold' : annotationOf('heavyThreshold'),
    },
  );
  return {
    rateBitsPerSecond,
    ...(burstBits !== undefined && { burstBits }),
    ...(packetsPerSecond !== undefined && { packetsPerSecond }),
    ...(miceSharePercent !== undefined && { miceSharePercent }),
    ...(heavyThresholdBits !== undefined && { heavyThresholdBits }),
    ...(ecn === 'off' && { ecn: false }),
    ...(excludedSubnets !== undefined && excludedSubnets.length > 0 && { excludedSubnets }),
    ...(shapedSubnets !== undefined && shapedSubnets.length > 0 && { shapedSubnets }),
  };
}

/** Both lists share one trie. */
function requireSubnetsFit(excluded: readonly string[] = [], shaped: readonly string[] = []): void {
  const count = excluded.length + shaped.length;
  if (count > MOST_SUBNETS)
    throw invalid('the number of excluded and shaped subnets', count, `at most ${MOST_SUBNETS}`);
}

/** Throws code 7 for a burst or a threshold that is too much for the rate; `sources` name them in errors. */
export function requireInProportion(
  { rateBitsPerSecond, burstBits, heavyThresholdBits }: Limit,
  sources: { readonly burst: string; readonly heavyThreshold: string },
): void {
  requireAtMost(sources.burst, burstBits, rateBitsPerSecond, MOST_BURST_SECONDS, 1);
  requireAtMost(
    sources.heavyThreshold,
    heavyThresholdBits,
    rateBitsPerSecond,
    MOST_THRESHOLD_SECONDS,
    LEAST_THRESHOLD_BITS,
  );
}

function requireAtMost(
  source: string,
  bits: number | undefined,
  rateBitsPerSecond: number,
  seconds: number,
  always: number,
): void {
  const most = Math.max(always, rateBitsPerSecond * seconds);
  if (bits !== undefined && bits > most)
    throw invalid(source, bits, `at most ${most} bits, ${seconds} s of the rate ${rateBitsPerSecond} bits/s`);
}
