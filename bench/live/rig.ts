import { Agent } from './agent-link.ts';
import type { Namespace } from './namespace.ts';
import { type IpCounters, readCounters } from './sampler.ts';
import type { Topology } from './topology.ts';
import type { Role, WorkloadCommand, WorkloadEvents } from './workload.ts';

/** Who carries traffic at one end, in a process of its own or in this one. */
export interface Station {
  /** Set by whoever measures, for as long as they measure. */
  events: WorkloadEvents;
  /** Resolves with what the command gives (Workload.obey) when it is done. */
  command(command: WorkloadCommand): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** One namespace's traffic. Elephants and mice have a station each, so that neither delays the other. */
export interface End {
  readonly elephant: Station;
  readonly mice: Station;
  readonly ports: Readonly<Record<Role, number>>;
  /** Of the namespace. */
  counters(): IpCounters;
}

/** The traffic's two ends; both serve and both ask. */
export interface Rig {
  readonly pod: End;
  readonly client: End;
  stop(): Promise<void>;
}

/** Lets an end's stations serve all roles: a flood goes out and comes in where the elephants do. */
export async function endOf(stations: Omit<End, 'ports'>): Promise<End> {
  const serve = async (station: Station, role: Role): Promise<number> => {
    const port = await station.command({ kind: 'serve', role });
    if (port === undefined) throw new Error(`serve ${role}: no port`);
    return port;
  };
  const { elephant, mice, counters } = stations;
  const [elephantPort, micePort, flood] = await Promise.all([
    serve(elephant, 'elephant'),
    serve(mice, 'mice'),
    serve(elephant, 'flood'),
  ]);
  return { elephant, mice, counters, ports: { elephant: elephantPort, mice: micePort, flood } };
}

/** Starts the four agents of a topology. They outlive the links: an interface may come and go under them. */
export async function startRig(topology: Topology): Promise<Rig> {
  const started: Agent[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((agent) => agent.stop()));
  };
  const start = async (namespace: Namespace, name: string): Promise<Agent> => {
    const agent = await Agent.start(namespace, name);
    started.push(agent);
    return agent;
  };
  const end = async (namespace: Namespace): Promise<End> => {
    const [elephant, mice] = await Promise.all([start(namespace, 'elephant'), start(namespace, 'mice')]);
    return endOf({ elephant, mice, counters: () => readCounters(mice.pid) });
  };
  const ends = await Promise.allSettled([end(topology.pod), end(topology.client)]);
  const [pod, client] = ends;
  if (pod.status === 'rejected' || client.status === 'rejected') {
    await stop();
    throw ends.find((settled) => settled.status === 'rejected')?.reason;
  }
  return { pod: pod.value, client: client.value, stop };
}
