import { describe, expect, test } from 'vitest';
import { compile } from '../dsl/compiler/index.ts';
import { Skb } from '../dsl/machine/index.ts';
import { createVm } from '../dsl/vm/index.ts';
import { createKeyOf, type Seen } from '../scripts/natra/key/flow-key.ts';
import { collecting } from '../verifier-tests/coverage/collect.ts';
import { frameNamed } from '../verifier-tests/parser/frames.ts';

const keyOf = createKeyOf(collecting);
const seen = (name: string): Seen => keyOf(frameNamed(name));
const idOf = (name: string): number => Number(seen(name).transport & 0xffffffffn);

test.each([
  ['key', 0xa1a2a3a4],
  ['key, sequence', 0xa1a2a3a4],
  ['checksum, key', 0xa1a2a3a4],
  ['routing, key, sequence', 0xa1a2a3a4],
  ['checksum, sequence', 0],
])('the key of GRE with %s is found behind what precedes it', (flags, key) => {
  expect(idOf(`untagged, IPv4, GRE with ${flags}`)).toBe(key);
  expect(idOf(`QinQ, IPv6, routing, GRE with ${flags}`)).toBe(key);
});

test('packets of one PPTP call are one flow, whatever their length', () => {
  expect(idOf('untagged, IPv4, GRE of PPTP')).toBe(0xa3a4);
});

test('802.3 frames are one flow, whatever their length', () => {
  for (const name of ['untagged, 802.3', 'untagged, 802.3 of length 10', 'QinQ, 802.3 of length 0']) {
    expect(seen(name)).toMatchObject({ version: 0, addresses: 0n, transport: 0n });
  }
});

test('nothing follows a mobility header', () => {
  expect(seen('untagged, IPv6, mobility, TCP').transport).toBe(135n << 32n);
});

test('the fragments of a packet are one flow', () => {
  for (const version of ['IPv4', 'IPv6']) {
    const [first, middle, last] = ['first', 'middle', 'last'].map((which) =>
      seen(`untagged, ${version}, ${which} fragment, UDP`),
    );
    expect(first).toMatchObject({ addresses: middle?.addresses, transport: 17n << 32n });
    expect(middle).toMatchObject({ addresses: last?.addresses, transport: last?.transport });
  }
});

test('every bit of both addresses tells flows apart', () => {
  for (const [name, start, bytes] of [
    ['untagged, IPv4, UDP', 26, 8],
    ['untagged, IPv6, UDP', 22, 32],
  ] as const) {
    const keys = new Set([seen(name).addresses]);
    for (let bit = 0; bit < bytes * 8; bit += 1) {
      const packet = frameNamed(name);
      const at = start + (bit >> 3);
      packet[at] = (packet[at] ?? 0) ^ (1 << (bit & 7));
      keys.add(keyOf(packet).addresses);
    }
    expect(keys.size).toBe(bytes * 8 + 1);
  }
});

test.each([1, 2, 6])('%i extension headers of the greatest length are followed to their end', (count) => {
  const packet = frameNamed('untagged, IPv6, UDP');
  const [DESTINATION_OPTIONS, UDP] = [60, 17];
  const extensions = Array.from({ length: count }, (_, index) => {
    const extension = new Uint8Array(2048).fill(0xaa);
    extension.set([index < count - 1 ? DESTINATION_OPTIONS : UDP, 255]);
    return [...extension];
  });
  packet[14 + 6] = DESTINATION_OPTIONS;
  const long = Uint8Array.from([...packet.slice(0, 54), ...extensions.flat(), ...packet.slice(54)]);
  expect(keyOf(long).transport).toBe(seen('untagged, IPv6, UDP').transport);
});

test('headers outside the linear part are pulled into it, wherever that ends', () => {
  for (const name of [
    'untagged, IPv4, TCP',
    'untagged, IPv4, GRE with checksum, key',
    'QinQ, IPv4 with 40 bytes of options, TCP',
    'untagged, IPv4 with 40 bytes of options, TCP',
    'untagged, IPv6, TCP',
    'untagged, IPv6, hop-by-hop, UDP',
    'QinQ, IPv6, routing, GRE with checksum, key',
  ]) {
    const whole = seen(name);
    const packet = frameNamed(name);
    for (let linearLength = 0; linearLength < packet.length; linearLength++)
      expect(keyOf(packet, { linearLength }), `${name}, ${linearLength} linear bytes`).toEqual(whole);
  }
});

test('a packet is left as it is where its headers are linear and its payload is not', () => {
  const { object } = compile('programs/key.ts');
  if (object === undefined) throw new Error('programs/key.ts does not compile');
  const vm = createVm(object);
  for (const [name, linearLength] of [
    ['untagged, IPv4, TCP', 54],
    ['untagged, IPv6, TCP', 74],
  ] as const) {
    const skb = new Skb(Uint8Array.from([...frameNamed(name), ...new Uint8Array(1448)]), { linearLength });
    vm.run('key', skb);
    expect([skb.linearLength, skb.generation], name).toEqual([linearLength, 0]);
  }
});

describe('where the operator has no VLANs', () => {
  const narrow = createKeyOf(collecting, { config: { untagged: 1 } });

  test('what is behind a tag is one flow of its EtherType', () => {
    for (const name of ['802.1Q, IPv4, TCP', '802.1Q, IPv6, UDP'])
      expect(narrow(frameNamed(name))).toMatchObject({ addresses: 0n, transport: 0x8100n, ecn: 0 });
    expect(narrow(frameNamed('QinQ, IPv4, TCP'))).toMatchObject({ addresses: 0n, transport: 0x88a8n });
  });

  test.each(['untagged, IPv4, TCP', 'untagged, IPv6, UDP', 'untagged, ARP'])('%s has its key', (name) => {
    expect(narrow(frameNamed(name))).toEqual(seen(name));
  });
});

describe('where the operator has no IPv6', () => {
  const narrow = createKeyOf(collecting, { config: { ipv4Only: 1 } });

  test('all of it is one flow, which is neither marked nor spared', () => {
    for (const name of [
      'untagged, IPv6, TCP',
      '802.1Q, IPv6, UDP',
      'untagged, IPv6, ICMPv6 neighbour discovery 135',
    ])
      expect(narrow(frameNamed(name))).toMatchObject({ addresses: 0n, transport: 0x86ddn, ecn: 0, vital: 0 });
  });

  test.each(['untagged, IPv4, TCP', 'QinQ, IPv4, UDP', 'untagged, ARP'])('%s has its key', (name) => {
    expect(narrow(frameNamed(name))).toEqual(seen(name));
  });
});
