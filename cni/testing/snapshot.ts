/** All that natra can leave on a node, to be compared before and after. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import {
  closeDescriptor,
  listIds,
  mapInfo,
  type ObjectKind,
  openById,
  programInfo,
} from '../../loader/index.ts';
import type { Node } from '../node.ts';
import type { TestPod } from './pod.ts';

export interface Snapshot {
  /** Ids of programs and maps that bear natra's name. */
  readonly programs: readonly number[];
  readonly maps: readonly number[];
  readonly links: readonly number[];
  readonly pins: readonly string[];
  readonly state: readonly string[];
  /** `tc qdisc` and `tc filter` of both ends of the veth pair; of one end where the namespace is gone. */
  readonly traffic: string;
}

export function snapshot(pod: TestPod, node: Node): Snapshot {
  return {
    programs: listIds('program').filter((id) => isNamedNatra('program', id, programInfo)),
    maps: listIds('map').filter((id) => isNamedNatra('map', id, mapInfo)),
    links: listIds('link'),
    pins: namesIn(node.pinDirectory),
    state: namesIn(node.stateDirectory).filter((name) => name.endsWith('.json')),
    traffic: [trafficControl([], pod.hostDevice), trafficControl(['-n', pod.netns], pod.ifname)].join('\n'),
  };
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

/** What tc tells of traffic in the middle of a qdisc's description. */
const COUNTED = / direct_packets_stat \d+/g;

/** One tc process for all questions about a device; `-force` goes on past a device that is gone. */
function trafficControl(namespace: readonly string[], device: string): string {
  const questions = ['qdisc show', 'filter show', 'filter show ingress', 'filter show egress'];
  const batch = questions.map((each) => {
    const [noun, verb, hook = ''] = each.split(' ');
    return `${noun} ${verb} dev ${device} ${hook}\n`;
  });
  const options = [...namespace, '-force', '-batch', '-'];
  const listed = spawnSync('tc', options, { encoding: 'utf8', input: batch.join('') }).stdout;
  return listed.replaceAll(COUNTED, '');
}

function isNamedNatra(kind: ObjectKind, id: number, info: (fd: number) => { name: string }): boolean {
  const fd = openById(kind, id);
  if (fd === undefined) return false;
  try {
    return info(fd).name.startsWith('natra_');
  } finally {
    closeDescriptor(fd);
  }
}

function namesIn(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}
