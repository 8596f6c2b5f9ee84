/** Debian's podman with its CNI backend and storage of its own, on a node of the test's own. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IMAGE, makeImage } from './image.ts';
import { NETWORK, type RuntimeNode } from './node.ts';
import type { Shell } from './traffic.ts';

/** Why podman can't be run here; undefined where it can. */
export function missingForPodman(): string | undefined {
  const missing = ['podman', 'conmon', 'runc'].filter((name) => spawnSync('which', [name]).status !== 0);
  return missing.length === 0 ? undefined : `Debian's podman is missing: ${missing.join(', ')}`;
}

export class Podman {
  private readonly node: RuntimeNode;
  private readonly folder: string;

  constructor(node: RuntimeNode) {
    this.node = node;
    this.folder = join(node.folder, 'podman');
    mkdirSync(this.folder);
    writeFileSync(this.configurationFile, this.configuration());
    execFileSync(...this.podman('load', '--input', makeImage(this.folder)), this.options);
  }

  /** Starts a container that only sleeps. */
  start(name: string): void {
    // podman asks for more open files than a process without CAP_SYS_RESOURCE may.
    const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];
    const place = ['--network', NETWORK, '--cgroup-parent', this.node.cgroup, '--log-driver', 'none'];
    execFileSync(...this.podman('run', '--detach', '--name', name, ...limits, ...place, IMAGE), this.options);
  }

  shellOf(name: string): Shell {
    return async (line) => {
      const [command, argv] = this.podman('exec', name, 'sh', '-c', line);
      const { stdout } = await promisify(execFile)(command, argv, this.options);
      return stdout;
    };
  }

  /** Ends the container at once and removes it; there may be none. */
  remove(name: string): void {
    execFileSync(...this.podman('rm', '--force', '--ignore', '--time', '0', name), this.options);
  }

  private podman(...argv: readonly string[]): [string, string[]] {
    const places = ['root', 'runroot', 'tmpdir'].flatMap((each) => [`--${each}`, join(this.folder, each)]);
    return this.node.command(['podman', ...places, '--storage-driver', 'overlay', ...argv]);
  }

  private get options() {
    const env = { ...this.node.environment, CONTAINERS_CONF: this.configurationFile };
    return { env, encoding: 'utf8', stdio: 'pipe' } as const;
  }

  private get configurationFile(): string {
    return join(this.folder, 'containers.conf');
  }

  private configuration(): string {
    return [
      '[network]',
      'network_backend = "cni"',
      `cni_plugin_dirs = ["${this.node.binDirectory}"]`,
      `network_config_dir = "${this.node.confDirectory}"`,
      `default_network = "${NETWORK}"`,
      '[engine]',
      'runtime = "runc"',
      'cgroup_manager = "cgroupfs"',
      'events_logger = "none"',
      '',
    ].join('\n');
  }
}
