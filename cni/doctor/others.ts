/** Programs and qdiscs of others on this node's devices, which natra's come beside. */
import {
  closeDescriptor,
  isNatras,
  type Link,
  listFilters,
  listLinks,
  openById,
  programInfo,
  queryTcx,
  type RouteSocket,
  rootQdisc,
  tcxAttachType,
} from '../../loader/index.ts';
import { DIRECTIONS } from '../config/bandwidth.ts';
import { withRouteSocket } from '../dataplane/devices.ts';
import { programName } from '../dataplane/site.ts';
import type { Finding } from './finding.ts';

const OWN: readonly string[] = DIRECTIONS.map(programName);
/** Devices that are named; the rest is counted. */
const NAMED = 3;

/** By what is there: on which devices of natra's own namespace. Those that go meanwhile are passed over. */
export function otherFindings(hasTcx: boolean): Finding[] {
  const devices = new Map<string, string[]>();
  withRouteSocket((socket) => {
    for (const link of listLinks(socket))
      for (const what of othersAt(socket, link, hasTcx))
        devices.set(what, [...(devices.get(what) ?? []), link.name]);
  });
  if (devices.size === 0)
    return [{ subject: 'devices', verdict: 'ok', words: 'nobody else has programs or qdiscs on them' }];
  return [...devices].map(([subject, names]) => ({
    subject,
    verdict: 'note',
    words: `on ${shortened(names)}`,
  }));
}

function othersAt(socket: RouteSocket, { ifindex }: Link, hasTcx: boolean): string[] {
  const programs = DIRECTIONS.flatMap((direction) => [
    ...(hasTcx ? tcxPrograms(ifindex, direction) : []).map((name) => ({ name, at: `tcx ${direction}` })),
    ...listFilters(socket, ifindex, direction).map(({ kind, programId }) => ({
      name: programId === undefined ? kind : nameOf(programId),
      at: `clsact ${direction}`,
    })),
  ]);
  const root = rootQdisc(socket, ifindex);
  return [
    ...programs.flatMap(({ name, at }) =>
      name === undefined || OWN.includes(name) ? [] : [`${name || 'a program without a name'} by ${at}`],
    ),
    // Handle 0 is the kernel's own default.
    ...(root === undefined || root.handle === 0 || isNatras(root) ? [] : [`${root.kind} as the root qdisc`]),
  ];
}

function tcxPrograms(ifindex: number, direction: 'ingress' | 'egress'): (string | undefined)[] {
  try {
    return queryTcx(ifindex, tcxAttachType(direction)).programs.map(({ programId }) => nameOf(programId));
  } catch {
    return [];
  }
}

/** Undefined where the program is gone. */
function nameOf(programId: number): string | undefined {
  const fd = openById('program', programId);
  if (fd === undefined) return undefined;
  try {
    return programInfo(fd).name;
  } finally {
    closeDescriptor(fd);
  }
}

function shortened(names: readonly string[]): string {
  const more = names.length - NAMED;
  return [...names.slice(0, NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
