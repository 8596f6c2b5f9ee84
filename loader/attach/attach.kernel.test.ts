import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encode } from '../../dsl/object/instruction.ts';
import { BPFFS, ensureBpffs } from '../bpf/bpffs.ts';
import { COMMAND } from '../bpf/call.ts';
import { programInfo } from '../bpf/info.ts';
import { queryTcx, tryCreateTcxLink } from '../bpf/link.ts';
import { loadProgram as loadCode } from '../bpf/program.ts';
import { lasting } from '../native/arena.ts';
import { closeDescriptor, listDirectory, makeDirectory, removeDirectory } from '../native/files.ts';
import { setSyscallHook } from '../native/syscall.ts';
import { inTurn, type Work } from '../native/work.ts';
import { addBpfFilter, type Direction, listFilters } from '../netlink/filters.ts';
import { addClsact, lacksFq, listQdiscs } from '../netlink/qdiscs.ts';
import { inOptionalNetns } from '../netns/netns.ts';
import { type LoadedProgram, loadProgram } from '../object/load.ts';
import { readVariable } from '../object/sections.ts';
import { countingObject, exit, move, VERDICT } from '../testing/assembly.ts';
import { remainingObjects } from '../testing/kernel-objects.ts';
import { makePod, type Pod } from '../testing/pod.ts';
import type { Attachment, Hook } from './attachment.ts';
import { attachFq, detachFq } from './fq.ts';
import { attachHtb, type HtbOptions } from './htb.ts';
import { type AttachRequest, attach, attaching, detach, replaceProgram } from './index.ts';
import { withRoute } from './namespace.ts';
import { tcxAttachType } from './tcx.ts';

const NAME = `at${process.pid}`;
const DIRECTORY = `${BPFFS}/${NAME}`;
const LENGTH = 777;
const image = countingObject(LENGTH, NAME);

let pod: Pod;
let program: LoadedProgram;
let foreign: number;

beforeEach(() => {
  ensureBpffs();
  makeDirectory(DIRECTORY, 0o700);
  pod = makePod();
  program = loadProgram(image, NAME, { settings: { settings: { verdict: VERDICT.next } } });
  foreign = loadCode({
    name: NAME,
    kind: 'classifier',
    code: encode([move(0, VERDICT.next), exit]),
    license: 'GPL',
  });
});
afterEach(async () => {
  setSyscallHook(undefined);
  closeDescriptor(foreign);
  program.close();
  pod.remove();
  expect(await remainingObjects(NAME)).toEqual([]);
  expect(listDirectory(DIRECTORY)).toEqual([]);
  removeDirectory(DIRECTORY);
});

const packetsOf = (loaded: LoadedProgram): unknown =>
  readVariable(
    image.sections.find((section) => section.name === '.bss')!,
    'counters',
    loaded.sections['.bss']!.lookup(new Uint8Array(4))!,
  ).packets;

const request = (hook: Hook, mode: AttachRequest['mode'], loaded = program): AttachRequest => ({
  ...hook,
  mode,
  program: loaded,
  pinPath: `${DIRECTORY}/link`,
  filterName: NAME,
});

const queue = { rateBytesPerSecond: 125_000n, burstNanoseconds: 10_000_000n, limitBytes: 100_000n };
const HTB: HtbOptions = {
  rateBytesPerSecond: 250_000n,
  burstNanoseconds: queue.burstNanoseconds,
  mice: { ...queue, burstBesideCutNanoseconds: queue.burstNanoseconds },
  heavy: queue,
};

type Place = 'host' | 'pod';
const hookOf = (place: Place, direction: Direction): Hook =>
  place === 'host'
    ? { ifindex: pod.hostIfindex, direction }
    : { ifindex: pod.podIfindex, direction, netns: pod.netns };

/** Qdiscs, filters and tcx programs of a device: what attaching may change. */
const stateOf = ({ ifindex, netns }: Hook): unknown => ({
  ...withRoute(netns, (socket) => ({
    qdiscs: listQdiscs(socket, ifindex),
    filters: [listFilters(socket, ifindex, 'ingress'), listFilters(socket, ifindex, 'egress')],
  })),
  tcx: inOptionalNetns(netns, () => [
    queryTcx(ifindex, tcxAttachType('ingress')).programs,
    queryTcx(ifindex, tcxAttachType('egress')).programs,
  ]),
});

