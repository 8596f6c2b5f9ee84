import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ERRNO } from '../errors.ts';
import { closeDescriptor, openRead } from '../native/files.ts';
import { koffi } from '../native/koffi.ts';
import { type SyscallHook, setSyscallHook, syscall } from '../native/syscall.ts';
import { inNetns } from '../netns/netns.ts';
import { makePod, type Pod } from '../testing/pod.ts';
import { alignUp4 } from './attributes.ts';
import { listFilters } from './filters.ts';
import { findLink, listLinks, netnsidOf } from './links.ts';
import { addClsact, addRootFq, deleteClsact, HANDLE, listQdiscs, rootQdisc } from './qdiscs.ts';
import { FLAG, RouteSocket } from './socket.ts';

let pod: Pod;
let host: RouteSocket;
let inside: RouteSocket;

beforeEach(() => {
  pod = makePod();
  host = RouteSocket.open();
  inside = inNetns(pod.netns, () => RouteSocket.open());
});
afterEach(() => {
  setSyscallHook(undefined);
  host.close();
  inside.close();
  pod.remove();
});

it('finds each end of a veth pair by the index of the other', () => {
  const podEnd = findLink(inside, 'eth0')!;
  const hostEnd = findLink(host, podEnd.peerIfindex!)!;
  expect(hostEnd).toMatchObject({ ifindex: pod.hostIfindex, kind: 'veth', up: true, mtu: 1500 });
  expect(hostEnd.peerIfindex).toBe(podEnd.ifindex);
  expect(hostEnd.gsoMaxSize).toBeGreaterThan(1500);
  expect(listLinks(host).map((link) => link.ifindex)).toContain(hostEnd.ifindex);
  expect(listLinks(inside).map((link) => link.name)).toEqual(['lo', 'eth0']);
});

it('numbers the namespace of the other end as the link does', () => {
  const fd = openRead(pod.netns);
  try {
    expect(netnsidOf(host, fd)).toBe(findLink(host, pod.hostIfindex)!.peerNetnsid);
  } finally {
    closeDescriptor(fd);
  }
});

it('counts what passes a link', () => {
  const before = findLink(host, pod.hostIfindex)!.statistics!;
  pod.sendFromPod(1000);
  const after = findLink(host, pod.hostIfindex)!.statistics!;
  expect(after.receivedBytes - before.receivedBytes).toBeGreaterThanOrEqual(1000n);
});

it('gives nothing for a link that is not there', () => {
  expect(findLink(inside, 'eth7')).toBeUndefined();
  expect(findLink(inside, 7777)).toBeUndefined();
  expect(listFilters(inside, 7777, 'ingress')).toEqual([]);
});

it('adds clsact once, says that it exists, and removes it', () => {
  addClsact(host, pod.hostIfindex);
  expect(listQdiscs(host, pod.hostIfindex)).toContainEqual({
    kind: 'clsact',
    ifindex: pod.hostIfindex,
    handle: HANDLE.clsactMajor,
    parent: HANDLE.clsact,
  });
  expect(() => addClsact(host, pod.hostIfindex)).toThrow(
    /^add clsact qdisc to ifindex \d+: EEXIST: .*Exclusivity flag/,
  );
  deleteClsact(host, pod.hostIfindex);
  expect(listQdiscs(host, pod.hostIfindex).map((qdisc) => qdisc.kind)).toEqual(['noqueue']);
});

it('finds the root qdisc that the list of qdiscs has, and none on a device that is down or gone', () => {
  const index = pod.hostIfindex;
  const listed = (): unknown => listQdiscs(host, index).find((qdisc) => qdisc.parent === HANDLE.root);
  addClsact(host, index);
  expect(rootQdisc(host, index)).toEqual({ kind: 'noqueue', ifindex: index, handle: 0, parent: HANDLE.root });
  expect(rootQdisc(host, index)).toEqual(listed());
  const device = findLink(host, index)!.name;
  execFileSync('tc', `qdisc replace dev ${device} root handle 7: pfifo`.split(' '));
  expect(rootQdisc(host, index)).toMatchObject({ kind: 'pfifo', handle: 0x70000 });
  expect(rootQdisc(host, index)).toEqual(listed());
  const down = `nvd${process.pid}`;
  execFileSync('ip', `link add ${down} type veth peer name ${down}p`.split(' '));
  try {
    expect(rootQdisc(host, findLink(host, down)!.ifindex)).toBeUndefined();
  } finally {
    execFileSync('ip', ['link', 'del', down]);
  }
  expect(rootQdisc(host, 999_999)).toBeUndefined();
});

it("reads other tools' filters: kind, priority, handle", () => {
  const device = findLink(host, pod.hostIfindex)!.name;
  execFileSync('tc', ['qdisc', 'add', 'dev', device, 'clsact']);
  execFileSync('tc', `filter add dev ${device} egress protocol ip prio 7 u32 match u32 0 0`.split(' '));
  expect(listFilters(host, pod.hostIfindex, 'egress')).toContainEqual(
    expect.objectContaining({ kind: 'u32', priority: 7, allProtocols: false, name: undefined }),
  );
  expect(listFilters(host, pod.hostIfindex, 'ingress')).toEqual([]);
});

it('adds fq with its options, or names the module that the kernel lacks', () => {
  const add = (): void =>
    addRootFq(host, pod.hostIfindex, 0x10000, {
      flowLimit: 5000,
      horizonMicroseconds: 2e6,
      horizonDrop: true,
    });
  try {
    add();
  } catch {
    expect(add).toThrow(
      /^add fq qdisc to ifindex \d+: ENOENT: .*the kernel has no fq: load or build the sch_fq/,
    );
    return;
  }
  const shown = execFileSync('tc', [
    'qdisc',
    'show',
    'dev',
    findLink(host, pod.hostIfindex)!.name,
  ]).toString();
  expect(shown).toMatch(/qdisc fq 1: root .*flow_limit 5000p.*horizon 2s horizon_drop/);
});

it.each([
  ['a link', 16],
  ['the end of its answer', 3],
])('lists anew where the kernel marks %s as told while the list changed', (_, marked) => {
  // Their counters go on.
  const named = () => listLinks(inside).map(({ ifindex, name }) => `${ifindex} ${name}`);
  const links = named();
  let asked = 0;
  const hook: SyscallHook = (name, args) => {
    if (name === 'sendto') asked++;
    if (name !== 'recvfrom' || asked > 1) return undefined;
    setSyscallHook(undefined);
    const received = syscall(name, ...args);
    setSyscallHook(hook);
    const answer = new DataView(koffi().view(args[1]!, received));
    for (let at = 0; at < received; at += alignUp4(answer.getUint32(at, true)))
      if (answer.getUint16(at + 4, true) === marked)
        answer.setUint16(at + 6, answer.getUint16(at + 6, true) | FLAG.dumpInterrupted, true);
    return received;
  };
  setSyscallHook(hook);
  expect(named()).toEqual(links);
  expect(asked).toBe(2);
});

it('goes on where a signal ends a call, and takes no answer for that of another request', () => {
  const once = (errno: number): void => {
    setSyscallHook((name) => {
      if (name !== 'recvfrom') return undefined;
      setSyscallHook(undefined);
      return -errno;
    });
  };
  once(ERRNO.EINTR);
  expect(listLinks(inside).map(({ name }) => name)).toEqual(['lo', 'eth0']);
  once(ERRNO.ENOMEM);
  expect(() => listLinks(inside)).toThrow(/ENOMEM/);
  // The answer that nobody has read, which begins with lo, is still there.
  expect(findLink(inside, 'eth0')?.name).toBe('eth0');
});
