/** What one ADD or CHECK asks for: the limits of each direction with their options, and how to attach. */

import type { Limit } from '../limit.ts';
import {
  DIRECTIONS,
  type Direction,
  HIGHEST_RATE,
  isStatic,
  type Limits,
  parseLimits,
  unreadBandwidth,
} from './bandwidth.ts';
import { parsePodIdentity, type Variables } from './environment.ts';
import type { JsonObject } from './json.ts';
import { annotationOf, invalid, MOST_SUBNETS, type OptionName, type OptionValues } from './option-values.ts';
import { type Options, parseOptions, unknownOptions } from './options.ts';
import { type PodOptions, parsePodOptions } from './pod-options.ts';

export interface Request {
  readonly limits: Limits;
  readonly options: Options;
  /** What the Pod or the operator asked for and does not get, in words. */
  readonly notes: readonly string[];
}

/** What may be in proportion to the rate: seconds of it, and this many bits at any rate. */
interface Rule {
  readonly seconds: number;
  readonly alwaysBits: number;
}

/** The program computes times of at most this much of the rate. */
const BURST: Rule = { seconds: 3600, alwaysBits: 1 };
/** A flow is forgotten in 16 times the threshold's time at the rate. */
const THRESHOLD: Rule = { seconds: 2, alwaysBits: 131_072 };

const mostOf = ({ seconds, alwaysBits }: Rule, rateBitsPerSecond: number): number =>
  Math.max(alwaysBits, rateBitsPerSecond * seconds);

/** Throws code 7 for what is malformed, out of bounds or doesn't fit the rate, 4 where the environment is wrong. */
export function parseRequest(configuration: JsonObject, variables: Variables): Request {
  const options = parseOptions(configuration, variables);
  const pod = parsePodOptions(configuration, parsePodIdentity(variables).namespace);
  const stated = parseLimits(configuration);
  const notes = [...unknownOptions(configuration), ...unreadBandwidth(configuration), ...pod.notes];
  const limits = Object.fromEntries(
    DIRECTIONS.flatMap((direction) => {
      const limit = limitOf(direction, stated, isStatic(configuration), pod, notes);
      return limit === undefined ? [] : [[direction, limit] as const];
    }),
  );
  const edtPacing = pod.own.edtPacing ?? pod.defaults.edtPacing;
  // The environment is the node's last word.
  const follows = edtPacing !== undefined && !variables.NATRA_EDT_PACING;
  return { limits, options: follows ? { ...options, edtPacing } : options, notes };
}

function limitOf(
  direction: Direction,
  stated: Limits,
  fixed: boolean,
  { own, defaults, requireWithin }: PodOptions,
  notes: string[],
): Limit | undefined {
  const said = <N extends OptionName>(name: N): OptionValues[N] | undefined => own[name] ?? defaults[name];
  const limit = stated[direction];
  if (fixed && limit === undefined) return undefined;
  if (!fixed && limit !== undefined)
    requireWithin(`${direction}Rate`, limit.rateBitsPerSecond, `kubernetes.io/${direction}-bandwidth`);
  const packetsPerSecond = said(`${direction}PacketRate`);
  // Packets may be limited alone.
  const rateBitsPerSecond =
    limit?.rateBitsPerSecond ??
    defaults[`${direction}Rate`] ??
    (packetsPerSecond === undefined ? undefined : HIGHEST_RATE);
  if (rateBitsPerSecond === undefined) return undefined;
  const [miceSharePercent, ecn] = [said('miceShare'), said('ecn')];
  const [excludedSubnets, shapedSubnets] = [said('excludedSubnets'), said('shapedSubnets')];
  requireSubnetsFit(excludedSubnets, shapedSubnets);
  const ownBurst = fixed ? undefined : own[`${direction}Burst`];
  const defaultBurst = fixed ? undefined : defaults[`${direction}Burst`];
  // What a Pod says of itself is refused where it is too much; of what others say for many Pods holds as much as may.
  requireInProportion(
    { rateBitsPerSecond, burstBits: ownBurst, heavyThresholdBits: own.heavyThreshold },
    { burst: annotationOf(`${direction}Burst`), heavyThreshold: annotationOf('heavyThreshold') },
  );
  const bounded = (what: string, bits: number | undefined, rule: Rule): number | undefined => {
    const most = mostOf(rule, rateBitsPerSecond);
    if (bits === undefined || bits <= most) return bits;
    notes.push(
      `${what} is ${bits} bits, more than ${rule.seconds} s of the rate ${rateBitsPerSecond} bits/s: ${most} bits hold`,
    );
    return most;
  };
  const burstBits =
    ownBurst ??
    bounded(`the ${direction} burst`, limit?.burstBits, BURST) ??
    bounded(`the default ${direction}Burst`, defaultBurst, BURST);
  const heavyThresholdBits =
    own.heavyThreshold ?? bounded('the default heavyThreshold', defaults.heavyThreshold, THRESHOLD);
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
  requireAtMost(sources.burst, burstBits, rateBitsPerSecond, BURST);
  requireAtMost(sources.heavyThreshold, heavyThresholdBits, rateBitsPerSecond, THRESHOLD);
}

function requireAtMost(
  source: string,
  bits: number | undefined,
  rateBitsPerSecond: number,
  rule: Rule,
): void {
  const most = mostOf(rule, rateBitsPerSecond);
  if (bits !== undefined && bits > most)
    throw invalid(
      source,
      bits,
      `at most ${most} bits, ${rule.seconds} s of the rate ${rateBitsPerSecond} bits/s`,
    );
}