/** The kernel takes a tcx link off its hook by itself, a little after it was let go. */
const isAgain = (before: unknown, hook: Hook): Promise<void> =>
  expect.poll(() => stateOf(hook), { timeout: 10_000, interval: 5 }).toEqual(before);

const sendThrough = (place: Place, direction: Direction): void => {
  if ((place === 'host') === (direction === 'ingress')) pod.sendFromPod(LENGTH);
  else pod.sendFromHost(LENGTH);
};

const places: [AttachRequest['mode'], Place, Direction][] = (['tcx', 'clsact'] as const).flatMap((mode) =>
  (['host', 'pod'] as const).flatMap((place) =>
    (['ingress', 'egress'] as const).map((direction): [typeof mode, Place, Direction] => [
      mode,
      place,
      direction,
    ]),
  ),
);

describe.each(places)('%s at the %s end, %s', (mode, place, direction) => {
  it('sees every packet until it is detached, then leaves the device as it was', async () => {
    const hook = hookOf(place, direction);
    const before = stateOf(hook);
    const attachment = attach(request(hook, mode));
    expect(attachment.mode).toBe(mode);
    sendThrough(place, direction);
    sendThrough(place, direction);
    expect(packetsOf(program)).toBe(2n);
    expect(detach(attachment)).toBe(true);
    await isAgain(before, hook);
    sendThrough(place, direction);
    expect(packetsOf(program)).toBe(2n);
    expect(detach(attachment)).toBe(false);
  });
});

describe.each(['host', 'pod'] as const)(
  'a tcx link at the %s end whose program is still to be loaded',
  (place) => {
    const atWork = (hook: Hook, loading: () => LoadedProgram) => {
      function* work(): Work<LoadedProgram> {
        yield { kind: 'call', name: 'close', args: [-1], memory: lasting(8) };
        return loading();
      }
      return inTurn(attaching(request(hook, 'tcx'), work()));
    };

    it('lets packets on to others, is pinned with its program alone, and keeps its place', () => {
      const hook = hookOf(place, 'ingress');
      const [last, next] = [1, 2].map(() =>
        loadProgram(image, NAME, { settings: { settings: { verdict: VERDICT.next } } }),
      ) as [LoadedProgram, LoadedProgram];
      const neighbour = (each: LoadedProgram, name: string) =>
        attach({ ...request(hook, 'tcx', each), pinPath: `${DIRECTORY}/${name}` });
      const attached = [neighbour(program, 'first')];
      attached.push(
        atWork(hook, () => {
          attached.push(neighbour(last, 'last'));
          sendThrough(place, 'ingress');
          expect(listDirectory(DIRECTORY)).toEqual(['first', 'last']);
          return next;
        }),
      );
      sendThrough(place, 'ingress');
      expect([program, next, last].map(packetsOf)).toEqual([2n, 1n, 2n]);
      const { programs } = inOptionalNetns(hook.netns, () =>
        queryTcx(hook.ifindex, tcxAttachType('ingress')),
      );
      expect(programs.map(({ programId }) => programId)).toEqual([program.id, next.id, last.id]);
      attached.forEach(detach);
      next.close();
      last.close();
    });

    it('is taken back where there comes no program', async () => {
      const hook = hookOf(place, 'egress');
      const before = stateOf(hook);
      const refuse = () => {
        throw new Error('refused');
      };
      expect(() => atWork(hook, refuse)).toThrow('refused');
      expect(listDirectory(DIRECTORY)).toEqual([]);
      await isAgain(before, hook);
    });
  },
);

