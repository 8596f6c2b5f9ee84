import { createSocket, type Socket } from 'node:dgram';
import { monotonicSeconds } from './clock.ts';

/** Payload of a datagram: with its headers a full packet of 1442 bytes. */
const PAYLOAD = Buffer.alloc(1400, 'f');
const DATAGRAM_ON_WIRE = 14 + 20 + 8 + PAYLOAD.length;
const TICK_MILLISECONDS = 2;
/** What one tick may catch up with: a process that stood still doesn't send all that it has missed. */
const MOST_PER_TICK = 2000;

/** A UDP socket that sends datagrams at a rate, whatever becomes of them, and reads what it is sent. */
export class Flood {
  readonly #socket: Socket;
  #timer: NodeJS.Timeout | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    // What a full queue refuses is lost, as it would be on the wire.
    socket.on('error', () => {});
  }

  /** Opens a socket on a free port; made in the namespace in which this is called. */
  static open(): Promise<Flood> {
    return new Promise((resolve, reject) => {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.bind(0, '0.0.0.0', () => {
        socket.off('error', reject);
        resolve(new Flood(socket));
      });
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  /** Sends `bytesPerSecond` on the wire, as far as this process is fast enough. */
  start(address: string, port: number, bytesPerSecond: number): void {
    let last = monotonicSeconds();
    let due = 0;
    this.#timer = setInterval(() => {
      const now = monotonicSeconds();
      due = Math.min(due + ((now - last) * bytesPerSecond) / DATAGRAM_ON_WIRE, MOST_PER_TICK);
      last = now;
      for (; due >= 1; due--) this.#socket.send(PAYLOAD, port, address, () => {});
    }, TICK_MILLISECONDS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  close(): void {
    this.stop();
    this.#socket.close();
  }
}
