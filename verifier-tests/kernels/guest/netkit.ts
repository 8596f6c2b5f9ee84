/** A Pod's netkit pair, made by netlink: the `ip` of older distributions doesn't know them. */
import type { Namespace } from '../../../bench/live/namespace.ts';
import { addPair, closeDescriptor, inNetns, openRead, RouteSocket } from '../../../loader/index.ts';

/** A pair whose primary device is in `node` and whose peer is in `pod`. */
export function addNetkit(node: Namespace, name: string, pod: Namespace, peerName: string): void {
  const fd = openRead(pod.path);
  try {
    inNetns(node.path, () => {
      const socket = RouteSocket.open();
      try {
        addPair(socket, 'netkit', name, peerName, fd);
      } finally {
        socket.close();
      }
    });
  } finally {
    closeDescriptor(fd);
  }
}
