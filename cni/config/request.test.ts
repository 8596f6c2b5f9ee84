import { describe, expect, test } from 'vitest';
import { parseRequest } from './request.ts';

const bandwidth = { ingressRate: 10_000_000, ingressBurst: 4_294_967_295, egressRate: 0, egressBurst: 0 };
/** A Pod with 10 Mbit/s towards it and these annotations. */
const pod = (annotations: object, configuration: object = {}) => ({
  ...configuration,
  runtimeConfig: { bandwidth, 'io.kubernetes.cri.pod-annotations': annotations },
});
const variables = { CNI_ARGS: 'K8S_POD_NAMESPACE=batch;K8S_POD_NAME=web' };
const ingress = (annotations: object, configuration: object = {}) =>
  parseRequest(pod(annotations, configuration), variables).limits.ingress;
const details = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  return undefined;
};

test('without options a limit is a rate', () => {
  const { limits, options, notes } = parseRequest(pod({ 'app.io/x': '1' }), variables);
  expect(limits).toEqual({ ingress: { rateBitsPerSecond: 10_000_000 } });
  expect(options.edtPacing).toBe('auto');
  expect(notes).toEqual([]);
});

test('every option can be an annotation', () => {
  const annotations = {
    'natra.dev/ingress-burst': '2M',
    'natra.dev/egress-burst': '1M',
    'natra.dev/ingress-packet-rate': '5k',
    'natra.dev/mice-share': '62.5%',
    'natra.dev/heavy-threshold': '128Ki',
    'natra.dev/ecn': 'off',
    'natra.dev/edt-pacing': 'off',
    'natra.dev/excluded-subnets': '10.0.0.0/8, 2001:db8::/32',
  };
  const { limits, options } = parseRequest(pod(annotations), variables);
  expect(limits).toEqual({
    ingress: {
      rateBitsPerSecond: 10_000_000,
      burstBits: 2_000_000,
      packetsPerSecond: 5000,
      miceSharePercent: 62.5,
      heavyThresholdBits: 131_072,
      ecn: false,
      excludedSubnets: ['10.0.0.0/8', '2001:db8::/32'],
    },
  });
  expect(options.edtPacing).toBe('off');
});

test("the Pod's word comes before its namespace's, and that before the node's", () => {
  const configuration = {
    defaults: { ingressBurst: '3M', miceShare: '80%', ecn: 'off', heavyThreshold: 200_000 },
    namespaces: { batch: { ingressBurst: '2M', miceShare: '50%' }, other: { ecn: 'on' } },
  };
  expect(ingress({ 'natra.dev/ingress-burst': '1M' }, configuration)).toEqual({
    rateBitsPerSecond: 10_000_000,
    burstBits: 1_000_000,
    miceSharePercent: 50,
    heavyThresholdBits: 200_000,
    ecn: false,
  });
});

test('a Pod without a bandwidth annotation has the default rates', () => {
  const configuration = {
    defaults: { ingressRate: '1G', egressRate: '20M' },
    namespaces: { batch: { egressRate: '5M' } },
  };
  expect(parseRequest(configuration, variables).limits).toEqual({
    ingress: { rateBitsPerSecond: 1e9 },
    egress: { rateBitsPerSecond: 5e6 },
  });
  expect(parseRequest(pod({}, configuration), variables).limits.ingress).toEqual({ rateBitsPerSecond: 1e7 });
});

test('packets may be limited alone', () => {
  const { limits } = parseRequest(pod({ 'natra.dev/egress-packet-rate': '1k' }), variables);
  expect(limits.egress).toEqual({ rateBitsPerSecond: 1e15, packetsPerSecond: 1000 });
});

test("a burst that the runtime gives comes between the Pod's and the node's", () => {
  const given = {
    runtimeConfig: { bandwidth: { egressRate: 1e6, egressBurst: 5e5 } },
    defaults: { egressBurst: '1M' },
  };
  expect(parseRequest(given, {}).limits.egress?.burstBits).toBe(500_000);
});

test('static limits are the whole of it, and the environment has the last word on pacing', () => {
  const fixed = { ingressRate: 1e6, ingressBurst: 1e6, defaults: { egressRate: '1M', ingressBurst: '2M' } };
  const { limits } = parseRequest(pod({ 'natra.dev/ingress-burst': '9M' }, fixed), variables);
  expect(limits).toEqual({ ingress: { rateBitsPerSecond: 1e6, burstBits: 1e6 } });
  const bound = { ...fixed, bounds: { ingressRate: { max: '1k' }, ingressBurst: { max: '1k' } } };
  expect(parseRequest(bound, variables).limits).toEqual(limits);
  const request = parseRequest(pod({ 'natra.dev/edt-pacing': 'on' }), { NATRA_EDT_PACING: 'off' });
  expect(request.options.edtPacing).toBe('off');
});

