/** The image of the DaemonSet, built from deploy/Dockerfile without a network and run with the DaemonSet's rights. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { prepare } from '../../cni/dataplane/prepare.ts';
import { buildExecutable } from '../../cni/testing/build.ts';
import { ofAnotherRelease } from '../../cni/testing/objects.ts';
import { readElf } from '../../dsl/object/elf/read.ts';
import { writePrepared } from '../../dsl/object/prepared.ts';
import { listPins, openPins, programInfo } from '../../loader/index.ts';
import { makeNodeImage } from './image.ts';
import { makeRuntimeNode, type RuntimeNode, statusOn } from './node.ts';
import { missingForPodman, Podman } from './podman.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const BASE = 'localhost/natra-node:1';
const TAG = 'localhost/natra:test';
const NAME = 'natra-install';
const POD = 'one';
const LIMITS = { ingressRate: 10e6, ingressBurst: 2e6, egressRate: 20e6, egressBurst: 4e6 };
const LIST = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'cluster',
  plugins: [{ type: 'bridge' }, { type: 'bandwidth', capabilities: { bandwidth: true } }],
});

const missing = missingForPodman();
let node: RuntimeNode;
let podman: Podman;
/** Folders of a node that natra has not come to. */
let bin: string;
let conf: string;

beforeAll(() => {
  if (missing !== undefined) return;
  buildExecutable();
  node = makeRuntimeNode(LIMITS);
  podman = new Podman(node);
  bin = join(node.folder, 'fresh', 'bin');
  conf = join(node.folder, 'fresh', 'net.d');
  for (const each of [bin, conf]) mkdirSync(each, { recursive: true });
  writeFileSync(list(), LIST);
});
afterAll(() => {
  podman?.remove(NAME);
  node?.remove();
});

const list = (): string => join(conf, '10-cluster.conflist');
const types = (): string[] =>
  JSON.parse(readFileSync(list(), 'utf8')).plugins.map(({ type }: { type: string }) => type);

/** As deploy/kustomize/base/daemonset.yaml has it: no capability, nothing to write but the two folders. */
const RIGHTS = [
  '--read-only',
  '--read-only-tmpfs=false',
  '--cap-drop=all',
  '--security-opt=no-new-privileges',
];

describe.skipIf(missing !== undefined && !process.env.CI)(`the image${missing ? `: ${missing}` : ''}`, () => {
  test('builds from local files alone', () => {
    const folder = join(node.folder, 'base');
    mkdirSync(folder);
    podman.load(makeNodeImage(folder, BASE));
    podman.build(TAG, join(ROOT, 'deploy', 'Dockerfile'), ROOT, BASE);
  });

  test('started, it puts natra on the node, which runs there without the container', async () => {
    const mounts = [bin, conf].flatMap((folder) => ['--volume', `${folder}:${folder}`]);
    const folders = [`--cni-bin-dir=${bin}`, `--conf-dir=${conf}`];
    const argv = [
      'install',
      '--watch',
      '--with-node',
      '--replace-bandwidth',
      '--restore-on-exit',
      ...folders,
    ];
    podman.run(NAME, [...RIGHTS, '--network=none', ...mounts], TAG, argv);
    await expect.poll(types, { timeout: 30_000 }).toEqual(['bridge', 'natra']);
    const version = execFileSync(join(bin, 'natra'), {
      encoding: 'utf8',
      env: { PATH: '/none', CNI_COMMAND: 'VERSION' },
      input: '{"cniVersion":"1.0.0"}',
    });
    expect(JSON.parse(version)).toMatchObject({ cniVersion: '1.0.0' });
    expect(podman.logs(NAME)).toContain(`${list()}: natra put in`);
  });

  test('it puts natra back when the main plugin rewrites its file', async () => {
    writeFileSync(list(), LIST);
    await expect.poll(types, { timeout: 30_000 }).toEqual(['bridge', 'natra']);
  });

  test('told to end, it restores every byte and exits with 0', () => {
    expect(podman.stop(NAME)).toBe(0);
    expect(readFileSync(list(), 'utf8')).toBe(LIST);
    expect(existsSync(join(bin, 'natra'))).toBe(false);
  });

  describe('beside a Pod that runs with the programs of another release', () => {
    beforeAll(() => {
      if (missing !== undefined) return;
      podman.remove(NAME);
      installAnotherRelease();
      podman.start(POD);
    });
    afterEach(() => podman.remove(NAME));
    afterAll(() => podman?.remove(POD));

    test('with the rights of an upgrade it gives the Pod its own programs, and keeps its limits', async () => {
      const before = programsOf();
      const argv = ['install', '--watch', '--with-node', '--replace-bandwidth', '--upgrade', ...folders()];
      const writes = [node.binDirectory, node.confDirectory].flatMap((each) => [
        '--volume',
        `${each}:${each}`,
      ]);
      const capabilities = ['NET_ADMIN', 'SYS_ADMIN', 'SYS_RESOURCE'];
      podman.run(NAME, [...RIGHTS, ...onNode(capabilities), ...writes], TAG, argv);
      await expect.poll(() => podman.logs(NAME), { timeout: 30_000 }).toContain('limits upgraded: 2\n');
      const { limits } = statusOn(node);
      expect(limits.map(({ direction, faults }) => [direction, faults])).toEqual([
        ['ingress', []],
        ['egress', []],
      ]);
      const after = programsOf();
      expect(after).toHaveLength(2);
      expect(before.filter((id) => after.includes(id))).toEqual([]);
    });

    test('with the rights of metrics it sees that both limits are in force', async () => {
      podman.run(NAME, [...RIGHTS, ...onNode(['NET_ADMIN', 'SYS_ADMIN'])], TAG, ['metrics']);
      const inForce = () => podman.logs(NAME).match(/^natra_in_force{.*} 1$/gm);
      await expect.poll(inForce, { timeout: 30_000 }).toHaveLength(2);
    });
  });
});

const folders = (): string[] => [`--cni-bin-dir=${node.binDirectory}`, `--conf-dir=${node.confDirectory}`];

/** As deploy/kustomize/upgrade and metrics have it: the node's network, pins, records and namespaces. */
function onNode(capabilities: readonly string[]): string[] {
  const { NATRA_STATE_DIR: state = '', NATRA_PIN_DIR: pins = '' } = node.environment;
  return [
    ...capabilities.map((each) => `--cap-add=${each}`),
    '--network=host',
    '--volume=/sys/fs/bpf:/sys/fs/bpf:rslave',
    '--volume=/run/netns:/run/netns:rslave',
    `--volume=${state}:${state}`,
    `--env=NATRA_STATE_DIR=${state}`,
    `--env=NATRA_PIN_DIR=${pins}`,
  ];
}

/** Puts a program that does the same with an instruction more where the node's natra has its own. */
function installAnotherRelease(): void {
  const installed = dirname(realpathSync(join(node.binDirectory, 'natra')));
  const other = ofAnotherRelease(readFileSync(join(installed, 'limit.o')));
  writeFileSync(join(installed, 'limit.o'), other);
  writeFileSync(join(installed, 'limit.prepared'), writePrepared(prepare(readElf(other))));
}

/** Ids of the programs that are pinned for Pods. */
function programsOf(): number[] {
  const root = node.natra.pinDirectory;
  const places = listPins(root).flatMap(({ key, labels }) => labels.map((label) => ({ root, key, label })));
  return places.flatMap((place) => {
    const pins = openPins(place);
    try {
      return pins?.programFd === undefined ? [] : [programInfo(pins.programFd).id];
    } finally {
      pins?.close();
    }
  });
}
