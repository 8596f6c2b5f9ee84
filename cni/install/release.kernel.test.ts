/** Uninstalling while Pods are limited for real. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { setSyscallHook } from '../../loader/index.ts';
import type { Node } from '../node.ts';
import { operate, type Told } from '../testing/acts.ts';
import { captured, forPod, make, withKeys } from '../testing/calls.ts';
import type { TestPod } from '../testing/pod.ts';
import { podOnNode } from '../testing/pod-on-node.ts';
import { run } from '../testing/shell.ts';
import { leftovers, type Snapshot, snapshot } from '../testing/snapshot.ts';

let pod: TestPod;
let node: Node;
let before: Snapshot;

beforeEach(() => {
  const made = podOnNode('left');
  ({ pod, node, before } = made);
  expect(make(forPod(captured('ctrd1.7-ADD-full'), pod), node)).toMatchObject({ exitCode: 0 });
  return () => {
    make(forPod(captured('ctrd1.7-DEL1'), pod), node);
    made.remove();
  };
});

function uninstall(...more: string[]): Promise<Told> {
  const folders = [`--cni-bin-dir=${node.stateDirectory}/none`, `--conf-dir=${node.stateDirectory}/none`];
  return operate(['uninstall', ...folders, ...more], node);
}

test('a Pod stays limited, and the operator hears of it', async () => {
  const limited = snapshot(pod, node);
  expect(await uninstall()).toMatchObject({
    status: 0,
    out: expect.stringContaining('limits that stay until their Pods end: 1; --release'),
  });
  expect(snapshot(pod, node)).toEqual(limited);
});

test('with --release nothing of natra is left on the node', async () => {
  expect(await uninstall('--release')).toMatchObject({
    status: 0,
    error: '',
    out: expect.stringContaining('limits taken off: 1 of 1'),
  });
  await expect.poll(() => leftovers(before, snapshot(pod, node)), { timeout: 10_000 }).toBeUndefined();
});

test('with --release what is taken off is what is on record by then, as another call may have left it', async () => {
  const [name = ''] = snapshot(pod, node).state;
  const path = join(node.stateDirectory, name);
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(text), directions: {} }));
  setSyscallHook((call) => {
    if (call === 'flock') writeFileSync(path, text);
    return undefined;
  });
  expect(await uninstall('--release')).toMatchObject({ status: 0, error: '' });
  await expect.poll(() => leftovers(before, snapshot(pod, node)), { timeout: 10_000 }).toBeUndefined();
});

test.each([
  ['tcx', 'host'],
  ['tcx', 'pod'],
  ['clsact', 'host'],
  ['clsact', 'pod'],
  ['clsact', 'auto'],
])(
  'with --release limits go of which the record was lost, in mode %s on the %s end',
  async (attachMode, attachSide) => {
    make(forPod(captured('ctrd1.7-DEL1'), pod), node);
    run(`tc qdisc add dev ${pod.hostDevice} clsact`);
    run(`tc -n ${pod.netns} qdisc add dev ${pod.ifname} clsact`);
    before = snapshot(pod, node);
    const call = withKeys(forPod(captured('ctrd1.7-ADD-full'), pod), { attachMode, attachSide });
    expect(make(call, node)).toMatchObject({ exitCode: 0 });
    const [name = ''] = snapshot(pod, node).state;
    renameSync(join(node.stateDirectory, name), join(node.stateDirectory, `${name}.damaged`));
    expect(await uninstall('--release')).toMatchObject({
      status: 0,
      error: '',
      out: expect.stringContaining('limits taken off: 1 of 1'),
    });
    await expect.poll(() => leftovers(before, snapshot(pod, node)), { timeout: 10_000 }).toBeUndefined();
  },
);
