import { check } from '../../loader/errors.ts';
import { closeDescriptor } from '../../loader/index.ts';
import { type Region, withScratch } from '../../loader/native/arena.ts';
import { koffi } from '../../loader/native/koffi.ts';
import { syscall } from '../../loader/native/syscall.ts';
import { monotonicSeconds } from './clock.ts';

/** Payload of a datagram: with its headers a full packet of 1442 bytes. */
const PAYLOAD_BYTES = 1400;
export const DATAGRAM_ON_WIRE = 14 + 20 + 8 + PAYLOAD_BYTES;
const TICK_MILLISECONDS = 2;
/** What one tick may catch up with: a process that stood still doesn't send all that it has missed. */
const MOST_PER_TICK_SECONDS = 0.02;
/** A system call for each tenth of a millisecond's datagrams: more would take all of a slow processor. */
const CALL_SECONDS = 1e-4;
/** Below the 64 KiB of an IPv4 packet. */
const MOST_PER_CALL = 45;

/** The floods' port; discard's number, in namespaces of our own. */
export const FLOOD_PORT = 9;

/** include/linux/socket.h, include/uapi/linux/udp.h, asm-generic/socket.h: the same on x86-64 and arm64. */
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const UDP_GRO = 104;
const SOCKADDR_BYTES = 16;

function writeAddress({ view, bytes }: Pick<Region, 'view' | 'bytes'>, address: string, port: number): void {
  view.setUint16(0, AF_INET, true);
  view.setUint16(2, port, false);
  bytes.set(address.split('.').map(Number), 4);
}

/**
 * A UDP socket that sends datagrams at a rate, whatever becomes of them; what it is sent stays unread. By system calls of its
 * own: Node.js keeps in memory what a full queue refuses, and sends it when the flood should have ended.
 */
export class Flood {
  readonly #fd: number;
  /** The receiver's address, then the payload; the kernel reads both. */
  readonly #buffer = new ArrayBuffer(SOCKADDR_BYTES + MOST_PER_CALL * PAYLOAD_BYTES);
  readonly #base = Number(koffi().address(this.#buffer));
  #timer: NodeJS.Timeout | undefined;
  #startedAt = 0;
  #datagrams = 0;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens a socket on a port, or on FLOOD_PORT; in the namespace in which this is called. */
  static open(port = FLOOD_PORT): Flood {
    const fd = check(syscall('socket', AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), 'open', 'a UDP socket');
    withScratch((memory) => {
      const address = memory.allocate(SOCKADDR_BYTES);
      writeAddress(address, '0.0.0.0', port);
      check(syscall('bind', fd, address.address, SOCKADDR_BYTES), 'bind', `UDP port ${port}`);
      const value = memory.allocate(4);
      const set = (option: number, to: number): void => {
        value.view.setUint32(0, to, true);
        check(syscall('setsockopt', fd, SOL_UDP, option, value.address, 4), 'set up', 'a UDP socket');
      };
      set(UDP_SEGMENT, PAYLOAD_BYTES);
      // What comes in several segments is dropped in one piece.
      set(UDP_GRO, 1);
    });
    return new Flood(fd);
  }

  /** Sends `bytesPerSecond` on the wire, as far as this process is fast enough. */
  start(address: string, port: number, bytesPerSecond: number): void {
    writeAddress({ view: new DataView(this.#buffer), bytes: new Uint8Array(this.#buffer) }, address, port);
    const perSecond = bytesPerSecond / DATAGRAM_ON_WIRE;
    const perCall = Math.min(MOST_PER_CALL, Math.max(1, Math.round(perSecond * CALL_SECONDS)));
    this.#startedAt = monotonicSeconds();
    let last = this.#startedAt;
    let due = 0;
    this.#timer = setInterval(() => {
      const now = monotonicSeconds();
      due = Math.min(due + (now - last) * perSecond, MOST_PER_TICK_SECONDS * perSecond);
      last = now;
      for (; due >= perCall; due -= perCall) this.#send(perCall);
    }, TICK_MILLISECONDS);
  }

  #send(datagrams: number): void {
    const [address, payload] = [this.#base, this.#base + SOCKADDR_BYTES];
    // A full queue loses it, as a wire would.
    syscall('sendto', this.#fd, payload, datagrams * PAYLOAD_BYTES, MSG_DONTWAIT, address, SOCKADDR_BYTES);
    this.#datagrams += datagrams;
  }

  /** Gives the bits per second that it has sent since its start, those included that no queue took. */
  stop(): number {
    clearInterval(this.#timer);
    const bits = 8 * DATAGRAM_ON_WIRE * this.#datagrams;
    this.#datagrams = 0;
    return bits / (monotonicSeconds() - this.#startedAt);
  }

  close(): void {
    this.stop();
    closeDescriptor(this.#fd);
  }
}
