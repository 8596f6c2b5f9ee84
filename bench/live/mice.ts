import { connect, createServer, type Socket } from 'node:net';
import { monotonicSeconds } from './clock.ts';
import { listening } from './elephant.ts';
import { randomNumbers } from './statistics.ts';
import type { Sample } from './window.ts';

/** Bytes of a response. */
export const MOUSE_BYTES = 10_000;
const REQUEST = Buffer.from('GET /mouse HTTP/1.1\r\nHost: pod\r\n\r\n');
const RESPONSE = Buffer.alloc(MOUSE_BYTES, 'm');
/** All responses are read into this: a buffer for each would have V8 collect garbage every second, and both ends wait for it. */
const RECEIVED = Buffer.alloc(64 * 1024);

/** One request: from connect() to the last byte of the response, or why it had none. */
export interface Mouse {
  readonly startedAt: number;
  readonly seconds: number;
  readonly failure?: string;
}

export interface MouseEvents {
  readonly onMouse: (mouse: Mouse) => void;
  /** Cumulative bytes of all responses, whole or not, as they come. */
  readonly onGoodput?: (sample: Sample) => void;
}

/** A server that answers every connection's first bytes with MOUSE_BYTES and closes. Resolves with its port. */
export function serveMice(): Promise<number> {
  return listening(
    createServer({ noDelay: true }, (socket) => {
      socket.once('data', () => socket.end(RESPONSE));
      socket.on('error', () => socket.destroy());
    }),
  );
}

/**
 * Starts fresh-connection requests at a given mean rate whether or not earlier ones have come back (an open
 * loop): a closed loop would send fewest requests exactly where they wait longest. Gaps vary evenly between
 * half and one and a half times the mean so that arrivals do not fall into step with a queue.
 */
export class MouseClient {
  readonly #outstanding = new Map<Socket, number>();
  #timer: NodeJS.Timeout | undefined;
  #looping = false;
  #bytes = 0;
  #whenIdle: (() => void) | undefined;

  constructor(
    private readonly address: string,
    private readonly port: number,
    private readonly events: MouseEvents,
  ) {}

  start(perSecond: number, seed: number): void {
    const random = randomNumbers(seed);
    let due = monotonicSeconds();
    const next = (): void => {
      due += (0.5 + random()) / perSecond;
      this.#timer = setTimeout(
        () => {
          this.#send();
          next();
        },
        Math.max(0, (due - monotonicSeconds()) * 1000),
      );
    };
    next();
  }

  /** Keeps this many requests under way: each that ends makes room for the next (a closed loop). */
  startLoops(clients: number): void {
    this.#looping = true;
    for (let client = 0; client < clients; client++) this.#send();
  }

  /** Starts no more and waits for those under way; after the grace they count as failures of that length. */
  async stop(graceSeconds: number): Promise<void> {
    clearTimeout(this.#timer);
    this.#looping = false;
    if (this.#outstanding.size === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
      timer = setTimeout(resolve, graceSeconds * 1000);
    });
    clearTimeout(timer);
    for (const [socket, startedAt] of this.#outstanding) {
      this.#finish(socket, startedAt, `no answer ${graceSeconds} s after the last request`);
    }
  }

  #send(): void {
    const startedAt = monotonicSeconds();
    let received = 0;
    const onread = {
      buffer: RECEIVED,
      callback: (length: number): boolean => {
        received += length;
        this.#bytes += length;
        this.events.onGoodput?.({ time: monotonicSeconds(), bytes: this.#bytes });
        if (received >= MOUSE_BYTES) this.#finish(socket, startedAt, undefined);
        return true;
      },
    };
    const socket = connect({ host: this.address, port: this.port, noDelay: true, onread });
    this.#outstanding.set(socket, startedAt);
    socket.on('connect', () => socket.write(REQUEST));
    socket.on('error', (error) => this.#finish(socket, startedAt, error.message));
    socket.on('close', () => this.#finish(socket, startedAt, 'closed before the whole response'));
  }

  #finish(socket: Socket, startedAt: number, failure: string | undefined): void {
    if (!this.#outstanding.delete(socket)) return;
    const seconds = monotonicSeconds() - startedAt;
    if (failure === undefined) socket.end();
    else socket.destroy();
    this.events.onMouse(failure === undefined ? { startedAt, seconds } : { startedAt, seconds, failure });
    if (this.#looping) this.#send();
    else if (this.#outstanding.size === 0) this.#whenIdle?.();
  }
}
