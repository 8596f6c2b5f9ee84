/** Programs and qdiscs of others on this node's devices, which natra's come beside. */
import {
  isNatras,
  type Link,
  listLinks,
  programsAt,
  type RouteSocket,
  rootQdisc,
} from '../../loader/index.ts';
import { DIRECTIONS } from '../config/bandwidth.ts';
import { withRouteSocket } from '../dataplane/devices.ts';
import { calledAtHook } from '../dataplane/earlier.ts';
import { programName } from '../dataplane/site.ts';
import { describe } from '../errors.ts';
import type { Finding } from './finding.ts';

const OWN: readonly string[] = DIRECTIONS.map(programName);
/** Devices that are named; the rest is counted. */
const NAMED = 3;

/**
 * By what is there: on which devices of natra's own namespace. Those that go meanwhile are passed over. Who may not ask for programs
 * is still told of qdiscs, and why of no programs.
 */
export function otherFindings(): Finding[] {
  const devices = new Map<string, string[]>();
  /** The first: it is the same for every device. */
  let refusal: string | undefined;
  const programs = (link: Link): string[] => {
    try {
      return programsOn(link);
    } catch (error) {
      refusal ??= describe(error);
      return [];
    }
  };
  withRouteSocket((socket) => {
    for (const link of listLinks(socket))
      for (const what of [...programs(link), ...qdiscOn(socket, link)])
        devices.set(what, [...(devices.get(what) ?? []), link.name]);
  });
  const findings: Finding[] = [...devices].map(([subject, names]) => ({
    subject,
    verdict: 'note',
    words: `on ${shortened(names)}`,
  }));
  if (refusal !== undefined) findings.push({ subject: 'programs', verdict: 'missing', words: refusal });
  if (findings.length > 0) return findings;
  return [{ subject: 'devices', verdict: 'ok', words: 'nobody else has programs or qdiscs on them' }];
}

const programsOn = ({ ifindex }: Link): string[] =>
  DIRECTIONS.flatMap((direction) => {
    const all = programsAt({ ifindex, direction });
    const own = all.findIndex(({ name }) => OWN.includes(name));
    return all.flatMap((each, index) =>
      OWN.includes(each.name)
        ? []
        : [`${calledAtHook(each)} ${direction}${index < own ? ", before natra's" : ''}`],
    );
  });

function qdiscOn(socket: RouteSocket, { ifindex }: Link): string[] {
  const root = rootQdisc(socket, ifindex);
  // Handle 0 is the kernel's own default.
  return root === undefined || root.handle === 0 || isNatras(root) ? [] : [`${root.kind} as the root qdisc`];
}

function shortened(names: readonly string[]): string {
  const more = names.length - NAMED;
  return [...names.slice(0, NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}
