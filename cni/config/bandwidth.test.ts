import { describe, expect, test } from 'vitest';
import { CniError } from '../errors.ts';
import { parseLimits } from './bandwidth.ts';

const refusal = (configuration: Record<string, unknown>): CniError => {
  try {
    parseLimits(configuration);
  } catch (error) {
    if (error instanceof CniError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
};
const runtime = (bandwidth: unknown) => ({ runtimeConfig: { bandwidth } });
const tenMega = { rateBitsPerSecond: 10_000_000 };

describe('limits from the runtime', () => {
  test.each([
    ['camel case', { ingressRate: 1e7, ingressBurst: 2e6, egressRate: 1e7, egressBurst: 2e6 }],
    ["containerd's capitals", { IngressRate: 1e7, IngressBurst: 2e6, EgressRate: 1e7, EgressBurst: 2e6 }],
    ['any case', { INGRESSRATE: 1e7, ingressburst: 2e6, eGRESSrATE: 1e7, egressburst: 2e6 }],
  ])('keys match without case: %s', (_, bandwidth) => {
    const limit = { ...tenMega, burstBits: 2_000_000 };
    expect(parseLimits(runtime(bandwidth))).toEqual({ ingress: limit, egress: limit });
  });

  test('the bandwidth key matches without case', () => {
    expect(parseLimits({ runtimeConfig: { bandWidth: { ingressRate: 1e7 } } })).toEqual({ ingress: tenMega });
  });

  test.each([2_147_483_647, 4_294_967_295, 34_359_738_359, 2 ** 60, 1.8446744073709552e19])(
    'a burst of %d is a runtime without a wish',
    (burst) => {
      expect(parseLimits(runtime({ ingressRate: 1e7, ingressBurst: burst }))).toEqual({ ingress: tenMega });
    },
  );

  test('the largest burst that is a wish', () => {
    const limits = parseLimits(runtime({ ingressRate: 1e7, ingressBurst: 4_294_967_294 }));
    expect(limits.ingress?.burstBits).toBe(4_294_967_294);
  });

  test.each([
    ['absent', {}],
    ['zero', { EgressRate: 0, EgressBurst: 0 }],
    ['null', { EgressRate: null, EgressBurst: null }],
    ['zero with a burst', { EgressRate: 0, EgressBurst: 5000 }],
  ])('a rate that is %s is no limit', (_, bandwidth) => {
    expect(parseLimits(runtime(bandwidth))).toEqual({});
  });

  test.each([
    ['nothing', {}],
    ['null runtimeConfig', { runtimeConfig: null }],
    ['null bandwidth', { runtimeConfig: { bandwidth: null } }],
  ])('%s is no limit', (_, configuration) => {
    expect(parseLimits(configuration)).toEqual({});
  });

  test.each([1_000, 1_000_000_000_000_000])('the bound %d itself is allowed', (rate) => {
    expect(parseLimits(runtime({ egressRate: rate })).egress).toEqual({ rateBitsPerSecond: rate });
  });
});

describe('static limits', () => {
  test('win over the runtime', () => {
    const limits = parseLimits({
      ingressRate: 2000,
      ingressBurst: 4000,
      ...runtime({ ingressRate: 1e7, egressRate: 1e7 }),
    });
    expect(limits).toEqual({ ingress: { rateBitsPerSecond: 2000, burstBits: 4000 } });
  });

  test.each([
    ['one zero key', { egressRate: 0 }],
    ['one null key', { EgressBurst: null }],
    ['all zero', { ingressRate: 0, ingressBurst: 0, egressRate: 0, egressBurst: 0 }],
  ])('%s hides the runtime', (_, keys) => {
    expect(parseLimits({ ...keys, ...runtime({ ingressRate: 1e7, egressRate: 1e7 }) })).toEqual({});
  });

  test.each([
    ['if rate is set, burst must also be set', { ingressRate: 1e6 }, 'ingressBurst'],
    ['if rate is set, burst must also be set', { egressRate: 1e6, egressBurst: 0 }, 'egressBurst'],
    ['if burst is set, rate must also be set', { egressBurst: 1e6 }, 'egressRate'],
  ])('%s', (msg, configuration, field) => {
    const error = refusal(configuration);
    expect(error).toMatchObject({ code: 999, message: msg });
    expect(error.details).toContain(field);
  });

  test('a rate over a runtime burst constant still counts as having a burst', () => {
    expect(parseLimits({ ingressRate: 1e7, ingressBurst: 4_294_967_295 })).toEqual({ ingress: tenMega });
  });
});

describe('refusals name the field, the value and the rule', () => {
  test.each([
    [runtime({ ingressRate: 999 }), 'runtimeConfig.bandwidth.ingressRate is 999 bits/s', '1000 (1k)'],
    [runtime({ EgressRate: 1e15 + 1 }), 'runtimeConfig.bandwidth.egressRate is 1000000000000001', '(1P)'],
    [{ egressRate: 1, egressBurst: 1 }, 'egressRate is 1 bits/s', '1000 (1k)'],
    [runtime({ ingressRate: 1.8446744073709552e19 }), 'ingressRate is 18446744073709552000', '(1P)'],
  ])('out of range: %j', (configuration, value, rule) => {
    const error = refusal(configuration);
    expect(error.code).toBe(7);
    // Kubernetes' words, by which scripts know them.
    expect(error.message).toMatch(/unreasonably (small \(< 1kbit\)|large \(> 1Pbit\))$/);
    expect(error.details).toContain(value);
    expect(error.details).toContain(rule);
  });

  test.each([
    ['text', '10M', '"10M"'],
    ['negative', -1, '-1'],
    ['a fraction', 1000.5, '1000.5'],
    ['an object', {}, '{}'],
    ['a boolean', true, 'true'],
  ])('a rate that is %s', (_, rate, shown) => {
    const error = refusal(runtime({ ingressRate: rate }));
    expect(error).toMatchObject({ code: 7, message: 'invalid bandwidth' });
    expect(error.details).toBe(
      `runtimeConfig.bandwidth.ingressRate must be a whole number of at least 0, not ${shown}`,
    );
  });

  test.each([
    [{ runtimeConfig: 3 }, 'runtimeConfig must be an object, not 3'],
    [runtime('fast'), 'runtimeConfig.bandwidth must be an object, not "fast"'],
  ])('%j', (configuration, details) => {
    expect(refusal(configuration)).toMatchObject({ code: 7, details });
  });
});
