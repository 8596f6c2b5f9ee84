/** `ctr run --cni`: containerd's own client calls the CNI plugins itself, for a container that belongs to no Pod. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Containerd } from './containerd.ts';
import { IMAGE } from './image.ts';
import type { RuntimeNode } from './node.ts';
import type { Shell } from './traffic.ts';

const START_MILLISECONDS = 20_000;
/** containerd's namespace, where the image is. */
const NAMESPACE = 'k8s.io';

export class CtrContainer {
  private readonly ctr: readonly string[];
  private readonly name: string;
  private readonly process: ChildProcess;
  private words = '';
  private executed = 0;

  /** Begins to start a container that only sleeps. */
  constructor(node: RuntimeNode, containerd: Containerd, name: string) {
    this.ctr = ['ctr', ...containerd.ctr(NAMESPACE)];
    this.name = name;
    const run = [...this.ctr, 'run', '--cni', '--rm', '--cgroup', `${node.cgroup}/${name}`, IMAGE, name];
    const inMounts = ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', mounts(node), 'sh'];
    this.process = spawn(...node.command([...inMounts, ...run, 'sleep', 'inf']), {
      env: node.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.process.stdout, this.process.stderr])
      stream?.on('data', (chunk) => {
        this.words += chunk;
      });
  }

  /** Waits until the container runs. */
  async running(): Promise<void> {
    const until = performance.now() + START_MILLISECONDS;
    const runs = (line: string): boolean => line.startsWith(`${this.name} `) && line.includes('RUNNING');
    while (!this.call('task', 'list').split('\n').some(runs)) {
      if (performance.now() > until || this.process.exitCode !== null)
        throw new Error(`ctr run ${this.name}: it does not run: ${this.words}`);
      await pause(100);
    }
  }

  readonly shell: Shell = async (line) => {
    const [command = '', ...argv] = this.ctr;
    const id = `exec-${this.executed++}`;
    const exec = ['task', 'exec', '--exec-id', id, this.name, 'sh', '-c', line];
    const { stdout } = await promisify(execFile)(command, [...argv, ...exec], { encoding: 'utf8' });
    return stdout;
  };

  /** Kills the container and waits until `ctr run` has cleared up behind it. */
  async end(): Promise<void> {
    if (this.process.exitCode !== null) return;
    const ended = once(this.process, 'exit');
    this.call('task', 'kill', '--signal', 'SIGKILL', this.name);
    await ended;
  }

  private call(...words: readonly string[]): string {
    const [command = '', ...argv] = this.ctr;
    return execFileSync(command, [...argv, ...words], { encoding: 'utf8' });
  }
}

/** ctr looks in the machine's folders alone: in a mount namespace of its own, these are the node's. */
const mounts = ({ binDirectory, confDirectory }: RuntimeNode): string =>
  [
    'mount -t tmpfs tmpfs /opt',
    'mkdir /opt/cni',
    `ln -s ${binDirectory} /opt/cni/bin`,
    `mount --bind ${confDirectory} /etc/cni/net.d`,
    'exec "$@"',
  ].join('\n');
