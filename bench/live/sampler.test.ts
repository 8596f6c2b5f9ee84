import { createServer } from 'node:net';
import { describe, expect, it, test } from 'vitest';
import { processorTime, readCounters, resentBetween, SEGMENT_HEADERS, wireBytes } from './sampler.ts';

describe('wireBytes', () => {
  it('adds an Ethernet header to a single packet', () => {
    expect(wireBytes({ ...none, packets: 1, octets: 52, segments: 1 })).toBe(66);
  });

  it('counts the headers of every segment of a GSO packet', () => {
    const payload = 45 * 1448;
    const whole = { ...none, packets: 1, octets: 52 + payload, segments: 45 };
    const apart = { ...none, packets: 45, octets: 45 * (52 + 1448), segments: 45 };
    expect(wireBytes(whole)).toBe(68_130);
    expect(wireBytes(whole)).toBe(wireBytes(apart));
  });

  it('counts those of a GSO packet of UDP', () => {
    const whole = { ...none, packets: 1, octets: 28 + 45 * 1400, segments: 45 };
    expect(wireBytes(whole, SEGMENT_HEADERS.udp)).toBe(45 * 1442);
  });
});

describe('readCounters', () => {
  it('sees the packets of a connection', async () => {
    const before = readCounters(process.pid);
    const server = createServer((socket) => socket.end('natra'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { connect } = await import('node:net');
    await new Promise<void>((resolve) => {
      connect(port, '127.0.0.1')
        .resume()
        .on('close', () => resolve());
    });
    server.close();
    const after = readCounters(process.pid);
    expect(after.packets - before.packets).toBeGreaterThanOrEqual(6);
    expect(after.segments - before.segments).toBeGreaterThanOrEqual(after.packets - before.packets);
    expect(wireBytes(after)).toBeGreaterThan(wireBytes(before));
  });
});

test('a tail loss probe is no loss', () => {
  const after = { ...none, retransmitted: 45, lossProbes: 2 };
  expect(resentBetween(none, after)).toBe(43);
  expect(resentBetween(none, { ...none, lossProbes: 1 })).toBe(0);
});

test('the processors have been busy for part of the time since boot', () => {
  const { busy, all } = processorTime();
  expect(busy).toBeGreaterThan(0);
  expect(busy).toBeLessThan(all);
});

const none = { packets: 0, octets: 0, segments: 0, congestionMarked: 0, retransmitted: 0, lossProbes: 0 };
