import { expect, test } from 'vitest';
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import { type Options, parseOptions } from '../config/options.ts';
import { placements } from './placement.ts';

const auto: Options = parseOptions({}, {});
const at = (rateBitsPerSecond: number) => ({ rateBitsPerSecond });
const limit = at(1e9);
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

test('classes come before departure times at low rates, towards the Pod up to higher ones, and the record says why', () => {
  const first = (direction: Direction, rate: number, options: Partial<Options> = {}) =>
    placements(direction, at(rate), { ...auto, ...options }, true)[0];
  const pacings = (direction: Direction, rate: number): unknown[] =>
    placements(direction, at(rate), auto, true)
      .map(({ pacing }) => pacing)
      .filter((pacing) => pacing !== 'police');
  expect(pacings('ingress', 200e6)).toEqual(['queue', 'edt']);
  expect(pacings('ingress', 201e6)).toEqual(['edt', 'queue']);
  expect(pacings('egress', 17.5e6)).toEqual(['queue', 'edt']);
  expect(pacings('egress', 17.6e6)).toEqual(['edt', 'queue']);
  for (const direction of DIRECTIONS) {
    expect(first(direction, 10e6, { edtPacing: 'on' })?.pacing).toBe('edt');
    expect(first(direction, 10e6)?.reason).toMatch(/at this rate$/);
    expect(first(direction, 10e6, { edtPacing: 'off' })?.reason).toMatch(/holds heavy flows$/);
  }
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
