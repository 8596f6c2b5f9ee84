import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PIN_DIRECTORY, removeAbandoned, TEMPORARY_PREFIX } from './abandoned.ts';
import { addressOf, type CniResult, callPlugin, resultOf, type Sandbox, sandbox } from './cni.ts';
import { executeOrThrow } from './command.ts';
import { createNamespace, inNamespace, type Namespace, removeNamespace } from './namespace.ts';

export const PLUGIN_DIRECTORY = '/usr/lib/cni';
const BRIDGE = 'cni0';
const SUBNET = '10.22.0';
/** Of links made by hand, whose addresses come back: neighbours must not be left with the MAC of the link before. */
const MAC_PREFIX = '0a:58:0a:16:00';

/**
 * Three namespaces of our own: the node with its bridge, a Pod, and a client. Nothing of the machine's own
 * network is touched.
 *
 *     client eth0 ── veth ── cni0 (bridge, node) ── veth ── eth0 Pod
 */
export interface Topology {
  readonly node: Namespace;
  readonly pod: Namespace;
  readonly client: Namespace;
  /** True when the real `bridge` and `host-local` plugins make the links, false when `ip` does. */
  readonly usesMainPlugin: boolean;
  /** Where host-local keeps the addresses it gave. */
  readonly stateDirectory: string;
}

/** Makes the three namespaces, after removing what killed runs of ours left. */
export async function createTopology(): Promise<Topology> {
  await removeAbandoned();
  const stateDirectory = await mkdtemp(TEMPORARY_PREFIX);
  const usesMainPlugin = ['bridge', 'host-local'].every((name) => existsSync(join(PLUGIN_DIRECTORY, name)));
  try {
    const node = await createNamespace('node');
    const pod = await createNamespace('pod');
    const client = await createNamespace('client');
    return { node, pod, client, usesMainPlugin, stateDirectory };
  } catch (error) {
    await removeTopology(stateDirectory);
    throw error;
  }
}

/**
 * Removes all that createTopology made, and where limiters have pinned; processes inside must have ended. Also mends a
 * half-made topology.
 */
export async function removeTopology(stateDirectory: string): Promise<void> {
  for (const role of ['pod', 'client', 'node']) await removeNamespace(`natra-live-${process.pid}-${role}`);
  for (const directory of [stateDirectory, PIN_DIRECTORY])
    await rm(directory, { recursive: true, force: true });
}

/** Joins a namespace to the node's bridge as a runtime does it for a Pod; returns the result of the main plugin. */
export async function joinBridge(topology: Topology, pod: Sandbox): Promise<CniResult> {
  const result = topology.usesMainPlugin
    ? resultOf(await callPlugin(topology.node, mainPlugin(), 'ADD', pod, mainConfiguration(topology)))
    : await joinByHand(topology, pod);
  await routeBy(pod, addressOf(result), { congestion: 'cubic', ecn: false });
  return result;
}

/** What TCP does on a route. */
export interface Transport {
  readonly congestion: 'cubic' | 'bbr';
  /** Whether connections opened from here ask for ECN; the other end's kernel accepts. */
  readonly ecn: boolean;
}

/**
 * Names the transport on the route to the other end; `address` is the sandbox's own. The namespace's sysctl would do on most machines,
 * but refuses what the machine's own default restricts (net/ipv4/tcp_cong.c, tcp_set_default_congestion_control).
 */
export async function routeBy(pod: Sandbox, address: string, transport: Transport): Promise<void> {
  const route = `${SUBNET}.0/24 dev ${pod.interfaceName} proto kernel scope link src ${address}`;
  const ecn = transport.ecn ? ['features', 'ecn'] : [];
  const args = ['route', 'replace', ...route.split(' '), 'congctl', transport.congestion, ...ecn];
  await executeOrThrow(...inNamespace(pod.namespace, 'ip', args));
}

/** Takes the namespace off the bridge again: its interface and its address are gone. */
export async function leaveBridge(topology: Topology, pod: Sandbox): Promise<void> {
  if (topology.usesMainPlugin) {
    await callPlugin(topology.node, mainPlugin(), 'DEL', pod, mainConfiguration(topology));
    return;
  }
  const [file, args] = inNamespace(pod.namespace, 'ip', ['link', 'delete', pod.interfaceName]);
  await executeOrThrow(file, args);
}

/** The sandboxes of the topology's two ends. */
export function sandboxes(topology: Topology): { readonly pod: Sandbox; readonly client: Sandbox } {
  return { pod: sandbox('demo-pod', topology.pod), client: sandbox('demo-client', topology.client) };
}

function mainPlugin(): string {
  return join(PLUGIN_DIRECTORY, 'bridge');
}

function mainConfiguration(topology: Topology): object {
  return {
    cniVersion: '1.0.0',
    name: 'natra-live',
    type: 'bridge',
    bridge: BRIDGE,
    isGateway: true,
    ipMasq: false,
    mtu: 1500,
    ipam: {
      type: 'host-local',
      dataDir: topology.stateDirectory,
      ranges: [[{ subnet: `${SUBNET}.0/24` }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
}

/** The same links with `ip` alone, and the result that the bridge plugin would have printed. */
async function joinByHand(topology: Topology, pod: Sandbox): Promise<CniResult> {
  const hostName = `veth${pod.containerId.slice(0, 8)}`;
  const host = pod.namespace === topology.pod ? 3 : 2;
  const address = `${SUBNET}.${host}/24`;
  const inNode = inNamespace(topology.node, 'sh', [
    '-ec',
    [
      `ip link show ${BRIDGE} >/dev/null 2>&1 || ip link add ${BRIDGE} type bridge`,
      `ip link set ${BRIDGE} up`,
      `ip address replace ${SUBNET}.1/24 dev ${BRIDGE}`,
      `ip link add ${hostName} type veth peer name ${pod.interfaceName} address ${MAC_PREFIX}:0${host} netns ${pod.namespace.name}`,
      `ip link set ${hostName} master ${BRIDGE} up`,
    ].join('\n'),
  ]);
  await executeOrThrow(...inNode);
  const inPod = inNamespace(pod.namespace, 'sh', [
    '-ec',
    [
      `ip address add ${address} dev ${pod.interfaceName}`,
      `ip link set ${pod.interfaceName} up`,
      `ip route add default via ${SUBNET}.1`,
    ].join('\n'),
  ]);
  await executeOrThrow(...inPod);
  return {
    cniVersion: '1.0.0',
    interfaces: [
      { name: BRIDGE, mac: await macOf(topology.node, BRIDGE) },
      { name: hostName, mac: await macOf(topology.node, hostName) },
      {
        name: pod.interfaceName,
        mac: await macOf(pod.namespace, pod.interfaceName),
        sandbox: pod.namespace.path,
      },
    ],
    ips: [{ address, gateway: `${SUBNET}.1`, interface: 2 }],
    routes: [{ dst: '0.0.0.0/0' }],
    dns: {},
  };
}

async function macOf(namespace: Namespace, link: string): Promise<string> {
  const printed = await executeOrThrow(...inNamespace(namespace, 'ip', ['-j', 'link', 'show', 'dev', link]));
  const [described] = JSON.parse(printed) as Array<{ readonly address?: string }>;
  return described?.address ?? '';
}
