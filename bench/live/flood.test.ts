import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DATAGRAM_ON_WIRE, Flood } from './flood.ts';

let flood: Flood;
let sink: ReturnType<typeof createSocket>;
let datagrams: number;

beforeEach(async () => {
  flood = Flood.open(0);
  datagrams = 0;
  sink = createSocket('udp4').on('message', (data) => {
    expect(data.length).toBe(1400);
    datagrams += 1;
  });
  await new Promise<void>((resolve) => sink.bind(0, '127.0.0.1', resolve));
});

afterEach(() => {
  flood.close();
  sink.close();
});

test.each([
  ['one by one', 1_000_000],
  ['several in a call', 50_000_000],
])('sends datagrams %s, at about its rate until it is stopped', async (_, bytesPerSecond) => {
  flood.start('127.0.0.1', sink.address().port, bytesPerSecond);
  await sleep(500);
  const sent = flood.stop() / 8;
  await sleep(50);
  const atStop = datagrams;
  await sleep(100);
  expect(sent).toBeGreaterThan(bytesPerSecond / 2);
  expect(sent).toBeLessThan(1.2 * bytesPerSecond);
  // A socket whose reader is late drops many.
  expect(atStop).toBeGreaterThan(200);
  expect(atStop * DATAGRAM_ON_WIRE).toBeLessThan(0.6 * bytesPerSecond);
  expect(datagrams).toBe(atStop);
});
