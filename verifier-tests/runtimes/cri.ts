/** The calls that kubelet makes to a container runtime for one Pod, over the runtime's own socket. */
import { join } from 'node:path';
import {
  credentials,
  loadPackageDefinition,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const DEADLINE_MILLISECONDS = 30_000;

export interface PodConfig {
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A Pod that runs one container. */
export interface RunningPod {
  readonly name: string;
  readonly sandboxId: string;
  readonly containerId: string;
  readonly address: string;
}

interface Messages {
  readonly Status: { status: { conditions: readonly { type: string; status: boolean; message: string }[] } };
  readonly RunPodSandbox: { pod_sandbox_id: string };
  readonly PodSandboxStatus: { status: { state: string; network: { ip: string } } };
  readonly ListPodSandbox: { items: readonly { id: string }[] };
  readonly StopPodSandbox: object;
  readonly RemovePodSandbox: object;
  readonly CreateContainer: { container_id: string };
  readonly StartContainer: object;
  readonly ExecSync: { stdout: Buffer; stderr: Buffer; exit_code: number };
}

type Answer = (error: ServiceError | null, response: unknown) => void;

export class ContainerRuntime {
  private readonly client: InstanceType<ServiceClientConstructor>;
  private readonly cgroupParent: string;

  /** `cgroupParent` is where the Pods' cgroups go, from the root of the hierarchy. */
  constructor(socket: string, cgroupParent: string) {
    const definition = loadSync(join(import.meta.dirname, 'cri.proto'), {
      keepCase: true,
      longs: Number,
      enums: String,
      defaults: true,
    });
    const { runtime } = loadPackageDefinition(definition) as {
      runtime: { v1: { RuntimeService: ServiceClientConstructor } };
    };
    this.client = new runtime.v1.RuntimeService(`unix:${socket}`, credentials.createInsecure());
    this.cgroupParent = cgroupParent;
  }

  close(): void {
    this.client.close();
  }

  /** What keeps the node from being ready, in the runtime's words; empty when it is. */
  async notReady(): Promise<string[]> {
    const { status } = await this.call('Status', {});
    return status.conditions.filter((each) => !each.status).map(({ type, message }) => `${type}: ${message}`);
  }

  /** Runs a Pod with one container that only sleeps. */
  async runPod(pod: PodConfig, image: string): Promise<RunningPod> {
    const config = this.sandboxConfig(pod);
    const { pod_sandbox_id } = await this.call('RunPodSandbox', { config });
    const { container_id } = await this.call('CreateContainer', {
      pod_sandbox_id,
      config: { metadata: { name: 'main' }, image: { image }, command: ['sleep', 'inf'] },
      sandbox_config: config,
    });
    await this.call('StartContainer', { container_id });
    const { status } = await this.call('PodSandboxStatus', { pod_sandbox_id });
    return {
      name: pod.name,
      sandboxId: pod_sandbox_id,
      containerId: container_id,
      address: status.network.ip,
    };
  }

  async isReady({ sandboxId }: RunningPod): Promise<boolean> {
    const { status } = await this.call('PodSandboxStatus', { pod_sandbox_id: sandboxId });
    return status.state === 'SANDBOX_READY';
  }

  /** Runs a shell line in the Pod's container and gives what it prints; throws where it fails. */
  async execute({ name, containerId }: RunningPod, line: string): Promise<string> {
    const request = { container_id: containerId, cmd: ['sh', '-c', line], timeout: 20 };
    const { stdout, stderr, exit_code } = await this.call('ExecSync', request);
    if (exit_code !== 0) throw new Error(`${line} in ${name}: exit ${exit_code}: ${stderr.toString()}`);
    return stdout.toString();
  }

  /** Ends a Pod as kubelet does: its sandbox is stopped, then removed. */
  async removePod({ sandboxId }: Pick<RunningPod, 'sandboxId'>): Promise<void> {
    await this.call('StopPodSandbox', { pod_sandbox_id: sandboxId });
    await this.call('RemovePodSandbox', { pod_sandbox_id: sandboxId });
  }

  /** Ends every Pod, those whose start has failed too. */
  async removeAll(): Promise<void> {
    const { items } = await this.call('ListPodSandbox', {});
    for (const { id } of items) await this.removePod({ sandboxId: id });
  }

  private sandboxConfig({ name, annotations }: PodConfig): object {
    return {
      metadata: { name, uid: `uid-of-${name}`, namespace: 'default', attempt: 0 },
      annotations,
      linux: { cgroup_parent: this.cgroupParent },
    };
  }

  private call<M extends keyof Messages>(method: M, request: object): Promise<Messages[M]> {
    return new Promise((resolve, reject) => {
      const answer: Answer = (error, response) =>
        error === null ? resolve(response as Messages[M]) : reject(error);
      const options = { deadline: Date.now() + DEADLINE_MILLISECONDS };
      this.client[method]?.call(this.client, request, options, answer);
    });
  }
}
