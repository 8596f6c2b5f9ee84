/**
 * What the plugin `bandwidth` has left of a Pod that it limited before natra took its place: nobody calls its DEL any
 * more. Its qdiscs go with the Pod's interface, but the ifb device through which it led what the Pod sends stays.
 */
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { deleteLink, findLink } from '../../loader/index.ts';
import { describe } from '../errors.ts';
import type { Node } from '../node.ts';
import { withRouteSocket } from './devices.ts';

const PREFIX = 'bwp';
/** IFNAMSIZ less the terminating NUL. */
const LENGTH = 15;

/** MustFormatHashWithPrefix of containernetworking/plugins, pkg/utils/utils.go. */
export function upstreamDevice(network: string, containerId: string): string {
  // Read where there is such a device and no sooner: to load it takes several milliseconds.
  const { createHash } = createRequire(join(import.meta.dirname, 'natra'))('node:crypto');
  const digest = createHash('sha512')
    .update(network + containerId)
    .digest('hex');
  return `${PREFIX}${digest}`.slice(0, LENGTH);
}

/** Removes the device. It is none of natra's, so that one which stays keeps no Pod from ending. */
export function releaseUpstream(network: string, containerId: string, node: Pick<Node, 'log'>): void {
  try {
    if (!readdirSync('/sys/class/net').some((name) => name.startsWith(PREFIX))) return;
    const name = upstreamDevice(network, containerId);
    withRouteSocket((socket) => {
      const link = findLink(socket, name);
      if (link?.kind !== 'ifb') return;
      deleteLink(socket, link);
      node.log(`DEL ${containerId}: ${name}, which the plugin bandwidth left, is removed`);
    });
  } catch (error) {
    node.log(`DEL ${containerId}: look for what the plugin bandwidth left: ${describe(error)}`);
  }
}
