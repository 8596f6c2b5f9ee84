/** A Pod's network as a main CNI plugin leaves it: a namespace, a veth pair and a bridge on the host. */
import { run } from './shell.ts';

let made = 0;

/** What finds the two ends of a Pod's interface. */
export interface PodEnds {
  readonly netns: string;
  readonly netnsPath: string;
  readonly hostDevice: string;
  readonly ifname: string;
}

export interface TestPod extends PodEnds {
  readonly bridge: string;
  /** Takes the namespace away and the veth pair with it, as a runtime does before its last DEL. */
  removeNetns(): void;
  /** Removes all that is left. */
  destroy(): void;
}

/** Builds a Pod whose names no other process uses. Needs root. */
export function makePod(ifname = 'eth0'): TestPod {
  const id = `${process.pid.toString(36)}${made++}`;
  const netns = `natra-${id}`;
  const bridge = `nbr${id}`;
  const hostDevice = `nve${id}`;
  const pod: TestPod = {
    netns,
    netnsPath: `/run/netns/${netns}`,
    bridge,
    hostDevice,
    ifname,
    removeNetns: () => attempt(`ip netns del ${netns}`),
    destroy() {
      attempt(`ip link del ${hostDevice}`);
      attempt(`ip netns del ${netns}`);
      attempt(`ip link del ${bridge}`);
    },
  };
  try {
    run(`ip netns add ${netns}`);
    run(`ip link add ${bridge} type bridge`);
    run(`ip link set ${bridge} up`);
    run(`ip link add ${hostDevice} type veth peer name ${ifname} netns ${netns}`);
    run(`ip link set ${hostDevice} master ${bridge} up`);
    run(`ip -n ${netns} link set ${ifname} up`);
    return pod;
  } catch (error) {
    pod.destroy();
    throw error;
  }
}

function attempt(line: string): void {
  try {
    run(line);
  } catch {
    // Already gone: tests take namespaces and devices away in any order.
  }
}
