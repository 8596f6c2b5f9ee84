/** How Pods and flows are called in what people read. */
import type { Flow } from './flows.ts';

/** A Pod's name where the runtime gave one; podman and ctr know containers alone. */
export const podName = (of: {
  readonly namespace: string;
  readonly pod: string;
  readonly containerId: string;
}): string => (of.pod === '' ? of.containerId.slice(0, 13) : `${of.namespace}/${of.pod}`);

export const flowEnds = ({ source, destination, id }: Flow): string =>
  [
    source,
    ...(destination === '' ? [] : ['->', destination]),
    ...(id === undefined ? [] : [`id ${id}`]),
  ].join(' ');
