import { Agent } from './agent-link.ts';
import type { Namespace } from './namespace.ts';
import type { Topology } from './topology.ts';

/** One namespace's traffic: an elephant's and the mice's end, in processes of their own so that neither delays the other. */
export interface End {
  readonly elephant: Agent;
  readonly mice: Agent;
  readonly elephantPort: number;
  readonly micePort: number;
}

/** The traffic's two ends; both serve and both ask. */
export interface Rig {
  readonly pod: End;
  readonly client: End;
  stop(): Promise<void>;
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
    const [elephantPort, micePort] = await Promise.all([elephant.serve('elephant'), mice.serve('mice')]);
    return { elephant, mice, elephantPort, micePort };
  };
  const ends = await Promise.allSettled([end(topology.pod), end(topology.client)]);
  const [pod, client] = ends;
  if (pod.status === 'rejected' || client.status === 'rejected') {
    await stop();
    throw ends.find((settled) => settled.status === 'rejected')?.reason;
  }
  return { pod: pod.value, client: client.value, stop };
}
