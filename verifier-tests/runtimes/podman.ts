/** Debian's podman with its CNI backend and storage of its own, on a node of the test's own. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IMAGE, makeBusyboxImage } from './image.ts';
import { NETWORK, type RuntimeNode } from './node.ts';
import type { Shell } from './traffic.ts';

/** Why podman can't be run here; undefined where it can. */
export function missingForPodman(): string | undefined {
  const missing = ['podman', 'conmon', 'runc'].filter((name) => spawnSync('which', [name]).status !== 0);
  return missing.length === 0 ? undefined : `Debian's podman is missing: ${missing.join(', ')}`;
}

/** podman asks for more open files and processes than one without CAP_SYS_RESOURCE may. */
const ULIMITS = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'];

export class Podman {
  private readonly node: RuntimeNode;
  private readonly folder: string;

  constructor(node: RuntimeNode) {
    this.node = node;
    this.folder = join(node.folder, 'podman');
    mkdirSync(this.folder);
    writeFileSync(this.configurationFile, this.configuration());
  }

  /** Takes an archive that `docker save` would write. */
  load(archive: string): void {
    this.call('load', '--input', archive);
  }

  /** Builds an image from a Dockerfile and what is in `context`, from local images alone. */
  build(tag: string, dockerfile: string, context: string, base: string): void {
    const files = ['--file', dockerfile, '--build-arg', `BASE=${base}`];
    this.call('build', '--pull=never', '--network', 'none', ...files, '--tag', tag, context);
  }

  /** Starts a container that only sleeps, on the node's network. */
  start(name: string): void {
    this.load(makeBusyboxImage(this.folder));
    this.run(name, ['--network', NETWORK], IMAGE, []);
  }

  /** Starts a container in the background. */
  run(name: string, options: readonly string[], image: string, argv: readonly string[]): void {
    const place = ['--cgroup-parent', this.node.cgroup, '--log-driver', 'k8s-file'];
    this.call(
      'run',
      '--detach',
      '--pull=never',
      '--name',
      name,
      ...ULIMITS,
      ...place,
      ...options,
      image,
      ...argv,
    );
  }

  /** What the container has printed so far. */
  logs(name: string): string {
    return this.call('logs', name);
  }

  /** Tells the container to end, and gives its exit status. */
  stop(name: string): number {
    this.call('stop', '--time', '10', name);
    return Number(this.call('wait', name));
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
    this.call('rm', '--force', '--ignore', '--time', '0', name);
  }

  private call(...argv: readonly string[]): string {
    return execFileSync(...this.podman(...argv), this.options);
  }

  private podman(...argv: readonly string[]): [string, string[]] {
    const places = ['root', 'runroot', 'tmpdir'].flatMap((each) => [`--${each}`, join(this.folder, each)]);
    return this.node.command(['podman', ...places, '--storage-driver', 'overlay', ...argv]);
  }

  private get environment() {
    return { ...this.node.environment, CONTAINERS_CONF: this.configurationFile };
  }

  private get options() {
    return { env: this.environment, encoding: 'utf8', stdio: 'pipe' } as const;
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
      // The monitor clears up behind a container that ends before podman does; it has no environment but this.
      `conmon_env_vars = ${JSON.stringify(Object.entries(this.environment).map(([name, value]) => `${name}=${value}`))}`,
      '',
    ].join('\n');
  }
}
