/** Many limited Pods on one node: whether the last ADD is as fast as the first, and what each costs the kernel. */
import { plainEnvironment } from '../environment.ts';
import { median } from '../measure.ts';
import { callOf, type InstalledNatra, time } from './calls.ts';
import { MemoryCgroup, machineKernelBytes } from './kernel-memory.ts';
import { makePods, removePods } from './pods.ts';

/** Of these, at the beginning and at the end, the medians are compared. */
const EDGE = 10;

export interface ManyPods {
  readonly pods: number;
  readonly firstMilliseconds: number;
  readonly lastMilliseconds: number;
  /** `node -e 0` in turns with the first ADDs and with the last, for a machine that changes its pace meanwhile. */
  readonly firstNodeMilliseconds: number;
  readonly lastNodeMilliseconds: number;
  /** Bytes a Pod over one without limits, charged to the calls' cgroup. */
  readonly chargedBytes: number;
  /** The same from /proc/meminfo: everything, and the machine's noise. */
  readonly machineBytes: number;
}

/** Limits `count` Pods in both directions one after the other, and takes the limits off again. */
export async function manyPods(plugin: InstalledNatra, count: number): Promise<ManyPods> {
  const cgroup = new MemoryCgroup(`natra-bench-${process.pid}`);
  const pods = makePods(1000, count);
  const [command, argv] = cgroup.wrap(plugin.file);
  const nodeCall = { environment: plainEnvironment(), input: '' };
  const addTimes: number[] = [];
  const nodeTimes: number[] = [];
  try {
    // What the first call makes for all is not a Pod's.
    const [forAll, ...others] = pods;
    if (forAll === undefined) throw new Error('there is no Pod');
    time(command, argv, callOf(plugin, 'ADD', forAll, 'both'));
    const charged = await cgroup.kernelBytes();
    const machine = machineKernelBytes();
    for (const [index, pod] of others.entries()) {
      addTimes.push(time(command, argv, callOf(plugin, 'ADD', pod, 'both')));
      if (index < EDGE || index >= others.length - EDGE)
        nodeTimes.push(time(plugin.node, ['-e', '0'], nodeCall));
    }
    const chargedBytes = ((await cgroup.kernelBytes()) - charged) / others.length;
    const machineBytes = (machineKernelBytes() - machine) / others.length;
    return {
      pods: count,
      firstMilliseconds: median(addTimes.slice(0, EDGE)),
      lastMilliseconds: median(addTimes.slice(-EDGE)),
      firstNodeMilliseconds: median(nodeTimes.slice(0, EDGE)),
      lastNodeMilliseconds: median(nodeTimes.slice(-EDGE)),
      chargedBytes,
      machineBytes,
    };
  } finally {
    for (const pod of pods) time(command, argv, callOf(plugin, 'DEL', pod, 'both'));
    removePods(pods);
    cgroup.remove();
  }
}
