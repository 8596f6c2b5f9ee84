/** One elephant and a stream of fresh 10 KB requests through a limiter, in virtual time. */
import type { Mouse } from '../live/mice.ts';
import type { PhaseMeasurement } from '../live/phase.ts';
import type { Sample } from '../live/window.ts';
import { type Limiter, SEGMENT_BYTES, wireBytesOf } from './limiters.ts';
import { type Nanoseconds, Schedule } from './schedule.ts';
import { TcpSender } from './tcp.ts';

const SECOND: Nanoseconds = 1e9;
/** A busy host's monotonic clock; programs may not assume that it starts at 0. */
const START: Nanoseconds = 1000 * SECOND;
const MOUSE_SEGMENTS = 7;
/** Linux: the first SYN is sent again after a second. */
const HANDSHAKE_TIMEOUT: Nanoseconds = SECOND;
/** A request that has waited this long at the end counts as failed; a younger one doesn't count. */
const GRACE_SECONDS = 3;
const ELEPHANT_FLOW = 0;

export interface ScenarioOptions {
  readonly limiter: Limiter;
  readonly seconds: number;
  readonly roundTripMs: number;
  readonly elephants: number;
  /** Fresh requests a second; the first starts with the elephants. */
  readonly miceEverySecond: number;
  readonly ecnCapable: boolean;
  /** Whether the senders are on the limiter's host. */
  readonly local: boolean;
}

/** Runs of cumulative bytes at the receiver, in the form that live phases are measured in. */
class Meter {
  readonly samples: Sample[] = [{ time: 0, bytes: 0 }];
  #bytes = 0;

  add(seconds: number, bytes: number): void {
    this.#bytes += bytes;
    this.samples.push({ time: seconds, bytes: this.#bytes });
  }
}

/**
 * Runs the scenario for `seconds` of virtual time and measures it as a live phase is measured. The limiter keeps its
 * state: give each run a fresh one.
 */
export function simulate(options: ScenarioOptions): PhaseMeasurement {
  const schedule = new Schedule(START);
  const roundTrip = options.roundTripMs * 1e6;
  const elephantBytes = Array.from({ length: options.elephants }, () => new Meter());
  const mouseBytes = new Meter();
  const wire = new Meter();
  const mice: Mouse[] = [];
  const elephants: TcpSender[] = [];
  const pending = new Set<number>();
  let startedMice = 0;
  let marked = 0;

  const elapsed = (): number => (schedule.now - START) / SECOND;
  const limiter: Limiter = {
    admit(packet, now) {
      const verdict = options.limiter.admit(packet, now);
      if (verdict.kind === 'send') {
        if (verdict.marked) marked++;
        schedule.at(verdict.departure, () => wire.add(elapsed(), wireBytesOf(packet)));
      }
      return verdict;
    },
  };
  const sender = (
    flow: number,
    segments: number,
    onDelivered: (bytes: number) => void,
    onFinished: () => void,
  ) =>
    new TcpSender({
      schedule,
      limiter,
      flow,
      roundTrip,
      segments,
      ecnCapable: options.ecnCapable,
      local: options.local,
      onDelivered,
      onFinished,
    });

  for (let i = 0; i < options.elephants; i++) {
    const elephant = sender(
      ELEPHANT_FLOW + i,
      Number.POSITIVE_INFINITY,
      (bytes) => elephantBytes[i]?.add(elapsed(), bytes),
      () => {},
    );
    elephants.push(elephant);
    schedule.at(START, () => elephant.start());
  }

  /** The server's SYN-ACK takes the limited way; the client's SYN doesn't. */
  const shakeHands = (flow: number, onConnected: () => void): void => {
    const packet = { flow, segments: 1, payloadBytes: 0, ecnCapable: false };
    const verdict = limiter.admit(packet, schedule.now);
    if (verdict.kind === 'drop') schedule.after(HANDSHAKE_TIMEOUT, () => shakeHands(flow, onConnected));
    else schedule.at(verdict.departure + roundTrip, onConnected);
  };
  const startMouse = (): void => {
    const startedAt = elapsed();
    const flow = options.elephants + ++startedMice;
    pending.add(startedAt);
    let received = 0;
    const mouse = sender(
      flow,
      MOUSE_SEGMENTS,
      (bytes) => {
        received += bytes;
        if (received < MOUSE_SEGMENTS * SEGMENT_BYTES) return;
        mouseBytes.add(elapsed(), received);
        pending.delete(startedAt);
        mice.push({ startedAt, seconds: elapsed() - startedAt });
      },
      () => {},
    );
    schedule.after(roundTrip / 2, () => shakeHands(flow, () => mouse.start()));
    schedule.after(SECOND / options.miceEverySecond, startMouse);
  };
  if (options.miceEverySecond > 0) schedule.at(START, startMouse);

  schedule.runUntil(START + options.seconds * SECOND);
  for (const startedAt of pending) {
    const waited = options.seconds - startedAt;
    if (waited >= GRACE_SECONDS) mice.push({ startedAt, seconds: waited, failure: 'not finished' });
  }
  return {
    startedAt: 0,
    endedAt: options.seconds,
    elephants: elephantBytes.map(({ samples }) => samples),
    mouseBytes: mouseBytes.samples,
    wire: wire.samples,
    mice,
    retransmitted: elephants.reduce((total, one) => total + one.retransmitted, 0),
    congestionMarked: marked,
  };
}
