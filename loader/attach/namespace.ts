/** Work beside a device in whichever network namespace it lives. */

import { findLink } from '../netlink/links.ts';
import { RouteSocket } from '../netlink/socket.ts';
import { inOptionalNetns, netnsIdentity } from '../netns/netns.ts';
import type { PinnedDevice } from '../pin/program-name.ts';
import type { NetnsReference } from './attachment.ts';

/** The reference to a namespace that exists now; undefined for the process's own. */
export function referenceTo(path: string | undefined): NetnsReference | undefined {
  if (path === undefined) return undefined;
  const identity = netnsIdentity(path);
  if (identity === undefined)
    throw new Error(`find network namespace ${path}: there is nothing at that path`);
  return { path, identity };
}

/** Whether the reference still leads to the namespace it was made of. */
export function isAlive(reference: NetnsReference | undefined): boolean {
  return reference === undefined || netnsIdentity(reference.path) === reference.identity;
}

/** Whether there is a device of that number in the namespace that it was in. */
export function isDeviceThere({ ifindex, netns }: PinnedDevice): boolean {
  return isAlive(netns) && withRoute(netns?.path, (socket) => findLink(socket, ifindex)) !== undefined;
}

/** Runs `body` with a rtnetlink socket of the namespace at `path`; the thread itself is back in its own by then. */
export function withRoute<T>(path: string | undefined, body: (socket: RouteSocket) => T): T {
  const socket = inOptionalNetns(path, () => RouteSocket.open());
  try {
    return body(socket);
  } finally {
    socket.close();
  }
}