test('names of the upstream plugin for subnets are understood', () => {
  expect(ingress({}, { unshapedSubnets: ['10.0.0.0/8'] })?.excludedSubnets).toEqual(['10.0.0.0/8']);
  expect(ingress({}, { shapedSubnets: ['::/0'] })?.shapedSubnets).toEqual(['::/0']);
});

describe('what is too much for the rate', () => {
  const slow = { ingressRate: 1e5, ingressBurst: 4e8 };
  const told = 'is 400000000 bits, more than 3600 s of the rate 100000 bits/s: 360000000 bits hold';

  test('of a static burst or of one that the runtime gives, as much holds as may, and it is told', () => {
    const fixed = parseRequest(slow, {});
    expect(fixed.limits.ingress?.burstBits).toBe(3.6e8);
    expect(fixed.notes).toEqual([`the ingress burst ${told}`]);
    expect(parseRequest({ runtimeConfig: { bandwidth: slow } }, {})).toMatchObject(fixed);
  });

  test("of the node's defaults too, while a Pod that asks for it itself is refused", () => {
    const configuration = {
      runtimeConfig: { bandwidth: { ingressRate: 1e5 } },
      defaults: { ingressBurst: '400M', heavyThreshold: '300k' },
    };
    const { limits, notes } = parseRequest(configuration, {});
    expect(limits.ingress).toEqual({
      rateBitsPerSecond: 1e5,
      burstBits: 3.6e8,
      heavyThresholdBits: 200_000,
    });
    expect(notes).toEqual([
      `the default ingressBurst ${told}`,
      'the default heavyThreshold is 300000 bits, more than 2 s of the rate 100000 bits/s: 200000 bits hold',
    ]);
    const asked = () => parseRequest(pod({ 'natra.dev/heavy-threshold': '21M' }), variables);
    expect(details(asked)).toMatchObject({ code: 7 });
  });

  test('the least threshold holds at any rate', () => {
    const configuration = {
      runtimeConfig: { bandwidth: { egressRate: 1000 } },
      defaults: { heavyThreshold: '300k' },
    };
    expect(parseRequest(configuration, {}).limits.egress?.heavyThresholdBits).toBe(131_072);
  });
});

describe('the operator', () => {
  test('can keep options from Pods, whose annotations are then ignored and told of', () => {
    const request = parseRequest(
      pod({ 'natra.dev/ecn': 'off', 'natra.dev/mice-share': '50%' }, { podOptions: ['miceShare'] }),
      variables,
    );
    expect(request.limits.ingress).toEqual({ rateBitsPerSecond: 1e7, miceSharePercent: 50 });
    expect(request.notes).toEqual(['the annotation natra.dev/ecn is ignored: podOptions does not allow ecn']);
  });

  test.each([
    [
      { ingressBurst: { max: '1M' } },
      'natra.dev/ingress-burst is 2000000: it must be at most 1000000 on this node (bounds.ingressBurst)',
    ],
    [
      { ingressBurst: { min: '3M', max: '4M' } },
      'natra.dev/ingress-burst is 2000000: it must be at least 3000000 and at most 4000000 on this node (bounds.ingressBurst)',
    ],
    [
      { ingressRate: { max: '5M' } },
      'kubernetes.io/ingress-bandwidth is 10000000: it must be at most 5000000 on this node (bounds.ingressRate)',
    ],
  ])('can set the bounds %j', (bounds, expected) => {
    const act = () => ingress({ 'natra.dev/ingress-burst': '2M' }, { bounds });
    expect(details(act)).toMatchObject({ code: 7, details: expected });
  });
});

test('a bound that nothing can keep is refused as what it is', () => {
  const act = () => ingress({}, { bounds: { egressRate: { min: '1M', max: '1k' } } });
  expect(details(act)).toMatchObject({
    code: 7,
    details: 'bounds.egressRate is {"min":"1M","max":"1k"}: it must be a min that is at most its max',
  });
});

test('a key of the configuration that natra does not know is told of', () => {
  const known = {
    ingressrate: 1e6,
    ingressburst: 1e6,
    'cni.dev/attachments': [],
    attachMode: 'tcx',
    dns: {},
  };
  const { notes } = parseRequest(
    pod({}, { ...known, attachmode: 'tcx', failurePolicies: 'closed' }),
    variables,
  );
  expect(notes).toEqual([
    'attachmode of the configuration is ignored: natra has no such option',
    'failurePolicies of the configuration is ignored: natra has no such option',
  ]);
});

