/** How Pods and flows are called in what people read. */
import type { Flow } from './flows.ts';

interface Named {
  readonly namespace: string;
  readonly pod: string;
  readonly containerId: string;
}

const shortId = ({ containerId }: Named): string => containerId.slice(0, 13);

/** A Pod's name where the runtime gave one; podman and ctr know containers alone. */
export const podName = (of: Named): string => (of.pod === '' ? shortId(of) : `${of.namespace}/${of.pod}`);

/** The same with the id in the name of a Pod that several sandboxes `among` these have: one that ended may still be on record. */
export function toldApart<T extends Named>(each: readonly T[], among: readonly Named[] = each): T[] {
  const ids = new Map<string, Set<string>>();
  for (const of of among) ids.set(podName(of), (ids.get(podName(of)) ?? new Set()).add(of.containerId));
  const isShared = (of: Named): boolean => of.pod !== '' && (ids.get(podName(of))?.size ?? 0) > 1;
  return each.map((of) => (isShared(of) ? { ...of, pod: `${of.pod} (${shortId(of)})` } : of));
}

export const flowEnds = ({ source, destination, id }: Flow): string =>
  [
    source,
    ...(destination === '' ? [] : ['->', destination]),
    ...(id === undefined ? [] : [`id ${id}`]),
  ].join(' ');
