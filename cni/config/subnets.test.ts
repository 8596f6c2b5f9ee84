import { isIP } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseSubnet } from './subnets.ts';

const hex = (text: string): string | undefined => {
  const subnet = parseSubnet(text);
  return subnet && `${Buffer.from(subnet.address).toString('hex')}/${subnet.prefixLength}`;
};

test.each([
  ['10.0.0.0/8', '00000000000000000000ffff0a000000/104'],
  ['192.0.2.1', '00000000000000000000ffffc0000201/128'],
  ['0.0.0.0/0', '00000000000000000000ffff00000000/96'],
  ['::/0', '00000000000000000000000000000000/0'],
  ['2001:db8::/32', '20010db8000000000000000000000000/32'],
  ['2001:DB8::1:0:0:2', '20010db8000000000001000000000002/128'],
  ['1:2:3:4:5:6:7::', '00010002000300040005000600070000/128'],
  ['64:ff9b::192.0.2.1/96', '0064ff9b0000000000000000c0000201/96'],
])('%s is %s', (text, expected) => {
  expect(hex(text)).toBe(expected);
});

test.each([
  '',
  '10.0.0.0/33',
  '10.0.0/8',
  '10.0.0.0.0',
  '256.0.0.1',
  '010.0.0.1',
  '10.0.0.0/08',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '::/129',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7:8::',
  '12345::',
  'fe80::1%eth0',
  'example.org',
])('%j is no subnet', (text) => {
  expect(parseSubnet(text)).toBeUndefined();
});

test('an address is one exactly where Node.js says so', () => {
  const group = fc.oneof(
    fc.nat(0xffff).map((n) => n.toString(16)),
    fc.constant(''),
    fc.constant('1.2.3.4'),
  );
  const made = fc.array(group, { minLength: 1, maxLength: 9 }).map((groups) => groups.join(':'));
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), made), (text) => {
      expect(parseSubnet(text) !== undefined).toBe(isIP(text) !== 0);
    }),
  );
});
