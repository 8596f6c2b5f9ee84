import { describe, expect, test } from 'vitest';
import { readCapture } from './capture.ts';

/** Fields of one byte order, one after the other: [bytes, value]. */
function words(little: boolean, fields: readonly (readonly [1 | 2 | 4 | 8, number])[]): Buffer {
  return Buffer.concat(
    fields.map(([size, value]) => {
      const bytes = Buffer.alloc(size);
      bytes.writeUIntLE(value, 0, Math.min(size, 6));
      return little ? bytes : bytes.reverse();
    }),
  );
}

const PACKET = Buffer.from('0123456789abcdef0123456789', 'hex');

const pcap = (magic: number, little: boolean): Buffer =>
  Buffer.concat([
    words(little, [
      [4, magic],
      [2, 2],
      [2, 4],
      [4, 0],
      [4, 0],
      [4, 65535],
      [4, 1],
    ]),
    words(little, [
      [4, 1_700_000_000],
      [4, 5],
      [4, PACKET.length],
      [4, 1500],
    ]),
    PACKET,
  ]);

function block(little: boolean, type: number, body: Buffer): Buffer {
  const padding = Buffer.alloc((4 - (body.length % 4)) % 4);
  const length = 12 + body.length + padding.length;
  return Buffer.concat([
    words(little, [
      [4, type],
      [4, length],
    ]),
    body,
    padding,
    words(little, [[4, length]]),
  ]);
}

const section = (little: boolean): Buffer =>
  block(
    little,
    0x0a0d0d0a,
    words(little, [
      [4, 0x1a2b3c4d],
      [2, 1],
      [2, 0],
      [8, 0],
    ]),
  );

/** Ticks of 2^-10 s, snap length 5. */
const description = (little: boolean): Buffer =>
  block(
    little,
    1,
    Buffer.concat([
      words(little, [
        [2, 1],
        [2, 0],
        [4, 5],
        [2, 9],
        [2, 1],
      ]),
      Buffer.from([0x8a, 0, 0, 0]),
      words(little, [
        [2, 0],
        [2, 0],
      ]),
    ]),
  );

const enhanced = (little: boolean, index = 0): Buffer =>
  block(
    little,
    6,
    Buffer.concat([
      words(little, [
        [4, index],
        [4, 0],
        [4, 1536],
        [4, PACKET.length],
        [4, PACKET.length],
      ]),
      PACKET,
    ]),
  );

const simple = (little: boolean): Buffer =>
  block(little, 3, Buffer.concat([words(little, [[4, 9]]), PACKET.subarray(0, 5)]));

describe.each([true, false])('little-endian: %s', (little) => {
  test.each([
    ['microseconds', 0xa1b2c3d4, 5_000n],
    ['nanoseconds', 0xa1b23c4d, 5n],
  ])('a pcap file with %s', (_unit, magic, fraction) => {
    const [packet, ...others] = readCapture(pcap(magic, little)).packets;
    expect(others).toEqual([]);
    expect(packet).toEqual({
      number: 1,
      time: 1_700_000_000_000_000_000n + fraction,
      length: 1500,
      bytes: PACKET,
      linkType: 1,
    });
  });

  test('a pcapng file, its blocks that hold no packets skipped', () => {
    const unknown = block(little, 0x0bad, Buffer.from('something else'));
    const file = Buffer.concat([
      section(little),
      description(little),
      unknown,
      enhanced(little),
      simple(little),
    ]);
    expect(readCapture(file).packets).toEqual([
      { number: 1, time: 1_500_000_000n, length: PACKET.length, bytes: PACKET, linkType: 1 },
      { number: 2, length: 9, bytes: PACKET.subarray(0, 5), linkType: 1 },
    ]);
  });
});

test('each section of a pcapng file has its own byte order and interfaces', () => {
  const both = [true, false].map((little) =>
    Buffer.concat([section(little), description(little), enhanced(little)]),
  );
  expect(readCapture(Buffer.concat(both)).packets.map(({ number }) => number)).toEqual([1, 2]);
});

test('what is no capture is refused', () => {
  expect(() => readCapture(Buffer.from('hello'))).toThrow('neither a pcap nor a pcapng file');
  expect(() => readCapture(Buffer.alloc(0))).toThrow('neither');
});

const problemOf = (...parts: readonly Buffer[]): string | undefined =>
  readCapture(Buffer.concat(parts)).problem;

test('a capture that ends early, or makes no sense from some place on, gives the packets before it and the place', () => {
  const whole = pcap(0xa1b2c3d4, true);
  expect(readCapture(whole).problem).toBeUndefined();
  expect(problemOf(whole.subarray(0, -1))).toBe(
    'after packet 0: the capture ends within a record, at byte 52',
  );
  expect(problemOf(section(true), enhanced(true, 3))).toContain('names interface 3');
  const two = readCapture(Buffer.concat([whole, whole.subarray(24, -1)]));
  expect(two.packets.map(({ number }) => number)).toEqual([1]);
  expect(two.problem).toContain('after packet 1: the capture ends within a record');
  const endless = Buffer.concat([
    section(true),
    words(true, [
      [4, 1],
      [4, 0],
    ]),
  ]);
  expect(problemOf(endless)).toContain('the block at byte 28 says that it is 0 bytes long');
});

test('a pcapng packet that goes beyond its block, and a block of two lengths, are refused with the place', () => {
  const start = Buffer.concat([section(true), description(true)]);
  const greedy = enhanced(true);
  greedy.writeUInt32LE(PACKET.length + 4, 20);
  const packets = Buffer.concat([start, greedy, enhanced(true)]);
  const place = `the block at byte ${start.length} ends within a record, at byte ${start.length + greedy.length - 4}`;
  expect(problemOf(packets)).toBe(`after packet 0: ${place}`);

  const torn = enhanced(true);
  torn.writeUInt32LE(44, torn.length - 4);
  expect(problemOf(start, enhanced(true), torn)).toMatch(
    /^after packet 1: the block at byte \d+ says that it is 48 bytes long, and at its end that it is 44$/,
  );
});
