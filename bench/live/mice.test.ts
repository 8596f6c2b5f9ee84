import { createServer, type Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { listening } from './elephant.ts';
import { MOUSE_BYTES, type Mouse, MouseClient, serveMice } from './mice.ts';
import type { Sample } from './window.ts';

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

describe('MouseClient', () => {
  it('sends at its mean rate over fresh connections and reports whole responses', async () => {
    const mice: Mouse[] = [];
    const client = new MouseClient('127.0.0.1', await serveMice(), { onMouse: (mouse) => mice.push(mouse) });
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
    const client = new MouseClient('127.0.0.1', port, { onMouse: (mouse) => mice.push(mouse) });
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
    const client = new MouseClient('127.0.0.1', port, { onMouse: (mouse) => mice.push(mouse) });
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
    const client = new MouseClient('127.0.0.1', port, { onMouse: (mouse) => mice.push(mouse) });
    client.start(100, 3);
    await pause(100);
    await client.stop(1);
    expect(mice.length).toBeGreaterThan(0);
    for (const mouse of mice) expect(mouse.failure).toContain('closed before');
  });

  it('tells of the bytes of a response as they come, before it is whole', async () => {
    const half = MOUSE_BYTES / 2;
    const held: Socket[] = [];
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write(Buffer.alloc(half)));
      held.push(socket);
    });
    const samples: Sample[] = [];
    const mice: Mouse[] = [];
    const client = new MouseClient('127.0.0.1', await listening(server), {
      onMouse: (mouse) => mice.push(mouse),
      onGoodput: (sample) => samples.push(sample),
    });
    client.startLoops(1);
    await vi.waitFor(() => expect(samples.at(-1)?.bytes).toBe(half));
    expect(mice).toEqual([]);
    const stopped = client.stop(10);
    held[0]?.end(Buffer.alloc(half));
    await stopped;
    expect(samples.at(-1)?.bytes).toBe(MOUSE_BYTES);
    expect(mice.map(({ failure }) => failure)).toEqual([undefined]);
  });
});
