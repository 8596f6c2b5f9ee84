import { connect, createServer, type Server, type Socket } from 'node:net';
import { monotonicSeconds } from './clock.ts';
import type { Sample } from './window.ts';

const CHUNK = Buffer.alloc(256 * 1024, 'e');
const RECEIVE_BUFFER = 1024 * 1024;

/** A server that sends without end to whoever connects, as fast as TCP takes it. Resolves with its port. */
export function serveElephant(): Promise<number> {
  const server = createServer({ highWaterMark: 1024 * 1024 }, (socket) => {
    const send = (): void => {
      while (!socket.destroyed && socket.write(CHUNK));
    };
    socket.on('drain', send);
    socket.on('error', () => socket.destroy());
    send();
  });
  return listening(server);
}

/** The receiving end: one connection, its bytes counted in the application and sampled at fixed intervals. */
export class ElephantSink {
  #bytes = 0;
  readonly #socket: Socket;
  readonly #timer: NodeJS.Timeout;

  /** Calls `onSample` with the cumulative bytes every `milliseconds`, and `onFailure` if the stream breaks. */
  constructor(
    address: string,
    port: number,
    milliseconds: number,
    onSample: (sample: Sample) => void,
    onFailure: (reason: string) => void,
  ) {
    this.#socket = connect({
      host: address,
      port,
      onread: {
        buffer: Buffer.alloc(RECEIVE_BUFFER),
        callback: (length) => {
          this.#bytes += length;
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => onFailure(`elephant: ${error.message}`));
    const take = (): void => onSample({ time: monotonicSeconds(), bytes: this.#bytes });
    take();
    this.#timer = setInterval(take, milliseconds);
  }

  /** Ends the stream at once; what is still in flight is not waited for. */
  stop(): void {
    clearInterval(this.#timer);
    this.#socket.resetAndDestroy();
  }
}

/** Lets a server listen on a free port of every address and resolves with the port. */
export function listening(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on('error', reject);
    server.listen(0, '0.0.0.0', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new Error('listen: no port'));
      else resolve(address.port);
    });
  });
}
