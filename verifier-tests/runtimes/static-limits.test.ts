/**
 * natra under runtimes that hand no limits over: `ctr run --cni` and podman. The limits stand in the list, where an
 * operator has written them for `bandwidth`, in whose place `natra install` has put natra.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildExecutable } from '../../cni/testing/build.ts';
import { expectRates, MEGABIT } from './caps.ts';
import { Containerd, missingForContainerd } from './containerd.ts';
import { CtrContainer } from './ctr.ts';
import { makeRuntimeNode, type RuntimeNode, recordsOn, statusOn } from './node.ts';
import { alive, pinnedObjects } from './objects.ts';
import { missingForPodman, Podman } from './podman.ts';
import { measure } from './traffic.ts';

const CAPS = { ingress: 10 * MEGABIT, egress: 20 * MEGABIT };
const LIMITS = {
  ingressRate: CAPS.ingress,
  ingressBurst: 2 * MEGABIT,
  egressRate: CAPS.egress,
  egressBurst: 4 * MEGABIT,
};
const SECONDS = 2;

const missing = missingForContainerd() ?? missingForPodman();
let node: RuntimeNode;
let containerd: Containerd;
let podman: Podman;
let container: CtrContainer;

beforeAll(async () => {
  if (missing !== undefined) return;
  buildExecutable();
  node = makeRuntimeNode(LIMITS);
  containerd = new Containerd(node);
  await containerd.start();
  containerd.importImage();
  podman = new Podman(node);
});
afterAll(async () => {
  try {
    await container?.end();
    podman?.remove('one');
  } finally {
    await containerd?.stop();
    node?.remove();
  }
});

describe.skipIf(missing !== undefined && !process.env.CI)(
  `static limits${missing ? `: ${missing}` : ''}`,
  () => {
    test('containers of ctr and of podman start with them', async () => {
      container = new CtrContainer(node, containerd, 'one');
      podman.start('one');
      await container.running();
      const { limits, unlimited } = statusOn(node);
      expect(unlimited).toEqual([]);
      expect(limits.map((each) => [each.direction, each.capBitsPerSecond, each.faults]).sort()).toEqual([
        ['egress', CAPS.egress, []],
        ['egress', CAPS.egress, []],
        ['ingress', CAPS.ingress, []],
        ['ingress', CAPS.ingress, []],
      ]);
    });

    test('their traffic is capped', async () => {
      const shells = [container.shell, podman.shellOf('one')];
      for (const rates of await Promise.all(shells.map((shell) => measure(node, shell, SECONDS))))
        expectRates(rates, CAPS);
    });

    test('they leave nothing when they end', async ({ onTestFailed }) => {
      onTestFailed(() => console.log(readFileSync(join(node.folder, 'natra', 'natra.log'), 'utf8')));
      const objects = pinnedObjects(node.natra.pinDirectory);
      expect(alive(objects).length).toBeGreaterThan(0);
      await container.end();
      podman.remove('one');
      // podman's monitor may be the one that clears up, at its own time.
      await expect.poll(() => recordsOn(node), { timeout: 10_000 }).toEqual([]);
      await expect.poll(() => pinnedObjects(node.natra.pinDirectory), { timeout: 10_000 }).toEqual([]);
      await expect.poll(() => alive(objects), { timeout: 10_000 }).toEqual([]);
      await expect.poll(() => node.interfaces(), { timeout: 10_000 }).toEqual([]);
    });
  },
);
