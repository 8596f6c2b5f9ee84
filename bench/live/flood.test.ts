import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Flood } from './flood.ts';

test('sends datagrams at about its rate until it is stopped', async () => {
  const sink = createSocket('udp4');
  let bytes = 0;
  sink.on('message', (data) => {
    bytes += data.length + 42;
  });
  await new Promise<void>((resolve) => sink.bind(0, '127.0.0.1', resolve));
  const flood = await Flood.open();
  flood.start('127.0.0.1', sink.address().port, 1_000_000);
  await sleep(500);
  flood.stop();
  await sleep(50);
  const atStop = bytes;
  await sleep(100);
  sink.close();
  flood.close();
  expect(atStop).toBeGreaterThan(250_000);
  expect(atStop).toBeLessThan(750_000);
  expect(bytes).toBe(atStop);
});
