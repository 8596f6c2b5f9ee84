/** Both ends of the traffic in this one process: starting processes is what costs time in an emulated machine. */
import { closeDescriptor, inNetns, openRead } from '../../loader/index.ts';
import { syscall } from '../../loader/native/syscall.ts';
import type { Namespace } from './namespace.ts';
import { type End, endOf, type Rig, type Station } from './rig.ts';
import { readCounters } from './sampler.ts';
import type { Topology } from './topology.ts';
import { Workload, type WorkloadCommand, type WorkloadEvents } from './workload.ts';

const CLONE_NEWNET = 0x40000000;

/**
 * Moves the main thread into a namespace for the time of `body`: a socket stays in the namespace in which it was made, so
 * whatever makes them in `body` makes them there.
 */
export async function livingIn<T>(namespace: Namespace, body: () => Promise<T>): Promise<T> {
  const own = openRead('/proc/self/ns/net');
  const move = (fd: number): void => {
    const result = syscall('setns', fd, CLONE_NEWNET);
    if (result < 0) throw new Error(`enter ${namespace.name}: errno ${-result}`);
  };
  const target = openRead(namespace.path);
  try {
    move(target);
    return await body();
  } finally {
    move(own);
    closeDescriptor(target);
    closeDescriptor(own);
  }
}

class LocalStation implements Station {
  events: WorkloadEvents = {};
  readonly #workload = new Workload(() => this.events);

  command(command: WorkloadCommand): Promise<number | undefined> {
    return this.#workload.obey(command);
  }

  /** Its servers end with the process. */
  async stop(): Promise<void> {
    await this.command({ kind: 'stop-elephants' });
    await this.command({ kind: 'stop-flood' });
  }
}

/** A phase over it has to live in the receiver's namespace, where all new connections are made. */
export async function localRig({ pod, client }: Topology): Promise<Rig> {
  const end = (namespace: Namespace): Promise<End> => {
    const counters = () => inNetns(namespace.path, () => readCounters(process.pid));
    return livingIn(namespace, () =>
      endOf({ elephant: new LocalStation(), mice: new LocalStation(), counters }),
    );
  };
  const ends = { pod: await end(pod), client: await end(client) };
  const stations = Object.values(ends).flatMap(({ elephant, mice }) => [elephant, mice]);
  return {
    ...ends,
    stop: async () => {
      await Promise.all(stations.map((station) => station.stop()));
    },
  };
}