test('a key beside the rates and bursts of the runtime is told of, unless static limits hold', () => {
  const misspelt = { IngressRate: 1e7, IngresBurst: 1e6, 'egress rate': 1e6 };
  const { limits, notes } = parseRequest({ runtimeConfig: { bandWidth: misspelt } }, {});
  expect(limits).toEqual({ ingress: { rateBitsPerSecond: 1e7 } });
  expect(notes).toEqual([
    'runtimeConfig.bandwidth.IngresBurst is ignored: natra reads rates and bursts there',
    '"runtimeConfig.bandwidth.egress rate" is ignored: natra reads rates and bursts there',
  ]);
  const fixed = { ingressRate: 1e6, ingressBurst: 1e6, runtimeConfig: { bandwidth: misspelt } };
  expect(parseRequest(fixed, {}).notes).toEqual([]);
});

test('an annotation that natra does not know is ignored and told of', () => {
  const { notes } = parseRequest(
    pod({ 'natra.dev/egres-burst': '1M', 'natra.dev/ingress-rate': '1M' }),
    variables,
  );
  expect(notes).toEqual([
    'the annotation natra.dev/egres-burst is ignored: there is no such option',
    'the annotation natra.dev/ingress-rate is ignored: there is no such option',
  ]);
});

test.each([
  [
    'ingress-burst',
    '1MB',
    'natra.dev/ingress-burst is "1MB": it must be a quantity of bits from 1 to 1P, such as 10M',
  ],
  [
    'ingress-burst',
    '0',
    'natra.dev/ingress-burst is "0": it must be a quantity of bits from 1 to 1P, such as 10M',
  ],
  [
    'ingress-burst',
    '1P',
    'natra.dev/ingress-burst is 1000000000000000: it must be at most 36000000000 bits, 3600 s of the rate 10000000 bits/s',
  ],
  [
    'ingress-packet-rate',
    '1G',
    'natra.dev/ingress-packet-rate is "1G": it must be a quantity of packets a second from 1 to 100M, such as 10M',
  ],
  ['mice-share', '75', 'natra.dev/mice-share is "75": it must be a share from 10% to 99%, such as 75%'],
  ['mice-share', '5%', 'natra.dev/mice-share is "5%": it must be a share from 10% to 99%, such as 75%'],
  [
    'heavy-threshold',
    '16Ki',
    'natra.dev/heavy-threshold is "16Ki": it must be a quantity of bits from 131072 (16 KiB) to 1P, such as 10M',
  ],
  [
    'heavy-threshold',
    '21M',
    'natra.dev/heavy-threshold is 21000000: it must be at most 20000000 bits, 2 s of the rate 10000000 bits/s',
  ],
  ['ecn', 'yes', 'natra.dev/ecn is "yes": it must be one of on, off'],
  [
    'excluded-subnets',
    '10.0.0.0/8,x',
    'natra.dev/excluded-subnets is "x": it must be CIDR blocks such as 10.0.0.0/8 or 2001:db8::/32',
  ],
])('natra.dev/%s %j is refused', (name, value, expected) => {
  expect(details(() => ingress({ [`natra.dev/${name}`]: value }))).toMatchObject({
    code: 7,
    details: expected,
  });
});

test.each([
  [{ defaults: { egresBurst: 1 } }, /^defaults\.egresBurst is no option of natra: ingressRate, /],
  [{ defaults: [] }, /^defaults is \[\]: it must be an object of options$/],
  [{ namespaces: { a: { ecn: 1 } } }, /^namespaces\.a\.ecn is 1: it must be one of on, off$/],
  [{ namespaces: 1 }, /^namespaces is 1: /],
  [{ podOptions: 'ecn' }, /^podOptions is "ecn": it must be a list of names of options$/],
  [{ podOptions: ['x'] }, /^podOptions entry "x" is no option of natra/],
  [{ bounds: { ecn: {} } }, /^bounds\.ecn is \{\}: it must be an object \{ "min", "max" \}/],
  [{ bounds: { ingressRate: { most: 1 } } }, /^bounds\.ingressRate is /],
  [{ bounds: { ingressRate: { max: 'x' } } }, /^bounds\.ingressRate\.max is "x": /],
  [{ unshapedSubnets: ['10.0.0.0/40'] }, /^unshapedSubnets is "10\.0\.0\.0\/40": it must be CIDR blocks/],
  [{ shapedSubnets: 4 }, /^shapedSubnets is 4: it must be a list of CIDR blocks/],
  [
    { defaults: { excludedSubnets: new Array(300).fill('::/0') } },
    /^defaults\.excludedSubnets is "300 subnets": it must be at most 254/,
  ],
  [
    {
      defaults: { egressRate: '1M', excludedSubnets: new Array(200).fill('10.0.0.0/8') },
      shapedSubnets: new Array(200).fill('10.0.0.0/7'),
    },
    /^the number of excluded and shaped subnets is 400: it must be at most 254$/,
  ],
])('the configuration %j is refused', (configuration, expected) => {
  expect(details(() => parseRequest(configuration, {}))).toMatchObject({
    code: 7,
    details: expect.stringMatching(expected),
  });
});
