/** The image of the DaemonSet, built from deploy/Dockerfile without a network and run with the DaemonSet's rights. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildExecutable } from '../../cni/testing/build.ts';
import { makeNodeImage } from './image.ts';
import { makeRuntimeNode, type RuntimeNode } from './node.ts';
import { missingForPodman, Podman } from './podman.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const BASE = 'localhost/natra-node:1';
const TAG = 'localhost/natra:test';
const NAME = 'natra-install';
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
  node = makeRuntimeNode();
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
  '--network=none',
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
    podman.run(NAME, [...RIGHTS, ...mounts], TAG, argv);
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
});
