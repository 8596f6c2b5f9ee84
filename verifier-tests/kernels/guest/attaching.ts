/** Every hook by every mode that the kernel has, the fallback where it lacks one, and fq. */
import { setTimeout as sleep } from 'node:timers/promises';
import { makePod, type TestPod } from '../../../cni/testing/pod.ts';
import {
  type AttachRequest,
  attach,
  attachFq,
  detach,
  detachFq,
  ensureBpffs,
  findLink,
  HANDLE,
  inOptionalNetns,
  type LoadedProgram,
  listFilters,
  listQdiscs,
  queryTcx,
  RouteSocket,
  removeFile,
  tcxAttachType,
} from '../../../loader/index.ts';
import { type Checks, require } from './checks.ts';
import { checkDoctor } from './doctor.ts';
import { checkIpvlan } from './ipvlan.ts';
import { loadFor } from './programs.ts';

const PIN = `/sys/fs/bpf/natra-guest-link-${process.pid}`;
const FILTER = 'natra-guest';

interface End {
  readonly name: string;
  readonly ifindex: number;
  readonly netns?: string;
}

function withRoute<T>(netns: string | undefined, body: (socket: RouteSocket) => T): T {
  return inOptionalNetns(netns, () => {
    const socket = RouteSocket.open();
    try {
      return body(socket);
    } finally {
      socket.close();
    }
  });
}

/** Ids of the programs at a hook, whichever way they came there. */
function programsAt({ ifindex, netns }: End, direction: 'ingress' | 'egress', tcx: boolean): number[] {
  const filters = withRoute(netns, (socket) => listFilters(socket, ifindex, direction));
  const ids = filters.flatMap(({ programId }) => (programId === undefined ? [] : [programId]));
  if (!tcx) return ids;
  const { programs } = inOptionalNetns(netns, () => queryTcx(ifindex, tcxAttachType(direction)));
  return [...ids, ...programs.map(({ programId }) => programId)];
}

function rootQdisc({ ifindex, netns }: End): string {
  const qdiscs = withRoute(netns, (socket) => listQdiscs(socket, ifindex));
  return qdiscs.find(({ parent }) => parent === HANDLE.root)?.kind ?? 'none';
}

async function attachAndDetach(
  end: End,
  direction: 'ingress' | 'egress',
  mode: AttachRequest['mode'],
  program: LoadedProgram,
  hasTcx: boolean,
): Promise<string> {
  const { ifindex, netns } = end;
  const place = { ifindex, direction, ...(netns !== undefined && { netns }) };
  const made = attach({ ...place, mode, program, pinPath: PIN, filterName: FILTER });
  try {
    require(programsAt(end, direction, hasTcx).includes(program.id), `${made.mode}: nothing is at the hook`);
  } finally {
    detach(made);
  }
  // The kernel takes a tcx link off by itself, a little later.
  const isGone = (): boolean => !programsAt(end, direction, hasTcx).includes(program.id);
  for (let tries = 0; !isGone() && tries < 100; tries++) await sleep(20);
  require(isGone(), `${made.mode}: detached, yet at the hook`);
  return made.mode;
}

function ifindexOf(name: string, netns?: string): number {
  const link = withRoute(netns, (socket) => findLink(socket, name));
  if (link === undefined) throw new Error(`find device ${name}: there is none`);
  return link.ifindex;
}

function endsOf(pod: TestPod): End[] {
  return [
    { name: 'host', ifindex: ifindexOf(pod.hostDevice) },
    { name: 'pod', ifindex: ifindexOf(pod.ifname, pod.netnsPath), netns: pod.netnsPath },
  ];
}

async function checkHooks(pod: TestPod, checks: Checks, program: LoadedProgram): Promise<void> {
  const hasTcx = checks.features.tcx === true;
  for (const mode of ['auto', 'clsact', 'tcx'] as const) {
    if (mode === 'tcx' && !hasTcx) continue;
    await checks.run(`attach by ${mode} at both ends, both hooks`, async () => {
      const used: string[] = [];
      for (const end of endsOf(pod))
        for (const hook of ['ingress', 'egress'] as const)
          used.push(await attachAndDetach(end, hook, mode, program, hasTcx));
      const wanted = mode === 'clsact' || !hasTcx ? 'clsact' : 'tcx';
      require(used.every((each) => each === wanted), `${used.join(', ')} instead of ${wanted}`);
      return wanted;
    });
  }
  if (!hasTcx)
    await checks.run('tcx is refused by name where the kernel lacks it', async () => {
      const [end] = endsOf(pod);
      if (end === undefined) throw new Error('no device');
      try {
        await attachAndDetach(end, 'ingress', 'tcx', program, false);
      } catch (error) {
        const words = String(error);
        require(words.includes('tcx needs linux 6.6'), `unclear refusal: ${words}`);
        return words;
      } finally {
        removeFile(PIN);
      }
      throw new Error('it was not refused');
    });
}

export async function checkAttaching(share: string, checks: Checks): Promise<void> {
  ensureBpffs();
  const pod = makePod();
  const program = loadFor(share, 'ingress', { rateBitsPerSecond: 10e6, pacing: 'edt' });
  try {
    await checkHooks(pod, checks, program);
    if (checks.features.fq)
      await checks.run('fq is placed on both ends and the default qdisc restored', () => {
        for (const end of endsOf(pod)) {
          const { ifindex, netns } = end;
          const before = rootQdisc(end);
          const made = attachFq({ ifindex, ...(netns !== undefined && { netns }), options: { limit: 5000 } });
          require(rootQdisc(end) === 'fq', `the root of the ${end.name} end is ${rootQdisc(end)}`);
          detachFq(made);
          require(rootQdisc(end) === before, `the ${end.name} end has ${rootQdisc(end)}, not ${before}`);
        }
        return 'fq';
      });
    await checkIpvlan(share, checks);
    await checkDoctor(share, checks);
  } finally {
    program.close();
    pod.destroy();
  }
}
