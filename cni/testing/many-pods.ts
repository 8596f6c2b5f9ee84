/** Many Pods at once: namespaces with veth pairs, made and removed in one go each, and calls that run side by side. */
import { execFileSync, spawn } from 'node:child_process';
import type { CapturedCall } from './calls.ts';
import type { PodEnds } from './pod.ts';

/** Makes Pods whose names no other process uses; `removePods` takes them away. Needs root. */
export function makePods(count: number): PodEnds[] {
  const pods = Array.from({ length: count }, (_, index): PodEnds => {
    const netns = `natra-m${process.pid}-${index}`;
    return {
      netns,
      netnsPath: `/run/netns/${netns}`,
      hostDevice: `nm${process.pid}-${index}`,
      ifname: 'eth0',
    };
  });
  try {
    batch(
      pods.flatMap(({ netns, hostDevice, ifname }) => [
        `netns add ${netns}`,
        `link add ${hostDevice} type veth peer name ${ifname} netns ${netns}`,
        `link set ${hostDevice} up`,
      ]),
    );
    return pods;
  } catch (error) {
    removePods(pods);
    throw error;
  }
}

/** Some of them may be gone, or never have been. */
export function removePods(pods: readonly PodEnds[]): void {
  batch(
    pods.flatMap(({ netns, hostDevice }) => [`link del ${hostDevice}`, `netns del ${netns}`]),
    '-force',
  );
}

function batch(lines: readonly string[], ...options: string[]): void {
  try {
    execFileSync('ip', [...options, '-batch', '-'], {
      input: lines.join('\n'),
      stdio: ['pipe', 'ignore', 'pipe'],
    });
  } catch (error) {
    if (options.length === 0) throw error;
  }
}

export interface Answer {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes a call in a process of its own; it has a minute. */
export function start(
  executable: string,
  { env, stdin }: CapturedCall,
  variables: Readonly<Record<string, string>>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const child = spawn(executable, {
      env: { PATH: process.env.PATH, ...variables, ...env },
      timeout: 60_000,
      killSignal: 'SIGKILL',
    });
    const output = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const)
      child[name].setEncoding('utf8').on('data', (text: string) => {
        output[name] += text;
      });
    child.on('error', reject).on('close', (status) => resolve({ status, ...output }));
    child.stdin.end(JSON.stringify(stdin));
  });
}

/** Runs all tasks, `width` of them at any time, in that order; the results are in it too. */
export async function sideBySide<T>(width: number, tasks: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  const waiting = tasks.entries();
  const work = async (): Promise<void> => {
    for (const [index, task] of waiting) results[index] = await task();
  };
  await Promise.all(Array.from({ length: width }, work));
  return results;
}