describe.each(['tcx', 'clsact'] as const)('%s', (mode) => {
  it("keeps from the Pod what the program's verdict drops", () => {
    const dropping = loadProgram(image, NAME, { settings: { settings: { verdict: VERDICT.drop } } });
    const attachment = attach(request(hookOf('host', 'egress'), mode, dropping));
    try {
      pod.sendFromHost(LENGTH);
      pod.sendFromHost(LENGTH + 1);
      expect(pod.received()).toBe(1);
      expect(packetsOf(dropping)).toBe(1n);
    } finally {
      detach(attachment);
      dropping.close();
    }
  });

  it('exchanges the program in place, beside others, and says where there is none to exchange', () => {
    const hook = hookOf('host', 'ingress');
    const [other, next] = [1, 2].map(() =>
      loadProgram(image, NAME, { settings: { settings: { verdict: VERDICT.next } } }),
    ) as [LoadedProgram, LoadedProgram];
    const beside = { pinPath: `${DIRECTORY}/other`, filterName: `${NAME}-other` };
    const neighbour = attach({ ...request(hook, mode, other), ...beside });
    const attachment = attach(request(hook, mode));
    const shape = () => {
      const { filters, tcx } = stateOf(hook) as {
        filters: { handle: number }[][];
        tcx: { linkId: number }[][];
      };
      return [filters.flat().map(({ handle }) => handle), tcx.flat().map(({ linkId }) => linkId)];
    };
    const before = shape();
    replaceProgram(attachment, next.fd);
    expect(shape()).toEqual(before);
    sendThrough('host', 'ingress');
    expect([other, program, next].map(packetsOf)).toEqual([1n, 0n, 1n]);
    expect(detach(attachment)).toBe(true);
    expect(() => replaceProgram(attachment, next.fd)).toThrow(/^replace the program of .*: ENOENT/);
    detach(neighbour);
    other.close();
    next.close();
  });

  it('tells the journal what it is about to make before anything is made', () => {
    const hook = hookOf('host', 'ingress');
    const before = stateOf(hook);
    const planned: Attachment[] = [];
    const attachment = attach({
      ...request(hook, mode),
      journal: (plan) => {
        expect(stateOf(hook)).toEqual(before);
        planned.push(plan);
      },
    });
    expect(planned).toEqual([attachment]);
    detach(attachment);
  });

  it('leaves only what the journal can undo, whichever call fails', async () => {
    const hook = hookOf('pod', 'egress');
    const before = stateOf(hook);
    let failed = true;
    for (let failing = 1; failed; failing++) {
      const planned: Attachment[] = [];
      let call = 0;
      const eio = -5;
      // A failed close(2) is left out: nobody can do anything about it. So is the way back from a namespace.
      setSyscallHook((name) =>
        name !== 'close' && name !== 'setns' && ++call === failing ? eio : undefined,
      );
      try {
        attach({ ...request(hook, mode), journal: (plan) => planned.push(plan) });
        failed = call >= failing;
      } catch (error) {
        expect(String(error)).toContain('EIO');
      }
      setSyscallHook(undefined);
      for (const plan of planned.reverse()) detach(plan);
      await isAgain(before, hook);
      expect(failing).toBeLessThan(100);
    }
  });

  it('detaches from a namespace that is gone without complaint', () => {
    const attachment = attach(request(hookOf('pod', 'ingress'), mode));
    pod.remove();
    expect(() => detach(attachment)).not.toThrow();
    pod = makePod();
  });

  it('names the device that is not there', () => {
    expect(() => attach(request({ ifindex: 99_999, direction: 'ingress' }, mode))).toThrow(
      /ifindex 99999: ENODEV/,
    );
  });
});

it.each([
  ['a clsact filter', () => attach(request(hookOf('pod', 'egress'), 'clsact'))],
  ['an htb qdisc', () => attachHtb({ ifindex: pod.podIfindex, netns: pod.netns, options: HTB })],
])('%s at the path of its namespace stays where that is another one by now', (_, make) => {
  const attachment = make();
  const path = attachment.netns?.path ?? '';
  const before = stateOf(hookOf('pod', 'egress'));
  expect(detach({ ...attachment, netns: { path, identity: 'of one that is gone' } })).toBe(false);
  expect(stateOf(hookOf('pod', 'egress'))).toEqual(before);
  expect(detach(attachment)).toBe(true);
});

