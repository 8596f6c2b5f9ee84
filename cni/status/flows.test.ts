import { expect, test } from 'vitest';
import { type FlowEntry, flowsBetween, ipv6 } from './flows.ts';

const QUANTUM = 1 << 18;
const [V4, V6] = [4n << 56n, 6n << 56n];
const limit = { rateBitsPerSecond: 8_000_000 };
const entry: FlowEntry = {
  hash: 7,
  since: 1,
  transport: V4 | (6n << 32n) | (443n << 16n) | 40_000n,
  sourceHigh: 0n,
  sourceLow: 0x0a000001n,
  destinationHigh: 0n,
  destinationLow: 0x0a000002n,
  quanta: 2000n,
  last: 2n,
};
const between = (before: readonly FlowEntry[], after: readonly FlowEntry[]) =>
  flowsBetween({ at: 0n, flows: before }, { at: 500_000_000n, flows: after }, limit);

test('a flow has its ends, its bytes so far and its rate between the readings', () => {
  expect(between([{ ...entry, quanta: 1000n }], [entry])).toEqual([
    {
      protocol: 'tcp',
      source: '10.0.0.1:443',
      destination: '10.0.0.2:40000',
      id: undefined,
      bytes: 2000 * (QUANTUM / 1000),
      // 1,000 samples of 2^18 ns at 1 MB/s in half a second.
      bitsPerSecond: Math.round((1000 * (QUANTUM / 1000) * 8) / 0.5),
    },
  ]);
});

test('the heaviest flow comes first, and one that sent nothing is left out', () => {
  const [idle, light, heavy] = [5n, 10n, 1000n].map((quanta, index) => ({
    ...entry,
    hash: index + 1,
    quanta,
  }));
  const flows = between([idle!], [idle!, light!, heavy!, { ...entry, hash: 0 }]);
  expect(flows.map(({ bytes }) => bytes)).toEqual([262_144, 2621]);
});

test('one that took the place of another of the same key counts from its own start', () => {
  const [flow] = between([{ ...entry, quanta: 1990n, since: 0 }], [entry]);
  expect(flow?.bitsPerSecond).toBe(Math.round((2000 * (QUANTUM / 1000) * 8) / 0.5));
});

test.each([
  [{ transport: V4 | (1n << 32n) | 0x0008_1234n }, 'icmp', '10.0.0.1', 0x0008_1234],
  [{ transport: V4 | (47n << 32n) }, 'gre', '10.0.0.1', undefined],
  [{ transport: V4 | (50n << 32n) | 0xabn }, 'esp', '10.0.0.1', 0xab],
  [{ transport: V4 | (99n << 32n) }, '99', '10.0.0.1', undefined],
  [{ transport: 0x0806n }, 'ethernet', '0x0806', undefined],
  [
    {
      transport: V6 | (6n << 32n) | (443n << 16n) | 40_000n,
      sourceHigh: 0x2001_0db8_0000_0000n,
      sourceLow: 1n,
    },
    'tcp',
    '[2001:db8::1]:443',
    undefined,
  ],
])('%o is shown as %s from %s', (changes, protocol, source, id) => {
  expect(between([], [{ ...entry, ...changes }])).toMatchObject([{ protocol, source, id }]);
});

test.each([
  [0n, 0n, '::'],
  [0n, 1n, '::1'],
  [0xfe80_0000_0000_0000n, 0x0001_0000_0000_0002n, 'fe80::1:0:0:2'],
  [0x2001_0db8_0000_0001n, 0x0001_0001_0001_0001n, '2001:db8:0:1:1:1:1:1'],
  [0x0001_0000_0000_0000n, 0n, '1::'],
  [0x0001_0002_0003_0004n, 0x0005_0006_0007_0008n, '1:2:3:4:5:6:7:8'],
])('%d and %d are the address %s', (high, low, text) => {
  expect(ipv6(high, low)).toBe(text);
});
