/**
 * Bandwidth limits: rates in bits a second, bursts in bits, from the top level of the plugin's configuration
 * (static) or from `runtimeConfig.bandwidth` (the `bandwidth` capability, filled by the runtime from the
 * Pod's annotations).
 */
import { CniError, ERROR_CODES } from '../errors.ts';
import type { Limit } from '../limit.ts';
import { field, hasField, isObject, type JsonObject } from './json.ts';
import { shown, shownName } from './shown.ts';

/** Seen from the Pod: `ingress` is what it receives. */
export type Direction = 'ingress' | 'egress';
export const DIRECTIONS: readonly Direction[] = ['ingress', 'egress'];

/** A direction that is absent is unlimited. */
export type Limits = { readonly [D in Direction]?: Limit };

/** Kubernetes accepts bandwidth annotations from 1k to 1P (pkg/util/bandwidth/utils.go, validateBandwidthIsReasonable). */
const LOWEST_RATE = 1_000;
export const HIGHEST_RATE = 1_000_000_000_000_000;

/**
 * Runtimes have no annotation for a burst and send a constant instead: cri-dockerd 2^31 - 1 ("no limit" in its words), containerd
 * 2^32 - 1, CRI-O 34359738359. None is anybody's wish.
 */
const isBurstGiven = (bits: number): boolean => bits !== 2 ** 31 - 1 && bits < 2 ** 32 - 1;

/** Whether the configuration itself says what the limits are, whatever the Pod asks for. */
export const isStatic = (configuration: JsonObject): boolean =>
  DIRECTIONS.some(
    (direction) =>
      hasField(configuration, `${direction}Rate`) || hasField(configuration, `${direction}Burst`),
  );

/** Whether a key is read as a rate or a burst, whatever its case. */
export const namesLimit = (key: string): boolean => /^(in|e)gress(rate|burst)$/i.test(key);

/** The limits in force. Static keys win over the runtime's, even where they are partial or zero. */
export function parseLimits(configuration: JsonObject): Limits {
  if (isStatic(configuration)) return limitsOf(configuration, '', 'static');
  const bandwidth = runtimeBandwidth(configuration);
  return bandwidth === undefined ? {} : limitsOf(bandwidth, 'runtimeConfig.bandwidth.', 'runtime');
}

/** Says of each key beside the runtime's rates and bursts that it has no effect; of none where static limits hold. */
export function unreadBandwidth(configuration: JsonObject): string[] {
  if (isStatic(configuration)) return [];
  return Object.keys(runtimeBandwidth(configuration) ?? {})
    .filter((key) => !namesLimit(key))
    .map(
      (key) =>
        `${shownName(`runtimeConfig.bandwidth.${key}`)} is ignored: natra reads rates and bursts there`,
    );
}

function runtimeBandwidth(configuration: JsonObject): JsonObject | undefined {
  const runtime = objectIn(configuration, 'runtimeConfig', 'runtimeConfig');
  return runtime && objectIn(runtime, 'bandwidth', 'runtimeConfig.bandwidth');
}

function objectIn(object: JsonObject, name: string, path: string): JsonObject | undefined {
  const value = field(object, name);
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw notAnObject(path, value);
  return value;
}

type Source = 'static' | 'runtime';

function limitsOf(object: JsonObject, path: string, source: Source): Limits {
  const ingress = limitOf(object, path, 'ingress', source);
  const egress = limitOf(object, path, 'egress', source);
  return { ...(ingress && { ingress }), ...(egress && { egress }) };
}

function limitOf(object: JsonObject, path: string, direction: Direction, source: Source): Limit | undefined {
  const rateField = `${path}${direction}Rate`;
  const burstField = `${path}${direction}Burst`;
  const rate = wholeNumber(rateField, field(object, `${direction}Rate`));
  const burst = wholeNumber(burstField, field(object, `${direction}Burst`));
  if (source === 'static') requireBoth(rateField, rate, burstField, burst);
  if (rate === 0) return undefined;
  if (rate < LOWEST_RATE || rate > HIGHEST_RATE)
    throw new CniError(
      ERROR_CODES.invalidConfiguration,
      rate < LOWEST_RATE ? 'rate is unreasonably small (< 1kbit)' : 'rate is unreasonably large (> 1Pbit)',
      `${rateField} is ${rate} bits/s: a rate must be 0 (unlimited) or from ${LOWEST_RATE} (1k) to ${HIGHEST_RATE} (1P)`,
    );
  if (burst === 0 || !isBurstGiven(burst)) return { rateBitsPerSecond: rate };
  return { rateBitsPerSecond: rate, burstBits: burst };
}

/** The messages and the code of the upstream bandwidth plugin, for scripts that know them. */
function requireBoth(rateField: string, rate: number, burstField: string, burst: number): void {
  if (rate !== 0 && burst === 0)
    throw new CniError(
      ERROR_CODES.internal,
      'if rate is set, burst must also be set',
      `${rateField} is ${rate} bits/s, so ${burstField} must be above 0 bits`,
    );
  if (rate === 0 && burst !== 0)
    throw new CniError(
      ERROR_CODES.internal,
      'if burst is set, rate must also be set',
      `${burstField} is ${burst} bits, so ${rateField} must be above 0 bits/s`,
    );
}

/** Beyond 2^53 a JSON number loses its last digits, but not the outcome: every bound lies far below. */
function wholeNumber(name: string, value: unknown): number {
  if (value === undefined || value === null) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  throw new CniError(
    ERROR_CODES.invalidConfiguration,
    'invalid bandwidth',
    `${name} must be a whole number of at least 0, not ${shown(value)}`,
  );
}

function notAnObject(name: string, value: unknown): CniError {
  return new CniError(
    ERROR_CODES.invalidConfiguration,
    `invalid ${name}`,
    `${name} must be an object, not ${shown(value)}`,
  );
}
