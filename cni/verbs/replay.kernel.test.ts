/** The captured calls of kubelet, containerd and cnitool against namespaces and veths of the running kernel. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { COMMAND } from '../../loader/bpf/call.ts';
import { listIds, removeFile, type SyscallName, setSyscallHook } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { table } from '../status/command.ts';
import { statusOf } from '../status/node-status.ts';
import { type CapturedCall, captured, forPod, make } from '../testing/calls.ts';
import { passingObject, refusedAt, refusedObject, withOtherSettings } from '../testing/objects.ts';
import { programPin } from '../testing/pins.ts';
import type { TestPod } from '../testing/pod.ts';
import { podOnNode } from '../testing/pod-on-node.ts';
import { run } from '../testing/shell.ts';
import { attachedPrograms, leftInTheEnd, leftovers, type Snapshot, snapshot } from '../testing/snapshot.ts';

let pod: TestPod;
let node: Node;
let log: string[];
let before: Snapshot;

beforeEach(() => {
  log = [];
  const made = podOnNode('test', (message) => log.push(message));
  ({ pod, node, before } = made);
  return made.remove;
});

const nothingIsLeft = async (): Promise<void> =>
  expect(await leftInTheEnd(before, pod, node)).toBeUndefined();

const ok = { exitCode: 0 };
const inMode = (call: CapturedCall, attachMode: string): CapturedCall => ({
  ...call,
  stdin: { ...call.stdin, attachMode },
});

const withLimits = ({ env, stdin }: CapturedCall, bandwidth: object): CapturedCall => ({
  env,
  stdin: { ...stdin, runtimeConfig: { bandwidth } },
});

const isLoad = (name: SyscallName, args: readonly number[]): boolean =>
  name === 'bpf' && args[0] === COMMAND.programLoad;

const closed = (call: CapturedCall): CapturedCall => ({
  ...call,
  stdin: { ...call.stdin, failurePolicy: 'closed' },
});

describe.each(['tcx', 'clsact'])('in mode %s', (mode) => {
  const calls = (name: string): CapturedCall => inMode(forPod(captured(name), pod), mode);

  test.each([
    ['kubelet1.36-ctrd2.2-cni1.1-ADD', 'kubelet1.36-ctrd2.2-cni1.1-DEL-with-netns'],
    ['ctrd1.7-ADD-full', 'ctrd1.7-DEL1'],
    ['cnitool1.3-cni1.1-ADD', 'cnitool1.3-cni1.1-DEL'],
  ])('%s limits both directions and %s takes all of it away', async (added, deleted) => {
    const call = calls(added);
    const outcome = make(call, node);
    expect(outcome).toMatchObject(ok);
    expect(JSON.parse(outcome.stdout)).toEqual(call.stdin.prevResult);
    const made = leftovers(before, snapshot(pod, node));
    expect(made?.programs?.length).toBeGreaterThanOrEqual(2);
    expect(made).toMatchObject({ pins: [expect.any(String)], state: [expect.any(String)] });

    expect(make(calls(deleted), node)).toEqual({ stdout: '', ...ok });
    await nothingIsLeft();
  });

  test('an ADD right behind a DEL has each limit once, and the end of the Pod takes away what DEL let go', async () => {
    const call = calls('cnitool1.3-cni1.1-ADD');
    expect(make(call, node)).toMatchObject(ok);
    expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
    expect(make(call, node)).toMatchObject(ok);
    expect(make(calls('cnitool1.3-cni1.1-CHECK'), node)).toEqual({ stdout: '', ...ok });
    const attached = () => attachedPrograms(pod);
    await expect.poll(attached, { timeout: 10_000, interval: 5 }).toEqual(['natra_egress', 'natra_ingress']);

    const { programs = [], links = [] } = leftovers(before, snapshot(pod, node)) ?? {};
    expect(programs).toHaveLength(2);
    expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
    run(`ip link del ${pod.hostDevice}`);
    const alive = () => [
      ...listIds('program').filter((id) => programs.includes(id)),
      ...listIds('link').filter((id) => links.includes(id)),
    ];
    await expect.poll(alive, { timeout: 10_000, interval: 5 }).toEqual([]);
  });

  test('one direction alone', async () => {
    expect(make(calls('ctrd1.7-ADD-ingress-only'), node)).toMatchObject(ok);
    expect(log.join('\n')).toContain('ingress 1000000000 bits/s');
    expect(log.join('\n')).not.toContain('egress 1');
    const { env, stdin } = calls('ctrd1.7-ADD-ingress-only');
    expect(make({ env: { ...env, CNI_COMMAND: 'DEL' }, stdin }, node)).toMatchObject(ok);
    await nothingIsLeft();
  });

  test('without limits nothing is touched', () => {
    expect(make(calls('ctrd1.7-ADD-noannot'), node)).toMatchObject(ok);
    expect(leftovers(before, snapshot(pod, node))).toBeUndefined();
  });

  test('CHECK passes after ADD and says what is missing after DEL', async () => {
    expect(make(calls('cnitool1.3-cni1.1-ADD'), node)).toMatchObject(ok);
    expect(make(calls('cnitool1.3-cni1.1-CHECK'), node)).toEqual({ stdout: '', ...ok });
    expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
    const checked = make(calls('cnitool1.3-cni1.1-CHECK'), node);
    expect(checked.exitCode).toBe(1);
    expect(JSON.parse(checked.stdout)).toMatchObject({
      code: 102,
      details: expect.stringContaining('no record'),
    });
    await nothingIsLeft();
  });

  test('CHECK sees another limit than the one in force', async () => {
    expect(make(calls('cnitool1.3-cni1.1-ADD'), node)).toMatchObject(ok);
    const { env, stdin } = calls('cnitool1.3-cni1.1-CHECK');
    const bandwidth = { ingressRate: 5_000_000, ingressBurst: 2_000_000 };
    const checked = make({ env, stdin: { ...stdin, runtimeConfig: { bandwidth } } }, node);
    expect(JSON.parse(checked.stdout).details).toMatch(/ingress: .*10000000.*5000000.*egress/s);
    expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
    await nothingIsLeft();
  });

  test('a repeated ADD finds its limits in force and leaves them so', async () => {
    const call = calls('kubelet1.36-ctrd2.2-cni1.1-ADD');
    expect(make(call, node)).toMatchObject(ok);
    const once = snapshot(pod, node);
    expect(make(call, node)).toMatchObject(ok);
    expect(snapshot(pod, node)).toEqual(once);
    expect(log.join('\n')).toMatch(/ingress \d+ bits\/s: in force already.*egress/s);
    expect(make(calls('kubelet1.36-ctrd2.2-cni1.1-DEL-with-netns'), node)).toMatchObject(ok);
    await nothingIsLeft();
  });

  test.each([
    ['without limits', {}, '{', 0],
    ['with others', { ingressRate: 5e6, egressRate: 20e6 }, '{', 2],
    ['with others', { ingressRate: 5e6, egressRate: 20e6 }, undefined, 2],
  ])(
    'a repeated ADD %s leaves none of the former, whatever became of the record',
    async (_, bandwidth, text, programs) => {
      const { env, stdin } = calls('cnitool1.3-cni1.1-ADD');
      expect(make({ env, stdin }, node)).toMatchObject(ok);
      const [record = ''] = readdirSync(node.stateDirectory).filter((name) => name.endsWith('.json'));
      if (text === undefined) rmSync(join(node.stateDirectory, record));
      else writeFileSync(join(node.stateDirectory, record), text);
      expect(make({ env, stdin: { ...stdin, runtimeConfig: { bandwidth } } }, node)).toMatchObject(ok);
      await expect.poll(() => attachedPrograms(pod), { timeout: 10_000 }).toHaveLength(programs);
      expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
      // Nobody knows any more who made a clsact qdisc.
      await expect.poll(() => attachedPrograms(pod), { timeout: 10_000 }).toEqual([]);
      expect(leftovers(before, snapshot(pod, node))?.pins).toBeUndefined();
    },
  );

  describe('a repeated ADD with', () => {
    const add = () => calls('cnitool1.3-cni1.1-ADD');
    const other = { ingressRate: 5e6, ingressBurst: 2e6, egressRate: 20e6, egressBurst: 4e6 };
    const check = (limits: object) => make(withLimits(calls('cnitool1.3-cni1.1-CHECK'), limits), node);
    afterEach(async () => {
      expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
      await nothingIsLeft();
    });

    test('other limits changes them where they are, with another program behind the same link or filter', () => {
      expect(make(add(), node)).toMatchObject(ok);
      const first = snapshot(pod, node);
      expect(make(withLimits(add(), other), node)).toMatchObject(ok);
      const second = snapshot(pod, node);
      expect(second.links).toEqual(first.links);
      expect(second.programs).toHaveLength(2);
      expect(second.programs.filter((id) => first.programs.includes(id))).toEqual([]);
      expect(second.pins).toEqual(first.pins);
      expect(check(other)).toEqual({ stdout: '', ...ok });
      expect(run(`tc class show dev ${pod.hostDevice}`)).toContain('rate 5Mbit');
    });

    test('one direction less takes that one away and leaves the other', () => {
      const both = snapshot(pod, node);
      expect(make(add(), node)).toMatchObject(ok);
      const { programs } = snapshot(pod, node);
      for (const limits of [
        { ingressRate: 10e6, ingressBurst: 2e6 },
        { egressRate: 10e6, egressBurst: 2e6 },
      ]) {
        expect(make(withLimits(add(), limits), node)).toMatchObject(ok);
        expect(snapshot(pod, node).programs).toHaveLength(1);
        expect(check(limits)).toEqual({ stdout: '', ...ok });
      }
      expect(programs).toHaveLength(2);
      expect(both.programs).toEqual([]);
    });

    test('no limits takes all away', async () => {
      expect(make(add(), node)).toMatchObject(ok);
      expect(make(withLimits(add(), {}), node)).toMatchObject(ok);
      await nothingIsLeft();
    });

    test('another way to attach makes the limits anew', () => {
      expect(make(add(), node)).toMatchObject(ok);
      const elsewhere = inMode(add(), mode === 'tcx' ? 'clsact' : 'tcx');
      expect(make(elsewhere, node)).toMatchObject(ok);
      expect(snapshot(pod, node).links).toHaveLength(mode === 'tcx' ? 0 : 2);
      expect(make(calls('cnitool1.3-cni1.1-CHECK'), node)).toEqual({ stdout: '', ...ok });
    });

    test('other limits that fails before it changes anything leaves the former ones, and says so', async () => {
      expect(make(add(), node)).toMatchObject(ok);
      const first = snapshot(pod, node);
      let opened = 0;
      // The first socket of the call looks for the devices.
      setSyscallHook((name) => (name === 'socket' && opened++ === 0 ? -constants.errno.ENOMEM : undefined));
      expect(make(withLimits(add(), other), node)).toMatchObject(ok);
      setSyscallHook(undefined);
      expect(snapshot(pod, node)).toEqual(first);
      expect(log.at(-1)).toMatch(/the Pod runs on with its former limits \(ingress and egress\).*ENOMEM/);
      const { details } = JSON.parse(check(other).stdout);
      expect(details).toMatch(
        /ingress: the rate .* in force is 10000000.*runs on with its former limits.*ENOMEM/,
      );
      expect(table(await statusOf(node, 0), false)).toMatch(
        /^LIMITED AS BEFORE \(ingress and egress\): .*ENOMEM/m,
      );
    });

    describe('a program that is refused', () => {
      const inForce = async () =>
        (await statusOf(node, 0)).limits.map(({ direction, capBitsPerSecond, faults }) => ({
          direction,
          capBitsPerSecond,
          faults,
        }));
      const [ingress, egress] = (['ingress', 'egress'] as const).map((direction) => ({
        direction,
        capBitsPerSecond: 10e6,
        faults: [],
      }));

      test('after another was put in its place goes back to both former limits', async () => {
        expect(make(add(), node)).toMatchObject(ok);
        const { links } = snapshot(pod, node);
        expect(
          make(withLimits(add(), other), { ...node, objectFile: refusedAt(other.egressRate) }),
        ).toMatchObject(ok);
        expect(await inForce()).toEqual([ingress, egress]);
        expect(snapshot(pod, node).links).toEqual(links);
        expect(run(`tc class show dev ${pod.hostDevice}`)).toContain('rate 10Mbit');
        expect(log.at(-1)).toMatch(/runs on with its former limits \(ingress and egress\).*R0 !read_ok/s);
      });

      test('for a direction more leaves the one that there is as it was', async () => {
        expect(make(withLimits(add(), { ingressRate: 10e6, ingressBurst: 2e6 }), node)).toMatchObject(ok);
        expect(
          make(closed(withLimits(add(), other)), { ...node, objectFile: refusedAt(other.egressRate) }),
        ).toMatchObject({ exitCode: 1 });
        expect(await inForce()).toEqual([ingress]);
        expect(check({ ingressRate: 10e6, ingressBurst: 2e6 })).toEqual({ stdout: '', ...ok });
      });

      test('at another place than the former one leaves nothing in force, and says so', async () => {
        expect(make(add(), node)).toMatchObject(ok);
        const elsewhere = inMode(add(), mode === 'tcx' ? 'clsact' : 'tcx');
        expect(make(elsewhere, { ...node, objectFile: refusedObject })).toMatchObject(ok);
        expect(await inForce()).toEqual([]);
        expect(log.at(-1)).toMatch(/runs without its limits.*R0 !read_ok/s);
      });
    });

    test('a limit that somebody took off makes it anew', () => {
      expect(make(add(), node)).toMatchObject(ok);
      run(`tc qdisc del dev ${pod.hostDevice} root`);
      expect(make(calls('cnitool1.3-cni1.1-CHECK'), node)).toMatchObject({ exitCode: 1 });
      expect(make(add(), node)).toMatchObject(ok);
      expect(make(calls('cnitool1.3-cni1.1-CHECK'), node)).toEqual({ stdout: '', ...ok });
    });
  });

  test('DEL twice, the second time with neither namespace nor result', async () => {
    expect(make(calls('ctrd1.7-ADD-full'), node)).toMatchObject(ok);
    expect(make(calls('ctrd1.7-DEL1'), node)).toMatchObject(ok);
    expect(make(calls('ctrd1.7-DEL2-empty-netns'), node)).toEqual({ stdout: '', ...ok });
    await nothingIsLeft();
  });

  test('DEL alone, with neither namespace nor result', async () => {
    expect(make(calls('kubelet1.36-ctrd2.2-cni1.1-ADD'), node)).toMatchObject(ok);
    pod.removeNetns();
    await expect.poll(() => linkExists(pod.hostDevice), { timeout: 10_000 }).toBe(false);
    expect(make(calls('kubelet1.36-ctrd2.2-cni1.1-DEL-no-netns-no-prevResult'), node)).toMatchObject(ok);
    before = { ...before, traffic: snapshot(pod, node).traffic };
    await nothingIsLeft();
  });

  test('DEL after a failed ADD', async () => {
    const refusing = { ...node, objectFile: refusedObject };
    const failed = make(closed(calls('kubelet1.36-ADD-failing')), refusing);
    expect(failed.exitCode).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      cniVersion: '1.1.0',
      code: 101,
      msg: 'load program failed: EACCES',
      details: expect.stringContaining('R0 !read_ok'),
    });
    await nothingIsLeft();
    expect(make(calls('kubelet1.36-DEL-after-failed-ADD'), node)).toEqual({ stdout: '', ...ok });
    await nothingIsLeft();
  });

  test('a second program that is refused takes the first with it', async () => {
    const call = withLimits(calls('ctrd1.7-ADD-full'), { ingressRate: 10e6, egressRate: 20e6 });
    const { exitCode, stdout } = make(closed(call), { ...node, objectFile: refusedAt(20e6) });
    expect(exitCode).toBe(1);
    expect(JSON.parse(stdout).details).toMatch(/load program natra_egress.*R0 !read_ok/s);
    await nothingIsLeft();
  });

  test('signals that end the verifier again and again keep no Pod from its limits', () => {
    let signals = 100;
    setSyscallHook((name, args) =>
      isLoad(name, args) && signals-- > 0 ? -constants.errno.EAGAIN : undefined,
    );
    expect(make(calls('ctrd1.7-ADD-full'), node)).toMatchObject(ok);
    setSyscallHook(undefined);
    expect(attachedPrograms(pod)).toHaveLength(2);
    expect(make(calls('ctrd1.7-DEL1'), node)).toMatchObject(ok);
  });

  test('signals without an end are told to the runtime as a reason to try again', async () => {
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => clock.mock.calls.length * 1000);
    setSyscallHook((name, args) => (isLoad(name, args) ? -constants.errno.EAGAIN : undefined));
    const failed = make(closed(calls('ctrd1.7-ADD-full')), node);
    setSyscallHook(undefined);
    clock.mockRestore();
    expect(failed.exitCode).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({ code: 11, msg: 'load program failed: EAGAIN' });
    await nothingIsLeft();
  });

  describe('under the failure policy "open", which is the default,', () => {
    test('a Pod whose program is refused starts; CHECK, status and the log say that it has no limits', async () => {
      const refusing = { ...node, objectFile: refusedObject };
      const call = calls('cnitool1.3-cni1.1-ADD');
      expect(make(call, refusing)).toMatchObject(ok);
      expect(JSON.parse(make(call, refusing).stdout)).toEqual(call.stdin.prevResult);
      expect(log.join('\n')).toMatch(/runs without its limits.*load program natra_ingress.*R0 !read_ok/s);
      const left = () => Object.keys(leftovers(before, snapshot(pod, node)) ?? {});
      await expect.poll(left, { timeout: 10_000 }).toEqual(['state']);

      const checked = make(calls('cnitool1.3-cni1.1-CHECK'), node);
      expect(checked.exitCode).toBe(1);
      expect(JSON.parse(checked.stdout).details).toMatch(/ingress: no limit is in force.*R0 !read_ok/s);
      const status = await statusOf(node, 0);
      expect(status.unlimited).toMatchObject([
        { interface: pod.ifname, wanted: { ingress: {}, egress: {} } },
      ]);
      expect(table(status, false)).toMatch(/NOT LIMITED: .*ingress 10Mbit\/s.*R0 !read_ok/s);

      expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
      await nothingIsLeft();
    });

    test('the next ADD puts the limits into force and forgets the failure', async () => {
      expect(make(calls('cnitool1.3-cni1.1-ADD'), { ...node, objectFile: refusedObject })).toMatchObject(ok);
      expect(make(calls('cnitool1.3-cni1.1-ADD'), node)).toMatchObject(ok);
      expect(make(calls('cnitool1.3-cni1.1-CHECK'), node)).toEqual({ stdout: '', ...ok });
      expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
      await nothingIsLeft();
    });

    test('a malformed configuration fails all the same', () => {
      const { env, stdin } = calls('ctrd1.7-ADD-full');
      const outcome = make({ env, stdin: { ...stdin, attachMode: 'xdp' } }, node);
      expect(JSON.parse(outcome.stdout)).toMatchObject({ code: 7 });
    });
  });

  test('an interface that is not there', async () => {
    const { env, stdin } = calls('ctrd1.7-ADD-full');
    const outcome = make({ env: { ...env, CNI_IFNAME: 'eth7' }, stdin }, node);
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      code: 100,
      msg: 'interface eth7 not found',
      details: expect.stringContaining('CNI_IFNAME is "eth7"'),
    });
    await nothingIsLeft();
  });
});

function linkExists(name: string): boolean {
  try {
    run(`ip link show ${name}`);
    return true;
  } catch {
    return false;
  }
}

test('DEL of a Pod that the plugin bandwidth limited takes the device it left, and no other', () => {
  // As Debian's bandwidth 1.1.1 names it for this network and container.
  const [left, other] = ['bwpa2533eda73cf', 'bwp000000000000'];
  for (const name of [left, other]) run(`ip link add ${name} type ifb`);
  try {
    const { env, stdin } = captured('ctrd1.7-bandwidth-ADD');
    const del = { env: { ...env, CNI_COMMAND: 'DEL', CNI_NETNS: '' }, stdin };
    expect(make(del, node)).toEqual({ stdout: '', ...ok });
    expect([left, other].map(linkExists)).toEqual([false, true]);
    expect(make(del, node)).toEqual({ stdout: '', ...ok });
  } finally {
    run(`ip link del ${other}`);
    if (linkExists(left)) run(`ip link del ${left}`);
  }
});

test('CHECK tells of a limit that is in force where none is asked for', () => {
  expect(make(forPod(captured('cnitool1.3-cni1.1-ADD'), pod), node)).toMatchObject(ok);
  const { env, stdin } = forPod(captured('cnitool1.3-cni1.1-CHECK'), pod);
  const { stdout } = make({ env, stdin: { ...stdin, runtimeConfig: {} } }, node);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 102,
    details: expect.stringMatching(
      /^ingress: a limit of \d+ bits\/s is in force, the configuration asks for none; egress: a limit/,
    ),
  });
  expect(make(forPod(captured('cnitool1.3-cni1.1-DEL'), pod), node)).toMatchObject(ok);
});

test("CHECK is content with what another release's program limits, whatever its settings mean", () => {
  const former = { ...node, objectFile: () => withOtherSettings(passingObject()) };
  const check = () => make(forPod(captured('cnitool1.3-cni1.1-CHECK'), pod), node);
  expect(make(forPod(captured('cnitool1.3-cni1.1-ADD'), pod), former)).toMatchObject(ok);
  expect(check()).toEqual({ stdout: '', ...ok });
  const key = `${join(node.pinDirectory, snapshot(pod, node).state[0]!.replace('.json', ''))}/egress`;
  removeFile(programPin(key));
  expect(JSON.parse(check().stdout)).toMatchObject({
    code: 102,
    details: "egress: the program's pin is missing",
  });
  expect(make(forPod(captured('cnitool1.3-cni1.1-DEL'), pod), node)).toMatchObject(ok);
});

test('a result before it that names no interface keeps no Pod from its limits', async () => {
  const { env, stdin } = forPod(captured('cnitool1.3-cni1.1-ADD'), pod);
  const prevResult = { cniVersion: '1.1.0', ips: [] };
  const outcome = make({ env, stdin: { ...stdin, prevResult } }, node);
  expect(outcome).toEqual({ stdout: JSON.stringify(prevResult), ...ok });
  expect((await statusOf(node, 0)).limits).toHaveLength(2);
  expect(make(forPod(captured('cnitool1.3-cni1.1-DEL'), pod), node)).toMatchObject(ok);
  await nothingIsLeft();
});

test.each(['kubelet1.36-ctrd2.2-cni1.1-STATUS', 'cnitool1.3-cni1.1-STATUS'])('%s is content', (name) => {
  expect(make(captured(name), node)).toEqual({ stdout: '', ...ok });
});

test.each(['ADD', 'CHECK'])('%s refuses a namespace of another kind, be the failure policy open', (verb) => {
  const { env, stdin } = forPod(captured('cnitool1.3-cni1.1-ADD'), pod);
  const call = { env: { ...env, CNI_COMMAND: verb, CNI_NETNS: '/proc/self/ns/pid' }, stdin };
  const { exitCode, stdout } = make(call, node);
  expect({ exitCode, ...JSON.parse(stdout) }).toMatchObject({
    exitCode: 1,
    code: 8,
    details: expect.stringContaining('not a network namespace'),
  });
});

test('two interfaces of one container are two attachments', async () => {
  run(`ip -n ${pod.netns} link add net1 type veth peer name peer1`);
  const first = forPod(captured('ctrd1.7-ADD-full'), pod);
  const second = { ...first, env: { ...first.env, CNI_IFNAME: 'net1' } };
  before = snapshot(pod, node);
  expect(make(first, node)).toMatchObject(ok);
  const one = snapshot(pod, node);
  expect(make(second, node)).toMatchObject(ok);
  const del = ({ env, stdin }: CapturedCall) => make({ env: { ...env, CNI_COMMAND: 'DEL' }, stdin }, node);
  expect(del(second)).toMatchObject(ok);
  expect(await leftInTheEnd(one, pod, node)).toBeUndefined();
  expect(snapshot(pod, node).state).toEqual(one.state);
  expect(del(first)).toMatchObject(ok);
  await nothingIsLeft();
});
