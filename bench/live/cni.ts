import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { execute } from './command.ts';
import { inNamespace, type Namespace } from './namespace.ts';

export interface CniInterface {
  readonly name: string;
  readonly mac?: string;
  readonly sandbox?: string;
}

/** The result object of the CNI specification (1.0.0, section 5), as far as the measurements read it. */
export interface CniResult {
  readonly cniVersion: string;
  readonly interfaces: readonly CniInterface[];
  readonly ips: ReadonlyArray<{
    readonly address: string;
    readonly gateway?: string;
    readonly interface?: number;
  }>;
  readonly routes?: ReadonlyArray<{ readonly dst: string; readonly gw?: string }>;
  readonly dns?: object;
}

/** A Pod sandbox as a runtime knows it. */
export interface Sandbox {
  readonly containerId: string;
  readonly name: string;
  readonly interfaceName: string;
  readonly namespace: Namespace;
}

/** Bits per second and bits, as in runtimeConfig.bandwidth; the same in both directions. */
export interface Limit {
  readonly rateBitsPerSecond: number;
  readonly burstBits: number;
}

export interface CniCall {
  readonly plugin: string;
  readonly verb: 'ADD' | 'DEL' | 'CHECK' | 'VERSION';
  readonly milliseconds: number;
  readonly stdout: string;
}

/** A plugin's refusal: its code, message and details (specification, section 5, Error). */
export class CniError extends Error {
  constructor(
    readonly plugin: string,
    readonly verb: string,
    readonly code: number | undefined,
    words: string,
  ) {
    super(`${plugin} ${verb}: ${words}`);
  }
}

/** A sandbox with the kind of ids containerd gives: 64 hex digits, unique per process and name. */
export function sandbox(name: string, namespace: Namespace): Sandbox {
  const containerId = createHash('sha256').update(`${name}/${namespace.name}`).digest('hex');
  return { containerId, name, interfaceName: 'eth0', namespace };
}

/**
 * Calls a plugin the way containerd does: CNI_* environment, configuration on standard input, in the node's
 * network namespace. `variables` are added to the environment. Throws CniError with the plugin's own message
 * when it refuses.
 */
export async function callPlugin(
  node: Namespace,
  pluginPath: string,
  verb: CniCall['verb'],
  pod: Sandbox,
  configuration: object,
  variables: Readonly<Record<string, string>> = {},
): Promise<CniCall> {
  const environment: NodeJS.ProcessEnv = {
    ...variables,
    PATH: process.env.PATH,
    CNI_COMMAND: verb,
    CNI_CONTAINERID: pod.containerId,
    CNI_NETNS: pod.namespace.path,
    CNI_IFNAME: pod.interfaceName,
    CNI_PATH: '/usr/lib/cni',
    CNI_ARGS: [
      'IgnoreUnknown=1',
      'K8S_POD_NAMESPACE=natra-demo',
      `K8S_POD_NAME=${pod.name}`,
      `K8S_POD_INFRA_CONTAINER_ID=${pod.containerId}`,
      'K8S_POD_UID=6f1c0f7e-0000-4000-8000-000000000001',
    ].join(';'),
  };
  const [file, args] = inNamespace(node, pluginPath, []);
  const plugin = basename(pluginPath);
  const startedAt = performance.now();
  const output = await execute(file, args, {
    environment,
    input: JSON.stringify(configuration),
    timeout: 20_000,
  });
  const milliseconds = performance.now() - startedAt;
  if (output.code !== 0) {
    throw refusal(plugin, verb, output.stdout, output.stderr || `exit ${output.code}`);
  }
  return { plugin, verb, milliseconds, stdout: output.stdout };
}

/** The conflist entry of a limiter after the main plugin: capability, runtimeConfig, prevResult. */
export function limiterConfiguration(type: string, limit: Limit, prevResult: CniResult): object {
  return {
    cniVersion: prevResult.cniVersion,
    name: 'natra-live',
    type,
    capabilities: { bandwidth: true },
    runtimeConfig: {
      bandwidth: {
        IngressRate: limit.rateBitsPerSecond,
        IngressBurst: limit.burstBits,
        EgressRate: limit.rateBitsPerSecond,
        EgressBurst: limit.burstBits,
      },
    },
    prevResult,
  };
}

/** Reads the result of an ADD. */
export function resultOf(call: CniCall): CniResult {
  return JSON.parse(call.stdout) as CniResult;
}

/** The first address of a result, without its prefix length. */
export function addressOf(result: CniResult): string {
  const address = result.ips[0]?.address.split('/')[0];
  if (address === undefined) throw new Error('the main CNI plugin returned no address');
  return address;
}

function refusal(plugin: string, verb: string, stdout: string, stderr: string): CniError {
  try {
    const { code, msg, details } = JSON.parse(stdout) as { code?: number; msg?: string; details?: string };
    return new CniError(plugin, verb, code, [msg, details].filter(Boolean).join('; '));
  } catch {
    return new CniError(plugin, verb, undefined, `${stdout.trim()} ${stderr.trim()}`.trim());
  }
}
