/** The built executable with the compiled programs, called as a runtime calls it. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { removeDirectory } from '../loader/index.ts';
import { BUNDLE, COMPANIONS } from './install/executable.ts';
import { type Node, thisNode } from './node.ts';
import { buildExecutable } from './testing/build.ts';
import { type CapturedCall, captured, forPod, withKeys } from './testing/calls.ts';
import { makePod, type TestPod } from './testing/pod.ts';
import { leftovers, type Snapshot, snapshot } from './testing/snapshot.ts';

const root = join(import.meta.dirname, '..');
const executable = join(root, 'dist', 'natra');

let pod: TestPod;
let node: Node;
let directories: Record<string, string>;
let before: Snapshot;

beforeAll(buildExecutable);
beforeEach(() => {
  pod = makePod();
  directories = {
    NATRA_STATE_DIR: join(mkdtempSync(join(tmpdir(), 'natra-')), 'state'),
    NATRA_PIN_DIR: `/sys/fs/bpf/natra-run-${process.pid}`,
  };
  node = thisNode(directories);
  before = snapshot(pod, node);
});
afterEach(() => {
  pod.destroy();
  rmSync(join(node.stateDirectory, '..'), { recursive: true });
  removeDirectory(node.pinDirectory);
});

function start(file: string, variables: Record<string, string>, input: string) {
  const env = { PATH: process.env.PATH ?? '', ...directories, ...variables };
  const { status, stdout, stderr } = spawnSync(file, { encoding: 'utf8', env, input });
  return { status, stdout, stderr };
}

/** The executable in a folder of its own, with all of its parts but those. */
function copyWithout(...absent: string[]): string {
  const folder = join(node.stateDirectory, '..', 'bin');
  mkdirSync(folder);
  for (const name of [BUNDLE, ...COMPANIONS].filter((each) => !absent.includes(each)))
    copyFileSync(join(root, 'dist', name), join(folder, name));
  return join(folder, BUNDLE);
}

const call = ({ env, stdin }: CapturedCall, file = executable) => start(file, env, JSON.stringify(stdin));
const forThisPod = (name: string): CapturedCall => forPod(captured(name), pod);

describe('a Pod from start to end', () => {
  test.each(['tcx', 'clsact'])('in mode %s', async (attachMode) => {
    const inMode = ({ env, stdin }: CapturedCall): CapturedCall => ({
      env,
      stdin: { ...stdin, attachMode },
    });
    const add = inMode(forThisPod('cnitool1.3-cni1.1-ADD'));
    const added = call(add);
    expect(added).toMatchObject({ status: 0, stderr: '' });
    expect(added.stdout).toBe(`${JSON.stringify(add.stdin.prevResult)}\n`);
    const made = leftovers(before, snapshot(pod, node));
    expect(made).toMatchObject({ programs: [expect.any(Number), expect.any(Number)] });

    const silence = { status: 0, stdout: '', stderr: '' };
    expect(call(inMode(forThisPod('cnitool1.3-cni1.1-CHECK')))).toEqual(silence);
    expect(call(inMode(forThisPod('cnitool1.3-cni1.1-DEL')))).toEqual(silence);
    expect(call(inMode(forThisPod('cnitool1.3-cni1.1-DEL')))).toEqual(silence);
    await expect.poll(() => leftovers(before, snapshot(pod, node)), { timeout: 10_000 }).toBeUndefined();
  });

  test('the record and the log are for root alone and say what was chosen', () => {
    expect(call(forThisPod('ctrd1.7-ADD-full')).status).toBe(0);
    const log = join(node.stateDirectory, 'natra.log');
    expect(readFileSync(log, 'utf8')).toMatch(
      /ingress 10000000 bits\/s: .* at .*, (fq|an htb class|policing) on the/,
    );
    const [record = ''] = snapshot(pod, node).state;
    const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
    expect([node.stateDirectory, log, join(node.stateDirectory, record)].map(mode)).toEqual([
      '700',
      '600',
      '600',
    ]);
    expect(call(forThisPod('ctrd1.7-DEL1')).status).toBe(0);
  });
});

test('STATUS is content', () => {
  expect(call(captured('kubelet1.36-ctrd2.2-cni1.1-STATUS'))).toEqual({ status: 0, stdout: '', stderr: '' });
});

