/**
 * What the kernel itself takes for two TCX links of a program that does nothing: each waits for a grace period of RCU while
 * it holds rtnl (kernel/bpf/tcx.c, `tcx_entry_sync`), so the second can't begin before the first is through, whoever asks.
 */
import { detachLink, tryCreateTcxLink } from '../../loader/bpf/link.ts';
import { check } from '../../loader/errors.ts';
import { closeDescriptor, findLink, loadProgram, RouteSocket, tcxAttachType } from '../../loader/index.ts';
import { emptyObject } from '../measure.ts';

export interface GracePeriods {
  readonly attachMilliseconds: number;
  readonly detachMilliseconds: number;
}

/** Attaches to both hooks of a device of this namespace, and detaches again. */
export function gracePeriods(device: string): GracePeriods {
  const ifindex = indexOf(device);
  const program = loadProgram(emptyObject(), 'empty');
  const links: number[] = [];
  try {
    const start = performance.now();
    for (const direction of ['ingress', 'egress'] as const) {
      const result = tryCreateTcxLink({
        programFd: program.fd,
        ifindex,
        attachType: tcxAttachType(direction),
      });
      links.push(check(result, `attach an empty program to ${direction} of`, device));
    }
    const attached = performance.now();
    for (const link of links) detachLink(link);
    return {
      attachMilliseconds: attached - start,
      detachMilliseconds: performance.now() - attached,
    };
  } finally {
    for (const link of links) closeDescriptor(link);
    program.close();
  }
}

function indexOf(device: string): number {
  const socket = RouteSocket.open();
  try {
    const link = findLink(socket, device);
    if (link === undefined) throw new Error(`time the kernel's own part: there is no device ${device}`);
    return link.ifindex;
  } finally {
    socket.close();
  }
}
