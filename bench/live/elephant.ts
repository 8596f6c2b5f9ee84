import { connect, createServer, type Server, type Socket } from 'node:net';
import { monotonicSeconds } from './clock.ts';
import type { Sample } from './window.ts';

const CHUNK = Buffer.alloc(256 * 1024, 'e');
const RECEIVE_BUFFER = 1024 * 1024;
/** What comes within so many seconds of one another is one piece. */
const PIECE_SECONDS = 0.003;
/** Pieces without an end are told of so often. */
const MOST_SECONDS = 0.02;

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

/** The receiving end: one connection, its bytes counted in the application and told of as they come. */
export class ElephantSink {
  #told = 0;
  #latest: Sample = { time: monotonicSeconds(), bytes: 0 };
  readonly #socket: Socket;
  readonly #onSample: (sample: Sample) => void;

  /** Calls `onSample` with the cumulative bytes when some have come, and `onFailure` if the stream breaks. */
  constructor(
    address: string,
    port: number,
    onSample: (sample: Sample) => void,
    onFailure: (reason: string) => void,
  ) {
    this.#onSample = onSample;
    this.#tell();
    this.#socket = connect({
      host: address,
      port,
      onread: {
        buffer: Buffer.alloc(RECEIVE_BUFFER),
        callback: (length) => {
          this.#take(length);
          return true;
        },
      },
    });
    this.#socket.on('error', (error) => onFailure(`elephant: ${error.message}`));
  }

  /** At a low cap a packet takes 50 ms, and may be read in parts: only behind all of it is it known what has come. */
  #take(length: number): void {
    const time = monotonicSeconds();
    const { time: before, bytes } = this.#latest;
    if (time - before > PIECE_SECONDS || time - this.#told > MOST_SECONDS) this.#tell();
    this.#latest = { time, bytes: bytes + length };
  }

  #tell(): void {
    if (this.#latest.time === this.#told) return;
    this.#told = this.#latest.time;
    this.#onSample(this.#latest);
  }

  /** Ends the stream at once; what is still in flight is not waited for. */
  stop(): void {
    this.#tell();
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
