import { monotonicSeconds } from './clock.ts';
import type { Mouse } from './mice.ts';
import type { Rig } from './rig.ts';
import { processorTime, resentBetween, SEGMENT_HEADERS, WireSampler } from './sampler.ts';
import type { Sample } from './window.ts';
import type { WorkloadCommand } from './workload.ts';

/** As Kubernetes names them: ingress flows to the Pod, egress from it. */
export type Direction = 'ingress' | 'egress';

/** What is sent; each part is absent where it is 0. */
export interface Load {
  readonly elephants: number;
  /** Requests a second over fresh connections, whether or not earlier ones have come back. */
  readonly micePerSecond: number;
  /** Clients that each make their next request when they have the answer to the last. */
  readonly clients: number;
  /** UDP on the wire. */
  readonly floodBytesPerSecond: number;
}

export interface PhasePlan {
  readonly direction: Direction;
  readonly seconds: number;
  readonly load: Load;
  /** Of the mice's arrivals. */
  readonly seed: number;
  /** Addresses of the Pod and of the client. */
  readonly addresses: Readonly<Record<'pod' | 'client', string>>;
}

/** All that was seen at the receiving end. Times are on one monotonic clock, in seconds. */
export interface PhaseMeasurement {
  readonly startedAt: number;
  /** When the load stopped rising and falling by plan: mice were last started here. */
  readonly endedAt: number;
  /** Application bytes of each elephant. */
  readonly elephants: ReadonlyArray<readonly Sample[]>;
  /** Application bytes of all mice. */
  readonly mouseBytes: readonly Sample[];
  readonly mice: readonly Mouse[];
  /** All bytes on the wire to the receiver, elephant, mice and acknowledgements alike. */
  readonly wire: readonly Sample[];
  readonly retransmitted: number;
  readonly congestionMarked: number;
}

/** Beside what was seen, what was done for it. */
export interface LivePhase extends PhaseMeasurement {
  /** What the flood sent, on the wire. */
  readonly floodBitsPerSecond: number;
  /** How busy the machine's processors were, from 0 to 1. */
  readonly busy: number;
}

/** What a phase can tell while it runs. */
export interface PhaseProgress {
  readonly elapsed: number;
  readonly wire: readonly Sample[];
  readonly mice: readonly Mouse[];
}

const SAMPLE_MILLISECONDS = 20;
const MICE_START_SECONDS = 0.4;
const MICE_GRACE_SECONDS = 3;

/**
 * The plan's load in one direction for its seconds. Elephants and the flood go on until the last mouse is home, so that
 * none finishes on an idle link.
 */
export async function runPhase(
  rig: Rig,
  plan: PhasePlan,
  onProgress: (progress: PhaseProgress) => void,
  signal: AbortSignal,
): Promise<LivePhase> {
  const { load } = plan;
  const sending = plan.direction === 'ingress' ? 'client' : 'pod';
  const [sender, receiver] = plan.direction === 'ingress' ? [rig.client, rig.pod] : [rig.pod, rig.client];
  const address = plan.addresses[sending];
  const elephants = Array.from({ length: load.elephants }, (): Sample[] => []);
  const mice: Mouse[] = [];
  receiver.elephant.events = { onGoodput: (elephant, sample) => elephants[elephant]?.push(sample) };
  receiver.mice.events = {
    onMouse: (mouse) => mice.push(mouse),
    onMiceGoodput: (sample) => mouseBytes.push(sample),
  };
  const before = { sender: sender.counters(), receiver: receiver.counters() };
  const headers = load.floodBytesPerSecond > 0 ? SEGMENT_HEADERS.udp : SEGMENT_HEADERS.tcp;
  const wire = new WireSampler(() => receiver.counters(), SAMPLE_MILLISECONDS, headers);
  const idle = processorTime();
  const startedAt = monotonicSeconds();
  const mouseBytes: Sample[] = [{ time: startedAt, bytes: 0 }];
  const ticker = setInterval(
    () => onProgress({ elapsed: monotonicSeconds() - startedAt, wire: wire.samples, mice }),
    100,
  );
  const miceOn = miceCommand(plan, address, sender.ports.mice);
  try {
    const { elephant: port } = sender.ports;
    if (load.elephants > 0)
      await receiver.elephant.command({ kind: 'pull-elephants', address, port, count: load.elephants });
    if (load.floodBytesPerSecond > 0)
      await sender.elephant.command({
        kind: 'send-flood',
        address: plan.addresses[sending === 'pod' ? 'client' : 'pod'],
        port: receiver.ports.flood,
        bytesPerSecond: load.floodBytesPerSecond,
      });
    await pause(MICE_START_SECONDS, signal);
    if (miceOn !== undefined) await receiver.mice.command(miceOn);
    await pause(plan.seconds - MICE_START_SECONDS, signal);
    const endedAt = monotonicSeconds();
    const busy = processorTime();
    await receiver.mice.command({ kind: 'stop-mice', graceSeconds: MICE_GRACE_SECONDS });
    const floodBitsPerSecond = await sender.elephant.command({ kind: 'stop-flood' });
    const after = { sender: sender.counters(), receiver: receiver.counters() };
    return {
      startedAt,
      endedAt,
      elephants,
      mouseBytes,
      mice,
      wire: wire.samples,
      retransmitted: resentBetween(before.sender, after.sender),
      congestionMarked: after.receiver.congestionMarked - before.receiver.congestionMarked,
      floodBitsPerSecond: floodBitsPerSecond ?? 0,
      busy: (busy.busy - idle.busy) / Math.max(1, busy.all - idle.all),
    };
  } finally {
    clearInterval(ticker);
    wire.stop();
    receiver.mice.events = {};
    await Promise.allSettled([
      receiver.mice.command({ kind: 'stop-mice', graceSeconds: 0 }),
      receiver.elephant.command({ kind: 'stop-elephants' }),
      sender.elephant.command({ kind: 'stop-flood' }),
    ]);
    receiver.elephant.events = {};
  }
}

function miceCommand({ load, seed }: PhasePlan, address: string, port: number): WorkloadCommand | undefined {
  const { micePerSecond: perSecond, clients } = load;
  if (perSecond > 0) return { kind: 'send-mice', address, port, perSecond, seed };
  if (clients > 0) return { kind: 'loop-mice', address, port, clients };
  return undefined;
}

/** Waits, and rejects at once when the signal aborts. */
export function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, seconds * 1000);
    signal.addEventListener('abort', stop, { once: true });
  });
}
