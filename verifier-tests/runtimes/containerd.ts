/** Debian's containerd with its own root, state, socket and configuration, on a node of the test's own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ContainerRuntime } from './cri.ts';
import { IMAGE, makeBusyboxImage } from './image.ts';
import type { RuntimeNode } from './node.ts';

const NEEDED = ['containerd', 'ctr', 'runc', 'containerd-shim-runc-v2'];
const START_MILLISECONDS = 20_000;

/** Why containerd can't be run here; undefined where it can. */
export function missingForContainerd(): string | undefined {
  const missing = NEEDED.filter((name) => spawnSync('which', [name]).status !== 0);
  return missing.length === 0 ? undefined : `Debian's containerd and runc are missing: ${missing.join(', ')}`;
}

export class Containerd {
  readonly socket: string;
  private readonly node: RuntimeNode;
  private readonly log: string;
  private daemon: ChildProcess | undefined;
  private client: ContainerRuntime | undefined;

  constructor(node: RuntimeNode) {
    this.node = node;
    this.socket = join(node.folder, 'containerd.sock');
    this.log = join(node.folder, 'containerd.log');
    writeFileSync(this.configurationFile, this.configuration());
  }

  get runtime(): ContainerRuntime {
    if (this.client === undefined) throw new Error('containerd does not run');
    return this.client;
  }

  /** Starts the daemon and waits until it can run Pods. */
  async start(): Promise<void> {
    const log = openSync(this.log, 'a');
    this.daemon = spawn(...this.node.command(['containerd', '--config', this.configurationFile]), {
      env: this.node.environment,
      stdio: ['ignore', log, log],
    });
    this.client = new ContainerRuntime(this.socket, this.node.cgroup);
    const until = performance.now() + START_MILLISECONDS;
    for (let reason = ''; ; await pause(100)) {
      try {
        reason = (await this.client.notReady()).join('; ');
        if (reason === '') return;
      } catch (error) {
        reason = String(error);
      }
      if (performance.now() > until || this.daemon.exitCode !== null)
        throw new Error(`containerd is not ready: ${reason}\n${this.lastWords()}`);
    }
  }

  /** Ends the daemon alone; its containers run on. */
  async stop(): Promise<void> {
    this.client?.close();
    this.client = undefined;
    const { daemon } = this;
    this.daemon = undefined;
    if (daemon === undefined || daemon.exitCode !== null) return;
    const ended = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    await ended;
  }

  /** Gives the daemon the image that every container here runs. */
  importImage(): void {
    const images = join(this.node.folder, 'images');
    mkdirSync(images);
    execFileSync('ctr', [...this.ctr('k8s.io'), 'images', 'import', makeBusyboxImage(images)]);
  }

  /** The arguments by which `ctr` finds this daemon. */
  ctr(namespace: string): string[] {
    return ['--address', this.socket, '--namespace', namespace];
  }

  private get configurationFile(): string {
    return join(this.node.folder, 'containerd.toml');
  }

  private lastWords(): string {
    return readFileSync(this.log, 'utf8').split('\n').slice(-20).join('\n');
  }

  private configuration(): string {
    const { folder, binDirectory, confDirectory } = this.node;
    const plugin = (name: string): string => `plugins."io.containerd.grpc.v1.cri"${name}`;
    return [
      'version = 2',
      `root = "${folder}/containerd"`,
      `state = "${folder}/state"`,
      // It would make a folder in /opt.
      'disabled_plugins = ["io.containerd.internal.v1.opt"]',
      '[grpc]',
      `address = "${this.socket}"`,
      '[ttrpc]',
      `address = "${this.socket}.ttrpc"`,
      `[${plugin('')}]`,
      // Without CAP_SYS_RESOURCE runc may not lower a score, and dies.
      'restrict_oom_score_adj = true',
      `sandbox_image = "${IMAGE}"`,
      'netns_mounts_under_state_dir = true',
      `[${plugin('.cni')}]`,
      `bin_dir = "${binDirectory}"`,
      `conf_dir = "${confDirectory}"`,
      '',
    ].join('\n');
  }
}
