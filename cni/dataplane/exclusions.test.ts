import { expect, test } from 'vitest';
import { exclusionKey, exclusionsOf } from './exclusions.ts';

/** The verdict of a trie that is filled in this order, as the kernel looks an address up. */
function isExcluded(address: string, limit: Parameters<typeof exclusionsOf>[0]): boolean {
  const bitsOf = (key: Uint8Array): string =>
    [...key.subarray(4)].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const trie = new Map<string, boolean>();
  for (const [subnet, excluded] of exclusionsOf(limit)) {
    const key = exclusionKey(subnet);
    const length = new DataView(key.buffer).getUint32(0, true);
    trie.set(bitsOf(key).slice(0, length), excluded);
  }
  const bits = bitsOf(exclusionKey(address));
  const lengths = Array.from({ length: 129 }, (_, index) => 128 - index);
  const longest = lengths.find((length) => trie.has(bits.slice(0, length)));
  return longest !== undefined && trie.get(bits.slice(0, longest)) === true;
}

const rate = { rateBitsPerSecond: 1e7 };

test.each(['::/0', '::/80', '::/1'])('%s excludes addresses of IPv6 alone', (subnet) => {
  const limit = { ...rate, excludedSubnets: [subnet] };
  expect(isExcluded('::1', limit)).toBe(true);
  expect(isExcluded('10.1.2.3', limit)).toBe(false);
});

test('::/0 shapes addresses of IPv6 alone', () => {
  const limit = { ...rate, shapedSubnets: ['::/0'] };
  expect([isExcluded('2001:db8::1', limit), isExcluded('10.1.2.3', limit)]).toEqual([false, true]);
});

test('0.0.0.0/0 excludes addresses of IPv4 alone', () => {
  const limit = { ...rate, excludedSubnets: ['0.0.0.0/0'] };
  expect([isExcluded('10.1.2.3', limit), isExcluded('2001:db8::1', limit)]).toEqual([true, false]);
});

test('the longest prefix decides', () => {
  const limit = { ...rate, shapedSubnets: ['10.0.0.0/8'], excludedSubnets: ['10.9.0.0/16'] };
  const excluded = ['10.1.2.3', '10.9.2.3', '11.1.2.3', '::1'].map((each) => isExcluded(each, limit));
  expect(excluded).toEqual([false, true, true, true]);
});
