import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { setSyscallHook } from '../native/syscall.ts';
import { listQdiscs } from '../netlink/qdiscs.ts';
import { makePod, type Pod } from '../testing/pod.ts';
import type { Attachment } from './attachment.ts';
import { ROOT_HANDLE } from './classes.ts';
import { attachHtb, changeHtb, detachHtb, type HtbOptions, type HtbRequest } from './htb.ts';
import { detach } from './index.ts';
import { withRoute } from './namespace.ts';

/** 10 Mbit/s. */
const OPTIONS: HtbOptions = {
  rateBytesPerSecond: 1_250_000n,
  burstNanoseconds: 64_000_000n,
  mice: {
    rateBytesPerSecond: 1_093_750n,
    burstNanoseconds: 32_000_000n,
    burstBesideCutNanoseconds: 96_000_000n,
    limitBytes: 1_000_000n,
  },
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

/** Of its namespace, and of the host's end of its veth pair. */
const nameOf = ({ netns }: Pod): string => netns.split('/').pop()!;
const tc = (...words: string[]): string => execFileSync('tc', ['-n', nameOf(pod), ...words]).toString();
const qdiscs = (): unknown => withRoute(pod.netns, (socket) => listQdiscs(socket, pod.podIfindex));

/** UDP from the host's end. SOL_SOCKET, SO_PRIORITY, SOL_UDP and UDP_SEGMENT by number: Perl has no names for all of them. */
const send = (what: {
  readonly bytes: number;
  readonly segmentBytes?: number;
  readonly priority?: number;
}): void => {
  const { bytes, segmentBytes = 0, priority = 0 } = what;
  const script = `use Socket; socket(S, PF_INET, SOCK_DGRAM, 0);
    setsockopt(S, 1, 12, pack('i', ${priority})) or die; setsockopt(S, 17, 103, pack('i', ${segmentBytes})) or die;
    send(S, 'x' x ${bytes}, 0, pack_sockaddr_in(9, inet_aton('${pod.podAddress}'))) or die`;
  execFileSync('perl', ['-e', script], { stdio: 'pipe' });
};

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

describe('of a class whose flows take turns', () => {
  const turns = { ...OPTIONS, heavy: { ...OPTIONS.heavy, wholeBytes: 16_384 } };
  const shown = (): string => tc('qdisc', 'show', 'dev', 'eth0');
  const TBF = /qdisc tbf 6e75: parent 6e74:30 rate \S+ burst/;
  const ONE_QUEUE = /qdisc bfifo \w+: parent 6e74:30 limit 500000b/;
  const burstOfMice = (): string | undefined =>
    / burst (\w+)/.exec(tc('class', 'show', 'dev', 'eth0', 'classid', '6e74:20'))?.[1];

  it('GSO packets are cut into their segments before they wait', async () => {
    for (const [options, packets] of [
      [OPTIONS, 1],
      [turns, 20],
    ] as const) {
      const attachment = attachHtb({ ifindex: pod.hostIfindex, options });
      const before = pod.received();
      send({ bytes: 20_000, segmentBytes: 1000 });
      await expect.poll(() => pod.received() - before).toBe(packets);
      detachHtb(attachment);
    }
  });

  it('they take turns by the packet where that is asked for and the kernel has fq, else by the segment', async () => {
    const options = { ...turns, heavy: { ...turns.heavy, keepsWhole: true } };
    const attachment = attachHtb({ ifindex: pod.hostIfindex, options });
    const device = execFileSync('tc', ['qdisc', 'show', 'dev', nameOf(pod)]).toString();
    const inClass = /^qdisc (\w+) \w+: parent 6e74:30/m.exec(device)?.[1];
    expect(inClass).toBe(device.includes('qdisc fq ') ? 'fq' : 'tbf');
    const before = pod.received();
    send({ bytes: 20_000, segmentBytes: 1000 });
    await expect.poll(() => pod.received() - before).toBe(inClass === 'fq' ? 1 : 20);
    detachHtb(attachment);
  });

  it("the queue is another one, is changed in place, and gives way to one for all, and the mice's bucket with it", () => {
    attachHtb({ ...request, options: turns });
    expect(shown()).toMatch(TBF);
    expect(burstOfMice()).toBe('105000b');
    changeHtb({ ...request, options: turns });
    expect(shown()).toMatch(TBF);
    changeHtb(request);
    expect(shown()).not.toMatch(TBF);
    expect(shown()).toMatch(ONE_QUEUE);
    expect(burstOfMice()).toBe('35000b');
    changeHtb({ ...request, options: turns });
    expect(shown()).toMatch(TBF);
  });

  it('it gives way to one that keeps packets whole where the kernel has fq, and comes back, and so the bucket', () => {
    const whole = { ...turns, heavy: { ...turns.heavy, keepsWhole: true } };
    attachHtb({ ...request, options: whole });
    const made = shown();
    const hasFq = made.includes('qdisc fq ');
    for (let round = 0; round < 2; round++) {
      changeHtb({ ...request, options: whole });
      expect(shown()).toBe(made);
      expect(made).toMatch(hasFq ? /qdisc fq \w+: parent 6e74:30/ : TBF);
      expect(burstOfMice()).toBe(hasFq ? '35000b' : '105000b');
      if (round === 0) changeHtb({ ...request, options: turns });
    }
  });

  it('a change to the same keeps what waits in it', async () => {
    // The first packet, which may be one of IPv6, is paid for with seconds at least.
    const slow = { ...turns, rateBytesPerSecond: 16n, burstNanoseconds: 1_000_000n };
    const heavy = { ...slow.heavy, rateBytesPerSecond: 8n, burstNanoseconds: 1_000_000n };
    const options = { ...slow, heavy, mice: { ...slow.mice, rateBytesPerSecond: 8n } };
    const arrived = pod.received();
    pod.sendFromHost(1000);
    await expect.poll(() => pod.received()).toBeGreaterThan(arrived);
    attachHtb({ ...request, options });
    for (let count = 0; count < 10; count++) pod.sendFromPod(1000);
    const waiting = () =>
      /qdisc tbf 6e75: [\s\S]*?dropped (\d+),[\s\S]*?backlog \d+K?b (\d+)p/
        .exec(tc('-s', 'qdisc', 'show', 'dev', 'eth0'))
        ?.slice(1)
        .map(Number);
    const before = waiting();
    expect(before?.[1]).toBeGreaterThan(3);
    changeHtb({ ...request, options });
    expect(waiting()).toEqual(before);
  });

  it('there is one queue for all where a packet of the device may be larger than what is cut', () => {
    execFileSync('ip', ['-n', nameOf(pod), 'link', 'set', 'eth0', 'mtu', '16200']);
    attachHtb({ ...request, options: turns });
    expect(shown()).toMatch(ONE_QUEUE);
    expect(burstOfMice()).toBe('35000b');
  });

  it('there is one queue for all where the kernel has no tbf', () => {
    let requests = 0;
    const enoent = -2;
    // The root is looked for and made, then two classes; the fifth asks for the MTU.
    setSyscallHook((name) => {
      if (name !== 'sendto') return undefined;
      requests += 1;
      return requests === 6 ? enoent : undefined;
    });
    attachHtb({ ...request, options: turns });
    expect(shown()).toMatch(ONE_QUEUE);
    expect(burstOfMice()).toBe('35000b');
  });
});

it('sends what names HTB itself past the classes', () => {
  attachHtb({ ifindex: pod.hostIfindex, options: OPTIONS });
  send({ bytes: 1000, priority: ROOT_HANDLE });
  const shown = execFileSync('tc', ['-s', '-d', 'qdisc', 'show', 'dev', nameOf(pod)]).toString();
  expect(shown).toMatch(/qdisc htb 6e74: root .*direct_packets_stat 1/);
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
