/**
 * All that natra can leave on a node, to be compared before and after: what holds kernel objects, rather than all
 * objects that there are, since other tests make their own meanwhile.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type AttachedPrograms,
  closeDescriptor,
  findLink,
  inOptionalNetns,
  isErrno,
  linkInfo,
  listFilters,
  listPins,
  listQdiscs,
  mapInfo,
  openById,
  openPins,
  programInfo,
  queryTcx,
  type RouteSocket,
  tcxAttachType,
} from '../../loader/index.ts';
import { DIRECTIONS, type Direction } from '../config/bandwidth.ts';
import { withRouteSocket } from '../dataplane/devices.ts';
import type { Node } from '../node.ts';
import type { PodEnds } from './pod.ts';

export interface Snapshot {
  /** Ids of programs and maps that are attached to the Pod's devices, pinned, or open in this process. */
  readonly programs: readonly number[];
  readonly maps: readonly number[];
  readonly links: readonly number[];
  readonly pins: readonly string[];
  readonly state: readonly string[];
  /** Qdiscs and filters of both ends of the veth pair; of one end where the namespace is gone. */
  readonly traffic: string;
}

export function snapshot(pod: PodEnds, node: Node): Snapshot {
  const held = [...openHere(), ...pinnedBy(node), ...atEnds(pod, attachedTo)];
  const idsOf = (kind: Held['kind']): number[] => [
    ...new Set(held.filter((each) => each.kind === kind).map(({ id }) => id)),
  ];
  return {
    programs: idsOf('prog'),
    maps: idsOf('map'),
    links: idsOf('link'),
    pins: namesIn(node.pinDirectory),
    state: namesIn(node.stateDirectory).filter((name) => /\.json(\.damaged|\.tmp)?$/.test(name)),
    traffic: atEnds(pod, trafficControl).join('\n'),
  };
}

/** A kernel object, by the words of /proc/PID/fdinfo. */
interface Held {
  readonly kind: 'prog' | 'map' | 'link';
  readonly id: number;
}

function openHere(): Held[] {
  return readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    const path = `/proc/self/fdinfo/${fd}`;
    // The descriptor of the listing itself is closed by now.
    const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return [...text.matchAll(/^(prog|map|link)_id:\s*(\d+)/gm)].map(([, kind, id]) => ({
      kind: kind as Held['kind'],
      id: Number(id),
    }));
  });
}

function pinnedBy({ pinDirectory: root }: Node): Held[] {
  return listPins(root).flatMap(({ key, labels }) =>
    labels.flatMap((label): Held[] => {
      const pins = openPins({ root, key, label });
      if (pins === undefined) return [];
      const maps = [...Object.values(pins.maps), ...Object.values(pins.sections)];
      try {
        return [
          ...(pins.programFd ? [{ kind: 'prog' as const, id: programInfo(pins.programFd).id }] : []),
          ...(pins.linkFd ? [{ kind: 'link' as const, id: linkInfo(pins.linkFd).id }] : []),
          ...maps.map(({ fd }) => ({ kind: 'map' as const, id: mapInfo(fd).id })),
        ];
      } finally {
        pins.close();
      }
    }),
  );
}

/** Names of the programs that are attached to the Pod's devices. */
export const attachedPrograms = (pod: PodEnds): string[] =>
  atEnds(pod, attachedTo)
    .filter(({ kind }) => kind === 'prog')
    .flatMap(({ id }) => {
      const fd = openById('program', id);
      if (fd === undefined) return [];
      try {
        return [programInfo(fd).name];
      } finally {
        closeDescriptor(fd);
      }
    })
    .sort();

/** What `look` sees at each end of the veth pair that is there. */
function atEnds<T>(pod: PodEnds, look: (socket: RouteSocket, ifindex: number) => T[]): T[] {
  return [
    { netns: undefined, name: pod.hostDevice },
    { netns: pod.netnsPath, name: pod.ifname },
  ].flatMap(({ netns, name }): T[] => {
    if (netns !== undefined && !existsSync(netns)) return [];
    return inOptionalNetns(netns, () =>
      withRouteSocket((socket) => {
        const ifindex = findLink(socket, name)?.ifindex;
        return ifindex === undefined ? [] : look(socket, ifindex);
      }),
    );
  });
}

/** None before Linux 6.6, which answers EINVAL. */
function tcxAt(ifindex: number, hook: Direction): AttachedPrograms['programs'] {
  try {
    return queryTcx(ifindex, tcxAttachType(hook)).programs;
  } catch (error) {
    if (isErrno(error, 'EINVAL')) return [];
    throw error;
  }
}

function attachedTo(socket: RouteSocket, ifindex: number): Held[] {
  return DIRECTIONS.flatMap((hook): Held[] => [
    ...tcxAt(ifindex, hook).flatMap(({ programId, linkId }) => [
      { kind: 'prog' as const, id: programId },
      { kind: 'link' as const, id: linkId },
    ]),
    ...listFilters(socket, ifindex, hook).map(({ programId }) => ({
      kind: 'prog' as const,
      id: programId ?? 0,
    })),
  ]);
}

function trafficControl(socket: RouteSocket, ifindex: number): string[] {
  return [
    ...listQdiscs(socket, ifindex).map(
      ({ kind, handle, parent }) => `qdisc ${kind} ${handle.toString(16)} parent ${parent.toString(16)}`,
    ),
    ...DIRECTIONS.flatMap((hook) =>
      listFilters(socket, ifindex, hook).map(
        ({ kind, priority, handle, name }) => `filter ${hook} ${kind} ${priority} ${handle} ${name ?? ''}`,
      ),
    ),
  ];
}

/**
 * What `after` has over `before`: ids are never given twice, so objects that others remove meanwhile do not count.
 * `undefined` where nothing is left over.
 */
export function leftovers(before: Snapshot, after: Snapshot): Partial<Snapshot> | undefined {
  const more = <T>(earlier: readonly T[], later: readonly T[]): T[] =>
    later.filter((each) => !earlier.includes(each));
  const left = {
    programs: more(before.programs, after.programs),
    maps: more(before.maps, after.maps),
    links: more(before.links, after.links),
    pins: more(before.pins, after.pins),
    state: more(before.state, after.state),
    traffic: more(before.traffic.split('\n'), after.traffic.split('\n')),
  };
  const found = Object.entries(left).filter(([, each]) => each.length > 0);
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

const PATIENCE_MILLISECONDS = 10_000;

/** The same in the end: the kernel takes a link off its hook, and frees programs and maps, after a grace period or two. */
export async function leftInTheEnd(
  before: Snapshot,
  pod: PodEnds,
  node: Node,
): Promise<Partial<Snapshot> | undefined> {
  const deadline = Date.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    const left = leftovers(before, snapshot(pod, node));
    if (left === undefined || Date.now() > deadline) return left;
    await pause(2);
  }
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