describe('beside others', () => {
  it('a foreign tcx program keeps its place, and runs before ours', async () => {
    const hook = hookOf('host', 'ingress');
    const attachType = tcxAttachType('ingress');
    const link = tryCreateTcxLink({ programFd: foreign, ifindex: hook.ifindex, attachType });
    try {
      const before = stateOf(hook);
      const attachment = attach(request(hook, 'tcx'));
      const ids = queryTcx(hook.ifindex, attachType).programs.map((each) => each.programId);
      expect(ids).toEqual([programInfo(foreign).id, program.id]);
      pod.sendFromPod(LENGTH);
      expect(packetsOf(program)).toBe(1n);
      detach(attachment);
      await isAgain(before, hook);
    } finally {
      closeDescriptor(link);
    }
  });

  it('ours goes before another program where that is asked for', () => {
    const hook = hookOf('host', 'ingress');
    const attachType = tcxAttachType('ingress');
    const link = tryCreateTcxLink({ programFd: foreign, ifindex: hook.ifindex, attachType });
    try {
      const neighbour = { kind: 'program', id: programInfo(foreign).id } as const;
      const attachment = attach({ ...request(hook, 'tcx'), placement: { side: 'before', neighbour } });
      expect(queryTcx(hook.ifindex, attachType).programs[0]?.programId).toBe(program.id);
      detach(attachment);
    } finally {
      closeDescriptor(link);
    }
  });

  it('a clsact that somebody makes between the look and the making is theirs, and stays', () => {
    const hook = hookOf('host', 'ingress');
    let asked = 0;
    // The first request lists qdiscs, and the second is to make one.
    setSyscallHook((name) => {
      if (name === 'sendto' && ++asked === 2)
        withRoute(undefined, (socket) => addClsact(socket, hook.ifindex));
      return undefined;
    });
    const journal: Attachment[] = [];
    const attachment = attach({ ...request(hook, 'clsact'), journal: (plan) => journal.push(plan) });
    setSyscallHook(undefined);
    expect(journal.map((plan) => plan.mode === 'clsact' && plan.madeQdisc)).toEqual([true, false]);
    expect(attachment).toEqual(journal[1]);
    expect(detach(attachment)).toBe(true);
    const kinds = withRoute(undefined, (socket) => listQdiscs(socket, hook.ifindex)).map(({ kind }) => kind);
    expect(kinds).toContain('clsact');
  });

  it('foreign clsact filters stay, and so does their qdisc', () => {
    const hook = hookOf('host', 'ingress');
    withRoute(undefined, (socket) => {
      addClsact(socket, hook.ifindex);
      const place = { ...hook, priority: 1, handle: 1 };
      addBpfFilter(socket, place, foreign, 'foreign');
    });
    const before = stateOf(hook);
    const attachment = attach(request(hook, 'clsact'));
    expect(attachment).toMatchObject({ madeQdisc: false });
    pod.sendFromPod(LENGTH);
    expect(packetsOf(program)).toBe(1n);
    detach(attachment);
    expect(stateOf(hook)).toEqual(before);
  });

  it('a priority that belongs to another kind of filter is left alone', () => {
    const hook = hookOf('host', 'egress');
    const device = execFileSync('ip', ['-o', 'link', 'show']).toString();
    const name = new RegExp(`^${hook.ifindex}: ([^@:]+)`, 'm').exec(device)![1]!;
    execFileSync('tc', ['qdisc', 'add', 'dev', name, 'clsact']);
    execFileSync(
      'tc',
      `filter add dev ${name} egress protocol ip prio 1 u32 match u32 1 0xffffffff`.split(' '),
    );
    const before = stateOf(hook);
    const attachment = attach(request(hook, 'clsact'));
    pod.sendFromHost(LENGTH);
    expect(packetsOf(program)).toBe(1n);
    detach(attachment);
    expect(stateOf(hook)).toEqual(before);
  });

  it('a clsact that we made stays as long as someone else has a filter in it', () => {
    const hook = hookOf('host', 'ingress');
    const attachment = attach(request(hook, 'clsact'));
    expect(attachment).toMatchObject({ madeQdisc: true });
    withRoute(undefined, (socket) => {
      const place = { ifindex: hook.ifindex, direction: 'egress', priority: 1, handle: 1 } as const;
      addBpfFilter(socket, place, foreign, 'foreign');
      detach(attachment);
      expect(listFilters(socket, hook.ifindex, 'egress').map((filter) => filter.name)).toEqual(['foreign']);
    });
  });

  it('a foreign ingress qdisc serves our ingress filter; egress is refused with the way out', () => {
    const hook = hookOf('pod', 'ingress');
    execFileSync('ip', [
      'netns',
      'exec',
      pod.netns.split('/').pop()!,
      'tc',
      'qdisc',
      'add',
      'dev',
      'eth0',
      'ingress',
    ]);
    const before = stateOf(hook);
    const attachment = attach(request(hook, 'clsact'));
    pod.sendFromHost(LENGTH);
    expect(packetsOf(program)).toBe(1n);
    detach(attachment);
    expect(stateOf(hook)).toEqual(before);
    expect(() => attach(request({ ...hook, direction: 'egress' }, 'clsact'))).toThrow(
      /EEXIST: the device has an ingress qdisc of another program.*use tcx/,
    );
  });
});

