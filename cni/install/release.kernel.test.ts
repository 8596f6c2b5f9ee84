/** Uninstalling while Pods are limited for real. */
import { beforeEach, expect, test } from 'vitest';
import type { Node } from '../node.ts';
import { operate, type Told } from '../testing/acts.ts';
import { captured, forPod, make } from '../testing/calls.ts';
import type { TestPod } from '../testing/pod.ts';
import { podOnNode } from '../testing/pod-on-node.ts';
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
