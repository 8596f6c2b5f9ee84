import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { listening } from './elephant.ts';
import { MOUSE_BYTES, type Mouse, MouseClient, serveMice } from './mice.ts';

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

describe('MouseClient', () => {
  it('sends at its mean rate over fresh connections and reports whole responses', async () => {
    const mice: Mouse[] = [];
    const client = new MouseClient('127.0.0.1', await serveMice(), (mouse) => mice.push(mouse));
    client.start(200, 1);
    await pause(500);
    await client.stop(1);
    expect(mice.length).toBeGreaterThan(60);
    expect(mice.length).toBeLessThan(140);
    expect(mice.filter((mouse) => mouse.failure)).toEqual([]);
    for (const mouse of mice) expect(mouse.seconds).toBeGreaterThan(0);
  });

  it('keeps as many loops going as it was told, each with one request at a time', async () => {
    let open = 0;
    let most = 0;
    const port = await listening(
      createServer((socket) => {
        most = Math.max(most, ++open);
        socket.on('error', () => {});
        setTimeout(() => {
          open--;
          socket.end(Buffer.alloc(MOUSE_BYTES));
        }, 5);
      }),
    );
    const mice: Mouse[] = [];
    const client = new MouseClient('127.0.0.1', port, (mouse) => mice.push(mouse));
    client.startLoops(4);
    await pause(300);
    await client.stop(1);
    const finished = mice.length;
    await pause(50);
    expect(mice.length).toBe(finished);
    expect(finished).toBeGreaterThan(8);
    expect(mice.filter((mouse) => mouse.failure)).toEqual([]);
    expect(most).toBe(4);
  });

  it('keeps sending while earlier requests wait, and counts those never answered', async () => {
    const port = await listening(createServer((socket) => socket.on('error', () => {})));
    const mice: Mouse[] = [];
    const client = new MouseClient('127.0.0.1', port, (mouse) => mice.push(mouse));
    client.start(100, 2);
    await pause(200);
    expect(mice).toEqual([]);
    await client.stop(0.1);
    expect(mice.length).toBeGreaterThan(5);
    for (const mouse of mice) {
      expect(mouse.failure).toContain('no answer');
      expect(mouse.seconds).toBeGreaterThanOrEqual(0.1);
    }
  });

  it('counts a short response as a failure', async () => {
    const port = await listening(createServer((socket) => socket.once('data', () => socket.end('short'))));
    const mice: Mouse[] = [];
    const client = new MouseClient('127.0.0.1', port, (mouse) => mice.push(mouse));
    client.start(100, 3);
    await pause(100);
    await client.stop(1);
    expect(mice.length).toBeGreaterThan(0);
    for (const mouse of mice) expect(mouse.failure).toContain('closed before');
  });
});