describe('auto', () => {
  const refuseTcx = (): void => {
    const einval = -22;
    setSyscallHook((name, args) => (name === 'bpf' && args[0] === COMMAND.linkCreate ? einval : undefined));
  };

  it('takes tcx where there is one', () => {
    const attachment = attach(request(hookOf('host', 'ingress'), 'auto'));
    expect(attachment.mode).toBe('tcx');
    detach(attachment);
  });

  it('takes clsact where the kernel has no tcx', () => {
    refuseTcx();
    const attachment = attach(request(hookOf('host', 'ingress'), 'auto'));
    expect(attachment.mode).toBe('clsact');
    pod.sendFromPod(LENGTH);
    expect(packetsOf(program)).toBe(1n);
    detach(attachment);
  });

  it('tcx alone names the version that brings it', () => {
    refuseTcx();
    expect(() => attach(request(hookOf('host', 'ingress'), 'tcx'))).toThrow('EINVAL; tcx needs linux 6.6');
  });
});

describe('fq', () => {
  it('refuses a device whose root qdisc someone chose', () => {
    const netns = pod.netns.split('/').pop()!;
    execFileSync('tc', ['-n', netns, 'qdisc', 'add', 'dev', 'eth0', 'root', 'handle', '5:', 'htb']);
    expect(() => attachFq({ ifindex: pod.podIfindex, netns: pod.netns, options: {} })).toThrow(
      /EEXIST: its root qdisc is htb 5:, set by another program/,
    );
  });

  it("goes in the place of natra's own HTB, too, of which no record is left", () => {
    const hook = hookOf('host', 'egress');
    const before = stateOf(hook);
    attachHtb({ ifindex: hook.ifindex, options: HTB });
    try {
      attachFq({ ifindex: hook.ifindex, options: {} });
    } catch (error) {
      expect(lacksFq(error)).toBe(true);
    }
    detachFq({ mode: 'fq', ifindex: hook.ifindex });
    expect(stateOf(hook)).toEqual(before);
  });

  it('goes in the place of noqueue and back, or names the module that is missing', () => {
    const hook = hookOf('host', 'egress');
    const before = stateOf(hook);
    const planned: Attachment[] = [];
    const add = (): Attachment =>
      attachFq({ ifindex: hook.ifindex, options: { flowLimit: 1000 } }, (plan) => planned.push(plan));
    try {
      expect(detach(add())).toBe(true);
    } catch {
      expect(add).toThrow(/the kernel has no fq: load or build the sch_fq module/);
      expect(planned).toHaveLength(2);
    }
    expect(detachFq({ mode: 'fq', ifindex: hook.ifindex })).toBe(false);
    expect(stateOf(hook)).toEqual(before);
  });
});
