/**
 * natra under a real containerd, driven as kubelet drives it: over CRI, with the annotations of a Pod. natra is where
 * `natra install` has put it, behind Debian's `bridge`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NodeStatus } from '../../cni/status/node-status.ts';
import { buildExecutable } from '../../cni/testing/build.ts';
import { expectRates, MEGABIT } from './caps.ts';
import { Containerd, missingForContainerd } from './containerd.ts';
import type { RunningPod } from './cri.ts';
import { IMAGE } from './image.ts';
import { makeRuntimeNode, type RuntimeNode, recordsOn, statusOn } from './node.ts';
import { alive, pinnedObjects } from './objects.ts';
import { measure, type Rates } from './traffic.ts';

const INGRESS = 'kubernetes.io/ingress-bandwidth';
const EGRESS = 'kubernetes.io/egress-bandwidth';
const SECONDS = 2;

const missing = missingForContainerd();
let node: RuntimeNode;
let containerd: Containerd;
const pods = new Map<string, RunningPod>();
let status: NodeStatus;

const PODS = {
  both: { [INGRESS]: '10M', [EGRESS]: '20M' },
  ingress: { [INGRESS]: '20M' },
  egress: { [EGRESS]: '10M' },
  none: {},
};

beforeAll(async () => {
  if (missing !== undefined) return;
  buildExecutable();
  node = makeRuntimeNode();
  containerd = new Containerd(node);
  await containerd.start();
  containerd.importImage();
});
afterAll(async () => {
  try {
    await containerd?.runtime.removeAll();
  } finally {
    await containerd?.stop();
    node?.remove();
  }
});

const podNamed = (name: string): RunningPod => {
  const pod = pods.get(name);
  if (pod === undefined) throw new Error(`the Pod ${name} has not been started`);
  return pod;
};
const capsOf = (annotations: Readonly<Record<string, string>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(annotations).map(([key, value]) => [
      key === INGRESS ? 'ingress' : 'egress',
      Number.parseInt(value, 10) * MEGABIT,
    ]),
  );
const ratesOf = (name: string): Promise<Rates> =>
  measure(node, (line) => containerd.runtime.execute(podNamed(name), line), SECONDS);

describe.skipIf(missing !== undefined && !process.env.CI)(
  `under containerd${missing ? `: ${missing}` : ''}`,
  () => {
    test('Pods that start at once start, whatever annotations they have', async () => {
      const starting = Object.entries(PODS).map(([name, annotations]) =>
        containerd.runtime.runPod({ name, annotations }, IMAGE),
      );
      for (const pod of await Promise.all(starting)) pods.set(pod.name, pod);
      status = statusOn(node);
      expect(status.unlimited).toEqual([]);
    });

    test.each(Object.entries(PODS))(
      'the Pod with annotations for %s has the limits of these',
      (name, wanted) => {
        const own = status.limits.filter((limit) => limit.pod === name);
        const caps = own.map((each) => [each.direction, each.capBitsPerSecond]);
        expect(Object.fromEntries(caps)).toEqual(capsOf(wanted));
        expect(own.flatMap(({ faults }) => faults)).toEqual([]);
      },
    );

    test('traffic is capped in the directions that have a limit, and in no other', async () => {
      const names = ['both', 'ingress', 'egress'];
      const [both, ingress, egress] = await Promise.all(names.map(ratesOf));
      expectRates(both!, { ingress: 10 * MEGABIT, egress: 20 * MEGABIT });
      expectRates(ingress!, { ingress: 20 * MEGABIT });
      expectRates(egress!, { egress: 10 * MEGABIT });
      expectRates(await ratesOf('none'), {});
    });

    test('the limits hold on while containerd restarts, and it knows its Pods again', async () => {
      await containerd.stop();
      const { limits } = statusOn(node);
      expect(limits.map(({ faults }) => faults)).toEqual([[], [], [], []]);
      await containerd.start();
      expect(await containerd.runtime.isReady(podNamed('both'))).toBe(true);
      expectRates(await ratesOf('both'), { ingress: 10 * MEGABIT, egress: 20 * MEGABIT });
    });

    test('Pods that end leave neither record nor pin nor program nor interface', async () => {
      const objects = pinnedObjects(node.natra.pinDirectory);
      expect(alive(objects).length).toBeGreaterThan(0);
      expect(recordsOn(node)).toHaveLength(3);
      for (const pod of pods.values()) await containerd.runtime.removePod(pod);
      pods.clear();
      expect(recordsOn(node)).toEqual([]);
      expect(pinnedObjects(node.natra.pinDirectory)).toEqual([]);
      await expect.poll(() => alive(objects), { timeout: 10_000 }).toEqual([]);
      await expect.poll(() => node.interfaces(), { timeout: 10_000 }).toEqual([]);
    });
  },
);
