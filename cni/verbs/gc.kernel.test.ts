/** GC against attachments, records and pins of the running kernel. */
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { setSyscallHook } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { perform } from '../testing/acts.ts';
import { type CapturedCall, captured, forPod, make, withKeys } from '../testing/calls.ts';
import { nameProgramsAs010 } from '../testing/pins.ts';
import type { TestPod } from '../testing/pod.ts';
import { podOnNode } from '../testing/pod-on-node.ts';
import { run } from '../testing/shell.ts';
import { attachedPrograms, leftInTheEnd, type Snapshot, snapshot } from '../testing/snapshot.ts';

let pod: TestPod;
let node: Node;
let before: Snapshot;

beforeEach(() => {
  const made = podOnNode('gc');
  ({ pod, node, before } = made);
  return made.remove;
});

const nothingIsLeft = async (): Promise<void> =>
  expect(await leftInTheEnd(before, pod, node)).toBeUndefined();

const ok = { exitCode: 0 };
const NOTHING_IS_VALID = withKeys(captured('cnitool1.3-cni1.1-GC'), { 'cni.dev/valid-attachments': [] });

describe.each(['tcx', 'clsact'])('in mode %s', (attachMode) => {
  const calls = (name: string): CapturedCall => withKeys(forPod(captured(name), pod), { attachMode });

  test('GC leaves an attachment that another call has made anew since GC looked', async () => {
    expect(make(calls('cnitool1.3-cni1.1-ADD'), node)).toMatchObject(ok);
    const [name = ''] = readdirSync(node.stateDirectory).filter((each) => each.endsWith('.json'));
    const path = join(node.stateDirectory, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, JSON.stringify({ ...JSON.parse(text), netns: '/run/netns/natra-gone' }));
    // GC has read the records by then.
    setSyscallHook((syscall) => {
      if (syscall === 'flock') writeFileSync(path, text);
      return undefined;
    });
    expect(make(captured('cnitool1.3-cni1.1-GC'), node)).toMatchObject(ok);
    setSyscallHook(undefined);
    expect(attachedPrograms(pod)).toHaveLength(2);
    expect(make(calls('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
    await nothingIsLeft();
  });

  test('GC leaves pins of which there is a record by the time that it has their lock', () => {
    expect(make(calls('cnitool1.3-cni1.1-ADD'), node)).toMatchObject(ok);
    const [name = ''] = snapshot(pod, node).state;
    const path = join(node.stateDirectory, name);
    const text = readFileSync(path, 'utf8');
    rmSync(path);
    pod.destroy();
    setSyscallHook((syscall) => {
      if (syscall === 'flock') writeFileSync(path, text);
      return undefined;
    });
    expect(make(NOTHING_IS_VALID, node)).toEqual({ stdout: '', ...ok });
    setSyscallHook(undefined);
    expect(snapshot(pod, node)).toMatchObject({ state: [name], pins: [expect.any(String)] });
    expect(make(NOTHING_IS_VALID, node)).toEqual({ stdout: '', ...ok });
    expect(snapshot(pod, node)).toMatchObject({ state: [], pins: [], links: [] });
  });

  test('GC keeps what is valid and takes the rest of its network', async () => {
    expect(make(calls('cnitool1.3-cni1.1-ADD'), node)).toMatchObject(ok);
    const { env, stdin } = captured('cnitool1.3-cni1.1-GC');
    const collect = (list?: unknown, name = stdin.name): void => {
      const attachments = list === undefined ? {} : { 'cni.dev/valid-attachments': list };
      expect(make({ env, stdin: { ...stdin, name, ...attachments } }, node)).toEqual({ stdout: '', ...ok });
    };
    const own = { containerID: 'cnitool-23a83088ea42b940f5fd', ifname: pod.ifname };
    collect();
    collect([own]);
    collect([], 'another-network');
    expect(snapshot(pod, node).state).toHaveLength(1);
    collect([]);
    await nothingIsLeft();
  });
});

describe.each([
  ['tcx', 'host'],
  ['tcx', 'pod'],
  ['clsact', 'host'],
  ['clsact', 'pod'],
])('in mode %s on the %s end a record that GC cannot read', (attachMode, attachSide) => {
  const call = (name: string): CapturedCall =>
    withKeys(forPod(captured(name), pod), { attachMode, attachSide });
  const gc = (): void => expect(make(NOTHING_IS_VALID, node)).toEqual({ stdout: '', ...ok });
  const add = (): string => {
    expect(make(call('cnitool1.3-cni1.1-ADD'), node)).toMatchObject(ok);
    const [name = ''] = snapshot(pod, node).state;
    return name;
  };
  const write = (name: string, text: string) => writeFileSync(join(node.stateDirectory, name), text);

  test('is set aside where it is damaged, its limits stay in force, and DEL takes all of it', async () => {
    const name = add();
    write(name, '{"format":1');
    gc();
    expect(snapshot(pod, node).state).toEqual([`${name}.damaged`]);
    gc();
    expect(attachedPrograms(pod)).toHaveLength(2);
    expect(make(call('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
    if (attachMode === 'clsact')
      before = { ...before, traffic: `${before.traffic}\nqdisc clsact ffff0000 parent fffffff1` };
    await nothingIsLeft();
  });

  test('is gone with its pins once the devices are', () => {
    write(add(), 'garbled');
    gc();
    expect(snapshot(pod, node).pins).not.toEqual([]);
    pod.destroy();
    gc();
    expect(snapshot(pod, node)).toMatchObject({ state: [], pins: [], programs: [], maps: [], links: [] });
  });

  test('of natra 0.1.0, whose pins name no device, is gone where links tell of it, and else stays for DEL', () => {
    const name = add();
    nameProgramsAs010(node.pinDirectory);
    write(name, 'garbled');
    pod.destroy();
    gc();
    const gone = { state: [], pins: [], programs: [], maps: [], links: [] };
    if (attachMode === 'tcx') expect(snapshot(pod, node)).toMatchObject(gone);
    else expect(snapshot(pod, node).state).toEqual([`${name}.damaged`]);
    expect(make(call('cnitool1.3-cni1.1-DEL'), node)).toMatchObject(ok);
    expect(snapshot(pod, node)).toMatchObject(gone);
  });

  test('is gone with its pins once the devices are, also after a change of its limits', async () => {
    const name = add();
    expect(await perform(['set', 'cnitool', '--ingress-rate=5M', '--egress-rate=20M'], node)).toMatchObject(
      ok,
    );
    write(name, 'garbled');
    pod.destroy();
    gc();
    expect(snapshot(pod, node)).toMatchObject({ state: [], pins: [], programs: [], maps: [], links: [] });
  });

  if (attachMode === 'tcx')
    test('stays as long as its links have their devices, whatever is at the path', () => {
      write(add(), 'garbled');
      const namespace = openSync(pod.netnsPath, 'r');
      pod.removeNetns();
      gc();
      gc();
      expect(snapshot(pod, node)).toMatchObject({
        pins: [expect.any(String)],
        links: [expect.any(Number), expect.any(Number)],
      });
      closeSync(namespace);
      pod.destroy();
      gc();
      expect(snapshot(pod, node)).toMatchObject({ state: [], pins: [], links: [] });
    });

  if (attachMode === 'clsact' && attachSide === 'host')
    test('stays as long as one of its directions has its device', async () => {
      const third = `${pod.netns}-t`;
      const onBothEnds = withKeys(forPod(captured('cnitool1.3-cni1.1-ADD'), pod), {
        attachMode,
        edtPacing: 'off',
      });
      run(`ip netns add ${third}`);
      try {
        expect(make(onBothEnds, node)).toMatchObject(ok);
        const [name = ''] = snapshot(pod, node).state;
        write(name, 'garbled');
        run(`ip link set ${pod.hostDevice} netns ${third}`);
        gc();
        expect(snapshot(pod, node)).toMatchObject({ state: [`${name}.damaged`], pins: [expect.any(String)] });
      } finally {
        run(`ip netns del ${third}`);
      }
      // The kernel takes down a namespace, and the devices in it, once its name is gone.
      const inPod = () => run(`ip -n ${pod.netns} link show`);
      await expect.poll(inPod, { timeout: 10_000, interval: 5 }).not.toContain(pod.ifname);
      gc();
      expect(snapshot(pod, node)).toMatchObject({ state: [], pins: [] });
    });

  test('stays where a newer natra wrote it', async () => {
    const name = add();
    const sound = readFileSync(join(node.stateDirectory, name), 'utf8');
    write(name, sound.replace('"format":1', '"format":2'));
    gc();
    expect(snapshot(pod, node).state).toEqual([name]);
    write(name, sound);
    gc();
    await nothingIsLeft();
  });
});

test('GC goes on past an attachment that it cannot release', async () => {
  const call = forPod(captured('cnitool1.3-cni1.1-ADD'), pod);
  for (const id of ['first', 'second'])
    expect(make({ ...call, env: { ...call.env, CNI_CONTAINERID: id } }, node)).toMatchObject(ok);
  let asked = 0;
  setSyscallHook((name) => (name === 'unlinkat' && asked++ === 0 ? -constants.errno.EPERM : undefined));
  const { exitCode, stdout } = make(NOTHING_IS_VALID, node);
  setSyscallHook(undefined);
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 101,
    details: expect.stringMatching(/^first-eth0: .*EPERM/),
  });
  expect(snapshot(pod, node).state).toEqual(['first-eth0.json']);
  expect(make(NOTHING_IS_VALID, node)).toEqual({ stdout: '', ...ok });
  await nothingIsLeft();
});

test("GC goes on where the kernel doesn't list the pins, and tells all that failed", async () => {
  expect(make(forPod(captured('cnitool1.3-cni1.1-ADD'), pod), node)).toMatchObject(ok);
  const [name] = snapshot(pod, node).state;
  writeFileSync(join(node.stateDirectory, 'unfinished-eth0.json.tmp'), '{');
  setSyscallHook((call) => (call === 'getdents64' ? -constants.errno.EIO : undefined));
  const { exitCode, stdout } = make(NOTHING_IS_VALID, node);
  setSyscallHook(undefined);
  expect(exitCode).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    code: 101,
    details: expect.stringMatching(/-eth0: .*EIO.*; pins: .*EIO/),
  });
  expect(snapshot(pod, node).state).toEqual([name]);
  expect(make(NOTHING_IS_VALID, node)).toEqual({ stdout: '', ...ok });
  await nothingIsLeft();
});
