/**
 * A modelled TCP sender: slow start, CUBIC (RFC 9438), SACK-like loss detection by later acknowledgements, one
 * reduction a round trip for loss or CE, a retransmission timeout of 200 ms. Segments are sent as GSO packets. One on this
 * host hears of a drop at once: it has sent nothing, reduces its window (`tcp_enter_cwr`, net/ipv4/tcp_output.c), and goes
 * on with the next acknowledgement.
 */
import { type Limiter, SEGMENT_BYTES } from './limiters.ts';
import type { Nanoseconds, Schedule } from './schedule.ts';

const MILLISECOND: Nanoseconds = 1e6;
const INITIAL_WINDOW = 10;
const GSO_SEGMENTS = 44;
/** Packets of one socket that TCP small queues let wait behind the limiter, for a sender on this host. */
const LOCAL_QUEUE = 2;
const LEAST_TIMEOUT = 200 * MILLISECOND;
const BETA = 0.7;
const CUBIC_C = 0.4;

export interface TcpOptions {
  readonly schedule: Schedule;
  readonly limiter: Limiter;
  /** Names the flow in packets: one value, one 5-tuple. */
  readonly flow: number;
  readonly roundTrip: Nanoseconds;
  /** Segments to send; Infinity for an elephant. */
  readonly segments: number;
  readonly ecnCapable: boolean;
  /** Whether the sender is on this host. */
  readonly local: boolean;
  /** Bytes as they reach the receiving application. */
  readonly onDelivered: (bytes: number) => void;
  readonly onFinished: () => void;
}

interface Lost {
  readonly order: number;
  readonly segments: number;
}

export class TcpSender {
  readonly #o: TcpOptions;
  #window = INITIAL_WINDOW;
  #threshold = Number.POSITIVE_INFINITY;
  #inFlight = 0;
  #unsent: number;
  #acknowledged = 0;
  #queued = 0;
  #order = 0;
  #recoverOrder = -1;
  #highestAcknowledged = -1;
  #lost: Lost[] = [];
  #lastWindow = 0;
  #epoch: Nanoseconds = 0;
  #lastProgress: Nanoseconds;
  #timerArmed = false;
  retransmitted = 0;

  constructor(options: TcpOptions) {
    this.#o = options;
    this.#unsent = options.segments;
    this.#lastProgress = options.schedule.now;
  }

  start(): void {
    this.#send();
  }

  get #finished(): boolean {
    return this.#acknowledged >= this.#o.segments;
  }

  #send(): void {
    const { schedule, limiter, local } = this.#o;
    while (this.#unsent > 0 && (!local || this.#queued < LOCAL_QUEUE)) {
      const room = Math.floor(this.#window - this.#inFlight);
      const segments = Math.min(room, this.#unsent, GSO_SEGMENTS);
      if (segments < 1) break;
      const order = this.#order++;
      this.#unsent -= segments;
      this.#inFlight += segments;
      const verdict = limiter.admit(
        {
          flow: this.#o.flow,
          segments,
          payloadBytes: segments * SEGMENT_BYTES,
          ecnCapable: this.#o.ecnCapable,
        },
        schedule.now,
      );
      if (verdict.kind === 'drop' && local) {
        this.#takeBack(order, segments);
        break;
      }
      this.#armTimer();
      if (verdict.kind === 'drop') {
        this.#lost.push({ order, segments });
        continue;
      }
      this.#queued++;
      schedule.at(verdict.departure, () => {
        this.#queued--;
        this.#send();
      });
      const arrival = verdict.departure + this.#o.roundTrip / 2;
      schedule.at(arrival, () => this.#o.onDelivered(segments * SEGMENT_BYTES));
      schedule.at(arrival + this.#o.roundTrip / 2, () => this.#acknowledge(order, segments, verdict.marked));
    }
  }

  /**
   * A packet that the limiter has told of was not sent. One reduction serves until all is acknowledged that was under way.
   * Without anything under way a timer tries again.
   */
  #takeBack(order: number, segments: number): void {
    this.#unsent += segments;
    this.#inFlight -= segments;
    this.#order = order;
    if (this.#highestAcknowledged >= this.#recoverOrder) this.#reduce();
    if (this.#inFlight === 0) this.#o.schedule.after(LEAST_TIMEOUT, () => this.#send());
  }

  #acknowledge(order: number, segments: number, marked: boolean): void {
    this.#lastProgress = this.#o.schedule.now;
    this.#inFlight -= segments;
    this.#acknowledged += segments;
    this.#highestAcknowledged = Math.max(this.#highestAcknowledged, order);
    const overtaken = this.#lost.filter((lost) => lost.order < order);
    if (overtaken.length > 0) {
      this.#lost = this.#lost.filter((lost) => lost.order >= order);
      for (const lost of overtaken) this.#resend(lost);
      if (overtaken.some((lost) => lost.order > this.#recoverOrder)) this.#reduce();
    } else if (marked && order > this.#recoverOrder) this.#reduce();
    else this.#grow(segments);
    if (this.#finished) this.#o.onFinished();
    else this.#send();
  }

  #resend(lost: Lost): void {
    this.#inFlight -= lost.segments;
    this.#unsent += lost.segments;
    this.retransmitted += lost.segments;
  }

  #reduce(): void {
    this.#recoverOrder = this.#order - 1;
    this.#lastWindow = this.#window;
    this.#window = Math.max(2, this.#window * BETA);
    this.#threshold = this.#window;
    this.#epoch = this.#o.schedule.now;
  }

  #grow(segments: number): void {
    if (this.#window < this.#threshold) {
      this.#window += segments;
      return;
    }
    const seconds = (this.#o.schedule.now - this.#epoch) / 1e9;
    const plateau = Math.cbrt((this.#lastWindow * (1 - BETA)) / CUBIC_C);
    const target = CUBIC_C * (seconds - plateau) ** 3 + this.#lastWindow;
    this.#window +=
      target > this.#window
        ? ((target - this.#window) * segments) / this.#window
        : segments / (100 * this.#window);
  }

  #armTimer(): void {
    if (this.#timerArmed) return;
    this.#timerArmed = true;
    const wait = Math.max(LEAST_TIMEOUT, 2 * this.#o.roundTrip);
    this.#o.schedule.after(wait, () => {
      this.#timerArmed = false;
      if (this.#finished) return;
      const idle = this.#o.schedule.now - this.#lastProgress;
      if (this.#lost.length > 0 && idle >= wait && this.#queued === 0) this.#timeOut();
      if (this.#inFlight > 0) this.#armTimer();
    });
  }

  #timeOut(): void {
    for (const lost of this.#lost) this.#resend(lost);
    this.#lost = [];
    this.#reduce();
    this.#window = 1;
    this.#lastProgress = this.#o.schedule.now;
    this.#send();
  }
}