test.each([
  [{ attachMode: 'xdp' }, 'invalid attachMode'],
  [{ defaults: { egressRate: '1K' } }, 'invalid defaults.egressRate'],
  [{ ingressRate: 1_000_000 }, 'if rate is set, burst must also be set'],
])('STATUS says of %j what every ADD would refuse', (keys, msg) => {
  const { status, stdout } = call(withKeys(captured('kubelet1.36-ctrd2.2-cni1.1-STATUS'), keys));
  expect({ status, ...JSON.parse(stdout) }).toMatchObject({ status: 1, msg });
});

test('STATUS says that something else is in the place of the state directory', () => {
  writeFileSync(node.stateDirectory, '');
  const { status, stdout } = call(captured('kubelet1.36-ctrd2.2-cni1.1-STATUS'));
  expect(status).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({ code: 50, msg: 'the state directory is not writable' });
});

test('without CNI_COMMAND it says what it is', () => {
  const { status, stdout, stderr } = start(executable, {}, '');
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' });
  expect(stderr).toContain('CNI protocol versions supported: 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0');
});

describe('in a folder of its own, outside the project,', () => {
  const status = () => captured('kubelet1.36-ctrd2.2-cni1.1-STATUS');

  test("ADD, CHECK and DEL need neither the compiler nor the operator's commands", () => {
    const alone = copyWithout('natra-operator.cjs');
    for (const verb of ['ADD', 'CHECK', 'DEL'])
      expect(call(forThisPod(`cnitool1.3-cni1.1-${verb}`), alone)).toMatchObject({ status: 0, stderr: '' });
  });

  test('VERSION and a good STATUS read no other part than their own', () => {
    expect(call(forThisPod('ctrd1.7-ADD-full')).status).toBe(0);
    expect(call(forThisPod('ctrd1.7-DEL1')).status).toBe(0);
    const alone = copyWithout();
    for (const name of COMPANIONS.filter((each) => !['natra-at-once.cjs', 'package.json'].includes(each)))
      writeFileSync(join(alone, '..', name), 'this is neither code nor an object');
    expect(start(alone, { CNI_COMMAND: 'VERSION' }, '{"cniVersion":"1.0.0"}')).toMatchObject({ status: 0 });
    expect(call(status(), alone)).toEqual({ status: 0, stdout: '', stderr: '' });
    // So that this test would notice: whatever else is called does read them.
    expect(call(forThisPod('ctrd1.7-ADD-noannot'), alone).status).toBe(1);
  });

  test.each(['koffi.node', 'limit.o', 'limit.prepared'])('STATUS says that %s is missing', (part) => {
    const { status: exit, stdout } = call(status(), copyWithout(part));
    expect(exit).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code: 50, details: expect.stringContaining(part) });
  });
});

describe('without its native addon', () => {
  let alone: string;
  beforeEach(() => {
    alone = copyWithout('koffi.node');
  });

  test('VERSION, configuration errors and a Pod without limits need nothing of it', () => {
    expect(start(alone, { CNI_COMMAND: 'VERSION' }, '{"cniVersion":"1.0.0"}')).toMatchObject({ status: 0 });
    const malformed = start(alone, captured('ctrd1.7-ADD-full').env, '{');
    expect(JSON.parse(malformed.stdout)).toMatchObject({ code: 6 });
    const { env, stdin } = forThisPod('ctrd1.7-ADD-full');
    const slow = call({ env, stdin: { ...stdin, egressRate: 10, egressBurst: 10 } }, alone);
    expect(JSON.parse(slow.stdout)).toMatchObject({ code: 7 });
    expect(call(forThisPod('ctrd1.7-ADD-noannot'), alone)).toMatchObject({ status: 0, stderr: '' });
  });

  test('a limited Pod starts without its limits, and a record says so', () => {
    const add = forThisPod('ctrd1.7-ADD-full');
    const { status, stdout } = call(add, alone);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toEqual(add.stdin.prevResult);
    expect(leftovers(before, snapshot(pod, node))).toEqual({ state: [expect.any(String)] });
  });

  test('under the failure policy "closed" a limited Pod is refused with what to do', () => {
    const { env, stdin } = forThisPod('ctrd1.7-ADD-full');
    const { status, stdout } = call({ env, stdin: { ...stdin, failurePolicy: 'closed' } }, alone);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ code: 999, details: expect.stringContaining('koffi.node') });
    expect(leftovers(before, snapshot(pod, node))).toBeUndefined();
  });
});
