import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { setSyscallHook } from '../native/syscall.ts';
import { listQdiscs } from '../netlink/qdiscs.ts';
import { makePod, type Pod } from '../testing/pod.ts';
import type { Attachment } from './attachment.ts';
import { attachHtb, changeHtb, detachHtb, type HtbOptions, type HtbRequest } from './htb.ts';
import { detach } from './index.ts';
import { withRoute } from './namespace.ts';

/** 10 Mbit/s. */
const OPTIONS: HtbOptions = {
  rateBytesPerSecond: 1_250_000n,
  burstNanoseconds: 64_000_000n,
  mice: { rateBytesPerSecond: 1_093_750n, burstNanoseconds: 32_000_000n, limitBytes: 1_000_000n },
  heavy: { rateBytesPerSecond: 156_250n, burstNanoseconds: 16_000_000n, limitBytes: 500_000n },
};

let pod: Pod;
let request: HtbRequest;

beforeEach(() => {
  pod = makePod();
  request = { ifindex: pod.podIfindex, netns: pod.netns, options: OPTIONS };
});
afterEach(() => {
  setSyscallHook(undefined);
  pod.remove();
});

const tc = (...words: string[]): string =>
  execFileSync('tc', ['-n', pod.netns.split('/').pop()!, ...words]).toString();
const qdiscs = (): unknown => withRoute(pod.netns, (socket) => listQdiscs(socket, pod.podIfindex));

it('shares the rate between two queues, journals itself first, and goes without a trace', () => {
  const before = qdiscs();
  const planned: Attachment[] = [];
  const attachment = attachHtb(request, (plan) => {
    expect(qdiscs()).toEqual(before);
    planned.push(plan);
  });
  expect(planned).toEqual([attachment]);
  const classes = tc('class', 'show', 'dev', 'eth0');
  expect(classes).toMatch(/class htb 6e74:10 root rate 10Mbit ceil 10Mbit/);
  expect(classes).toMatch(/class htb 6e74:20 parent 6e74:10 leaf \w+: prio 0 rate 8750Kbit ceil 10Mbit/);
  expect(classes).toMatch(/class htb 6e74:30 parent 6e74:10 leaf \w+: prio 1 rate 1250Kbit ceil 10Mbit/);
  expect(detach(attachment)).toBe(true);
  expect(qdiscs()).toEqual(before);
  expect(detach(attachment)).toBe(false);
});

it('makes anew what a killed ADD left', () => {
  attachHtb(request);
  const faster = { ...OPTIONS, rateBytesPerSecond: 12_500_000n };
  const attachment = attachHtb({ ...request, options: faster });
  expect(tc('class', 'show', 'dev', 'eth0')).toContain('class htb 6e74:10 root rate 100Mbit');
  detachHtb(attachment);
});

it('changes rates and room in place, with what waits in the queues', () => {
  const attachment = attachHtb(request);
  const names = () =>
    (qdiscs() as { kind: string; handle: number }[]).map(({ kind, handle }) => [kind, handle]);
  const before = names();
  pod.sendFromPod(1000);
  changeHtb({
    ...request,
    options: {
      ...OPTIONS,
      rateBytesPerSecond: 12_500_000n,
      heavy: { ...OPTIONS.heavy, limitBytes: 600_000n },
    },
  });
  expect(names()).toEqual(before);
  expect(tc('class', 'show', 'dev', 'eth0')).toContain('class htb 6e74:10 root rate 100Mbit');
  expect(tc('qdisc', 'show', 'dev', 'eth0')).toMatch(/bfifo \w+: parent 6e74:30 limit 600000b/);
  expect(tc('-s', 'class', 'show', 'dev', 'eth0', 'classid', '6e74:30')).toMatch(/Sent [1-9]\d* bytes/);
  detachHtb(attachment);
  expect(() => changeHtb(request)).toThrow(/^change htb class 6e74:10 of ifindex \d+: /);
});

it('holds what names no class to the rate', () => {
  attachHtb(request);
  pod.sendFromPod(1000);
  expect(tc('-s', 'class', 'show', 'dev', 'eth0', 'classid', '6e74:30')).toMatch(/Sent [1-9]\d* bytes/);
});

it('leaves the device as it was when a class is refused', () => {
  const before = qdiscs();
  const huge = { ...OPTIONS.heavy, rateBytesPerSecond: 0n };
  expect(() => attachHtb({ ...request, options: { ...OPTIONS, heavy: huge } })).toThrow(
    /^add htb class 6e74:30 of ifindex \d+: EINVAL/,
  );
  expect(qdiscs()).toEqual(before);
});

it('refuses a device whose root qdisc someone chose, and leaves that alone', () => {
  tc('qdisc', 'add', 'dev', 'eth0', 'root', 'handle', '5:', 'htb');
  const before = qdiscs();
  expect(() => attachHtb(request)).toThrow(/EEXIST: its root qdisc is htb 5:, set by another program/);
  expect(detachHtb({ mode: 'htb', ifindex: pod.podIfindex })).toBe(false);
  expect(qdiscs()).toEqual(before);
});

it('leaves the device as it was when HTB itself is refused', () => {
  const before = qdiscs();
  let requests = 0;
  const enobufs = -105;
  // The first request lists the qdiscs, the second adds ours.
  setSyscallHook((name) => {
    if (name !== 'sendto') return undefined;
    requests += 1;
    return requests === 2 ? enobufs : undefined;
  });
  expect(() => attachHtb(request)).toThrow(/^add htb qdisc to ifindex \d+: ENOBUFS/);
  setSyscallHook(undefined);
  expect(qdiscs()).toEqual(before);
});
