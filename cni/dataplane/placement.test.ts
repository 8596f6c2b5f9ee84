import { expect, test } from 'vitest';
import { type Options, parseOptions } from '../config/options.ts';
import { placements } from './placement.ts';

const auto: Options = parseOptions({}, {});
const at = (rateBitsPerSecond: number) => ({ rateBitsPerSecond });
const limit = at(100e6);
const shown = (...args: Parameters<typeof placements>): string[] =>
  placements(...args).map(({ side, hook, pacing }) => `${side} ${hook} ${pacing}`);

test('egress is paced or queued on the Pod end, else policed on the host end', () => {
  expect(shown('egress', limit, auto, true)).toEqual([
    'pod egress edt',
    'pod egress queue',
    'host ingress police',
    'pod egress police',
  ]);
});

test('ingress is paced or queued on the host end, else policed there', () => {
  expect(shown('ingress', limit, auto, true)).toEqual([
    'host egress edt',
    'host egress queue',
    'host egress police',
    'pod ingress police',
  ]);
});

test('towards the Pod classes come before departure times at low rates, and the record says why', () => {
  const paced = (rate: number, options: Partial<Options> = {}): string[] =>
    shown('ingress', at(rate), { ...auto, ...options }, true).filter((each) => !each.includes('police'));
  expect(paced(17.5e6)).toEqual(['host egress queue', 'host egress edt']);
  expect(paced(17.6e6)).toEqual(['host egress edt', 'host egress queue']);
  expect(paced(10e6, { edtPacing: 'on' })).toEqual(['host egress edt']);
  expect(shown('egress', at(10e6), auto, true)[0]).toBe('pod egress edt');
  expect(placements('ingress', at(10e6), auto, true)[0]?.reason).toMatch(/at this rate$/);
});

test.each([
  ['egress', { edtPacing: 'off' }, true, ['pod egress queue', 'host ingress police', 'pod egress police']],
  ['ingress', { edtPacing: 'off', attachSide: 'pod' }, true, ['pod ingress police']],
  ['egress', { edtPacing: 'on' }, true, ['pod egress edt']],
  ['ingress', { edtPacing: 'on' }, true, ['host egress edt']],
  ['egress', { attachSide: 'host' }, true, ['host ingress police']],
  ['egress', { attachSide: 'pod' }, true, ['pod egress edt', 'pod egress queue', 'pod egress police']],
  ['ingress', { attachSide: 'host' }, true, ['host egress edt', 'host egress queue', 'host egress police']],
  ['ingress', { attachSide: 'pod' }, true, ['pod ingress police']],
  ['ingress', {}, false, ['pod ingress police']],
  ['egress', {}, false, ['pod egress edt', 'pod egress queue', 'pod egress police']],
] as const)('%s with %j, host end %j', (direction, options, hasHostEnd, wanted) => {
  expect(shown(direction, limit, { ...auto, ...options }, hasHostEnd)).toEqual(wanted);
});

test.each([
  ['ingress', { attachSide: 'pod', edtPacing: 'on' }, true, 'attachSide "pod" excludes'],
  ['egress', { attachSide: 'host', edtPacing: 'on' }, true, 'attachSide "host" excludes'],
  ['ingress', { edtPacing: 'on' }, false, 'this interface does not have'],
  ['ingress', { attachSide: 'host' }, false, 'attachSide "host" needs a veth pair'],
] as const)('%s with %j, host end %j is impossible', (direction, options, hasHostEnd, details) => {
  expect(() => placements(direction, limit, { ...auto, ...options }, hasHostEnd)).toThrow(
    expect.objectContaining({ code: 7, details: expect.stringContaining(details) }),
  );
});
