/** Pods to attach to: a namespace and a veth pair each, made by one `ip` for all. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';

export interface BenchPod {
  readonly containerId: string;
  readonly netns: string;
  readonly netnsPath: string;
  readonly hostDevice: string;
  readonly ifname: string;
}

const podOf = (index: number): BenchPod => {
  const netns = `nbench-${process.pid}-${index}`;
  return {
    containerId: createHash('sha256').update(netns).digest('hex'),
    netns,
    netnsPath: `/run/netns/${netns}`,
    hostDevice: `nb${process.pid.toString(36)}x${index}`,
    ifname: 'eth0',
  };
};

/** Makes Pods in the process's own network namespace. */
export function makePods(first: number, count: number): BenchPod[] {
  const pods = Array.from({ length: count }, (_, index) => podOf(first + index));
  batch(
    pods.flatMap(({ netns, hostDevice, ifname }) => [
      `netns add ${netns}`,
      `link add ${hostDevice} type veth peer name ${ifname} netns ${netns}`,
      `link set ${hostDevice} up`,
    ]),
  );
  return pods;
}

export function removePods(pods: readonly BenchPod[]): void {
  batch(
    pods.map(({ netns }) => `netns del ${netns}`),
    ['-force'],
  );
}

function batch(lines: readonly string[], options: readonly string[] = []): void {
  const input = `${lines.join('\n')}\n`;
  const { status, stderr } = spawnSync('ip', [...options, '-batch', '-'], { input, encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip -batch: ${stderr}`);
}
