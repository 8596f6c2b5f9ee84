import type { AgentCommand } from './agent.ts';
import { monotonicSeconds } from './clock.ts';
import { MOUSE_BYTES, type Mouse } from './mice.ts';
import type { Rig } from './rig.ts';
import { type IpCounters, readCounters, WireSampler } from './sampler.ts';
import type { Sample } from './window.ts';

/** As Kubernetes names them: ingress flows to the Pod, egress from it. */
export type Direction = 'ingress' | 'egress';

export interface PhasePlan {
  readonly direction: Direction;
  readonly seconds: number;
  readonly micePerSecond: number;
  readonly seed: number;
  /** The address of the sending end: the client's for ingress, the Pod's for egress. */
  readonly senderAddress: string;
}

/** All that was seen at the receiving end. Times are on one monotonic clock, in seconds. */
export interface PhaseMeasurement {
  readonly startedAt: number;
  /** When the load stopped rising and falling by plan: mice were last started here. */
  readonly endedAt: number;
  /** Application bytes of the elephant. */
  readonly elephant: readonly Sample[];
  /** Application bytes of whole mice. */
  readonly mouseBytes: readonly Sample[];
  readonly mice: readonly Mouse[];
  /** All bytes on the wire to the receiver, elephant, mice and acknowledgements alike. */
  readonly wire: readonly Sample[];
  readonly retransmitted: number;
  readonly congestionMarked: number;
}

/** What a phase can tell while it runs. */
export interface PhaseProgress {
  readonly elapsed: number;
  readonly wire: readonly Sample[];
  readonly mice: readonly Mouse[];
}

const MICE_START_SECONDS = 0.4;
const MICE_GRACE_SECONDS = 3;

/**
 * One elephant and a stream of mice in one direction for the plan's seconds. The elephant goes on until the
 * last mouse is home, so that none finishes on an idle link.
 */
export async function runPhase(
  rig: Rig,
  plan: PhasePlan,
  onProgress: (progress: PhaseProgress) => void,
  signal: AbortSignal,
): Promise<PhaseMeasurement> {
  const [sender, receiver] = plan.direction === 'ingress' ? [rig.client, rig.pod] : [rig.pod, rig.client];
  const elephant: Sample[] = [];
  const mice: Mouse[] = [];
  receiver.elephant.events = { onGoodput: (sample) => elephant.push(sample) };
  receiver.mice.events = { onMouse: (mouse) => mice.push(mouse) };
  const before = readBoth(sender.mice.pid, receiver.mice.pid);
  const wire = new WireSampler(receiver.mice.pid);
  const startedAt = monotonicSeconds();
  const ticker = setInterval(
    () => onProgress({ elapsed: monotonicSeconds() - startedAt, wire: wire.samples, mice }),
    100,
  );
  const elephantOn: AgentCommand = {
    kind: 'pull-elephant',
    address: plan.senderAddress,
    port: sender.elephantPort,
  };
  const miceOn: AgentCommand = {
    kind: 'send-mice',
    address: plan.senderAddress,
    port: sender.micePort,
    perSecond: plan.micePerSecond,
    seed: plan.seed,
  };
  try {
    await receiver.elephant.command(elephantOn);
    await pause(MICE_START_SECONDS, signal);
    await receiver.mice.command(miceOn);
    await pause(plan.seconds - MICE_START_SECONDS, signal);
    const endedAt = monotonicSeconds();
    await receiver.mice.command({ kind: 'stop-mice', graceSeconds: MICE_GRACE_SECONDS });
    const after = readBoth(sender.mice.pid, receiver.mice.pid);
    return {
      startedAt,
      endedAt,
      elephant,
      mouseBytes: cumulative(mice, startedAt),
      mice,
      wire: wire.samples,
      retransmitted: after.sender.retransmitted - before.sender.retransmitted,
      congestionMarked: after.receiver.congestionMarked - before.receiver.congestionMarked,
    };
  } finally {
    clearInterval(ticker);
    wire.stop();
    receiver.mice.events = {};
    await Promise.allSettled([
      receiver.mice.command({ kind: 'stop-mice', graceSeconds: 0 }),
      receiver.elephant.command({ kind: 'stop-elephant' }),
    ]);
    receiver.elephant.events = {};
  }
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

function readBoth(
  sender: number,
  receiver: number,
): { readonly sender: IpCounters; readonly receiver: IpCounters } {
  return { sender: readCounters(sender), receiver: readCounters(receiver) };
}

function cumulative(mice: readonly Mouse[], origin: number): Sample[] {
  const arrivals = mice
    .filter((mouse) => mouse.failure === undefined)
    .map((mouse) => mouse.startedAt + mouse.seconds);
  arrivals.sort((a, b) => a - b);
  return [
    { time: origin, bytes: 0 },
    ...arrivals.map((time, index) => ({ time, bytes: (index + 1) * MOUSE_BYTES })),
  ];
}
