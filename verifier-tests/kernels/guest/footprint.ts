/** What lies on the node apart from traffic. The VM is the guest's alone, so after DEL all must be as it was before ADD. */
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { pinsBelow } from '../../../bench/live/kernel-objects.ts';
import type { Namespace } from '../../../bench/live/namespace.ts';
import { inNetns, listFilters, listIds, listLinks, listQdiscs, RouteSocket } from '../../../loader/index.ts';

/** Links, qdiscs, filters, kernel objects, pins and files, a line each. */
export type Footprint = ReadonlySet<string>;

export interface Places {
  readonly namespaces: readonly Namespace[];
  readonly pinDirectory: string;
  readonly stateDirectory: string;
}

export function footprint({ namespaces, pinDirectory, stateDirectory }: Places): Footprint {
  const records = existsSync(stateDirectory) ? readdirSync(stateDirectory) : [];
  return new Set([
    ...namespaces.flatMap((namespace) =>
      trafficControl(namespace).map((line) => `${line} in ${namespace.name}`),
    ),
    ...(['program', 'map', 'link'] as const).flatMap((kind) =>
      listIds(kind).map((id) => `bpf ${kind} ${id}`),
    ),
    ...pinsBelow(pinDirectory).map((pin) => `pin ${pin}`),
    ...records.filter((name) => name.endsWith('.json')).map((name) => `record ${name}`),
  ]);
}

export function trafficControl(namespace: Namespace): string[] {
  return inNetns(namespace.path, () => {
    const socket = RouteSocket.open();
    try {
      return listLinks(socket).flatMap(({ ifindex, name }) => [
        `link ${name}`,
        ...listQdiscs(socket, ifindex).map(({ kind, handle }) => `qdisc ${kind} ${handle} on ${name}`),
        ...(['ingress', 'egress'] as const).flatMap((hook) =>
          listFilters(socket, ifindex, hook).map((filter) => `filter ${filter.kind} on ${name} ${hook}`),
        ),
      ]);
    } finally {
      socket.close();
    }
  });
}

const without = (all: Footprint, known: Footprint): string[] => [...all].filter((line) => !known.has(line));

/** Throws with what is there in excess of `before` or missing; the kernel frees objects after an RCU grace period. */
export async function requireUnchanged(before: Footprint, places: Places): Promise<void> {
  let after = footprint(places);
  for (let tries = 0; without(after, before).length > 0 && tries < 50; tries++) {
    await sleep(100);
    after = footprint(places);
  }
  const left = without(after, before);
  const gone = without(before, after);
  if (left.length > 0) throw new Error(`DEL left ${left.join(', ')}`);
  if (gone.length > 0) throw new Error(`DEL did not put back ${gone.join(', ')}`);
}
