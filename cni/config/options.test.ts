import { expect, test } from 'vitest';
import { parseOptions } from './options.ts';

test('everything is auto, all traffic is parsed, and failures keep no Pod from starting, unless said otherwise', () => {
  expect(parseOptions({}, {})).toEqual({
    attachMode: 'auto',
    attachSide: 'auto',
    edtPacing: 'auto',
    vlanTags: 'on',
    ipFamilies: 'dual',
    failurePolicy: 'open',
  });
});

test('the configuration is followed, and the environment before it', () => {
  const configuration = {
    attachMode: 'clsact',
    attachSide: 'pod',
    edtPacing: 'off',
    vlanTags: 'off',
    ipFamilies: 'ipv4',
    failurePolicy: 'closed',
  };
  expect(parseOptions(configuration, {})).toEqual(configuration);
  expect(
    parseOptions(configuration, {
      NATRA_ATTACH_MODE: 'tcx',
      NATRA_ATTACH_SIDE: 'host',
      NATRA_EDT_PACING: 'on',
      NATRA_VLAN_TAGS: 'on',
      NATRA_IP_FAMILIES: 'dual',
      NATRA_FAILURE_POLICY: 'open',
    }),
  ).toEqual({
    attachMode: 'tcx',
    attachSide: 'host',
    edtPacing: 'on',
    vlanTags: 'on',
    ipFamilies: 'dual',
    failurePolicy: 'open',
  });
});

test('an empty variable is not set', () => {
  expect(parseOptions({ edtPacing: 'on' }, { NATRA_EDT_PACING: '' }).edtPacing).toBe('on');
});

test.each([
  [{ attachMode: 'xdp' }, {}, 7, 'attachMode must be one of auto, tcx, clsact, not "xdp"'],
  [{ attachSide: true }, {}, 7, 'attachSide must be one of auto, host, pod, not true'],
  [{ edtPacing: null }, {}, 7, 'edtPacing must be one of auto, on, off, not null'],
  [{ vlanTags: false }, {}, 7, 'vlanTags must be one of on, off, not false'],
  [{ ipFamilies: 'ipv6' }, {}, 7, 'ipFamilies must be one of dual, ipv4, not "ipv6"'],
  [{ failurePolicy: 'Open' }, {}, 7, 'failurePolicy must be one of open, closed, not "Open"'],
  [{}, { NATRA_FAILURE_POLICY: 'no' }, 4, 'NATRA_FAILURE_POLICY must be one of open, closed, not "no"'],
  [{}, { NATRA_EDT_PACING: '1' }, 4, 'NATRA_EDT_PACING must be one of auto, on, off, not "1"'],
  [{ attachMode: 'xdp' }, { NATRA_ATTACH_MODE: 'tcx' }, 7, 'attachMode must be one of'],
])('%j with %j is refused', (configuration, variables, code, details) => {
  expect(() => parseOptions(configuration, variables)).toThrow(
    expect.objectContaining({ code, details: expect.stringContaining(details) }),
  );
});
