/** One elephant and a stream of fresh 10 KB requests through a limiter, in virtual time. */
import { type Limiter, SEGMENT_BYTES } from './limiters.ts';
import { type Nanoseconds, Schedule } from './schedule.ts';
import { TcpSender } from './tcp.ts';

const SECOND: Nanoseconds = 1e9;
/** A busy host's monotonic clock; programs may not assume that it starts at 0. */
const START: Nanoseconds = 1000 * SECOND;
const SAMPLE: Nanoseconds = SECOND / 20;
const MOUSE_SEGMENTS = 7;
/** Linux: the first SYN is sent again after a second. */
const HANDSHAKE_TIMEOUT: Nanoseconds = SECOND;
const ELEPHANT_FLOW = 0;

export interface ScenarioOptions {
  readonly limiter: Limiter;
  readonly seconds: number;
  readonly roundTripMs: number;
  readonly elephants: number;
  /** Fresh requests a second; the first starts with the elephants. */
  readonly miceEverySecond: number;
  readonly ecnCapable: boolean;
  /** TSQ: packets of one socket that may wait in the limiter's queue; for a sender on the same host. */
  readonly queuedPackets?: number;
}

export interface ScenarioResult {
  /** Application bytes delivered in each 50 ms: elephants and mice. */
  readonly samples: readonly number[];
  readonly elephantBytes: number;
  /** From the first SYN to the last byte, ms, one a finished request. */
  readonly mouseMilliseconds: readonly number[];
  readonly unfinishedMice: number;
  readonly retransmittedSegments: number;
}

/** Runs the scenario for `seconds` of virtual time. The limiter keeps its state: give each run a fresh one. */
export function simulate(options: ScenarioOptions): ScenarioResult {
  const schedule = new Schedule(START);
  const roundTrip = options.roundTripMs * 1e6;
  const samples = new Array<number>(Math.ceil((options.seconds * SECOND) / SAMPLE)).fill(0);
  const mouseMilliseconds: number[] = [];
  const elephants: TcpSender[] = [];
  let elephantBytes = 0;
  let startedMice = 0;

  const deliver = (bytes: number): void => {
    const index = Math.floor((schedule.now - START) / SAMPLE);
    samples[index] = (samples[index] ?? 0) + bytes;
  };
  const sender = (
    flow: number,
    segments: number,
    onDelivered: (bytes: number) => void,
    onFinished: () => void,
  ) =>
    new TcpSender({
      schedule,
      limiter: options.limiter,
      flow,
      roundTrip,
      segments,
      ecnCapable: options.ecnCapable,
      queuedPackets: options.queuedPackets ?? Number.POSITIVE_INFINITY,
      onDelivered,
      onFinished,
    });

  for (let i = 0; i < options.elephants; i++) {
    const elephant = sender(
      ELEPHANT_FLOW + i,
      Number.POSITIVE_INFINITY,
      (bytes) => {
        elephantBytes += bytes;
        deliver(bytes);
      },
      () => {},
    );
    elephants.push(elephant);
    schedule.at(START, () => elephant.start());
  }

  /** The server's SYN-ACK takes the limited way; the client's SYN doesn't. */
  const shakeHands = (flow: number, onConnected: () => void): void => {
    const packet = { flow, segments: 1, payloadBytes: 0, ecnCapable: false };
    const verdict = options.limiter.admit(packet, schedule.now);
    if (verdict.kind === 'drop') schedule.after(HANDSHAKE_TIMEOUT, () => shakeHands(flow, onConnected));
    else schedule.at(verdict.departure + roundTrip, onConnected);
  };
  const startMouse = (): void => {
    const started = schedule.now;
    const flow = options.elephants + ++startedMice;
    let received = 0;
    const mouse = sender(
      flow,
      MOUSE_SEGMENTS,
      (bytes) => {
        received += bytes;
        deliver(bytes);
        if (received >= MOUSE_SEGMENTS * SEGMENT_BYTES)
          mouseMilliseconds.push((schedule.now - started) / 1e6);
      },
      () => {},
    );
    schedule.after(roundTrip / 2, () => shakeHands(flow, () => mouse.start()));
    schedule.after(SECOND / options.miceEverySecond, startMouse);
  };
  if (options.miceEverySecond > 0) schedule.at(START, startMouse);

  schedule.runUntil(START + options.seconds * SECOND);
  return {
    samples,
    elephantBytes,
    mouseMilliseconds,
    unfinishedMice: startedMice - mouseMilliseconds.length,
    retransmittedSegments: elephants.reduce((total, one) => total + one.retransmitted, 0),
  };
}
