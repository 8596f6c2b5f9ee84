/** The built executable installs itself into folders of its own, and is what a runtime then calls. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { pinObject } from '../../loader/bpf/bpffs.ts';
import { BPFFS, createMap, makeDirectory, removeDirectory, removePins } from '../../loader/index.ts';
import { KNOWN_SEED } from '../start-anew.ts';
import { buildExecutable } from '../testing/build.ts';
import { captured } from '../testing/calls.ts';
import { keepCode } from './keep-code.ts';

const root = join(import.meta.dirname, '..', '..');
const executable = join(root, 'dist', 'natra');
const LIST = '10-calico.conflist';
const fixture = readFileSync(join(import.meta.dirname, 'fixtures', LIST), 'utf8');

let place: string;
let watcher: ChildProcess | undefined;

beforeAll(buildExecutable);
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'natra-command-'));
  mkdirSync(join(place, 'bin'));
  mkdirSync(join(place, 'net.d'));
  restore();
});
afterEach(() => {
  watcher?.kill('SIGKILL');
  watcher = undefined;
  rmSync(place, { recursive: true });
});

const restore = (): void => writeFileSync(join(place, 'net.d', LIST), fixture);
const list = (): string => readFileSync(join(place, 'net.d', LIST), 'utf8');
const installed = (): string => join(place, 'bin', 'natra');
const folders = (): string[] => [`--cni-bin-dir=${join(place, 'bin')}`, `--conf-dir=${join(place, 'net.d')}`];

function natra(file: string, ...argv: string[]) {
  const { status, stdout, stderr } = spawnSync(file, argv, {
    encoding: 'utf8',
    // What is limited on this machine is no concern of the test.
    env: { PATH: process.env.PATH, NATRA_STATE_DIR: join(place, 'state') },
  });
  return { status, stdout, stderr };
}

/** What a rehearsal that was killed leaves. */
function leaveRehearsal(pid: number): readonly [root: string, records: string] {
  const root = `${BPFFS}/natra-rehearsal-${pid}`;
  const paths = ['', '/rehearsal-eth0', '/rehearsal-eth0/ingress'].map((path) => root + path);
  for (const path of paths) makeDirectory(path, 0o700);
  const map = createMap({ name: 'left', kind: 'array', keySize: 4, valueSize: 4, maxEntries: 1, flags: 0 });
  pinObject(map.fd, `${paths.at(-1)}/map-left`);
  map.close();
  const records = join(tmpdir(), `natra-rehearsal-${pid}-left`);
  mkdirSync(join(records, 'of-a-pod'), { recursive: true });
  return [root, records];
}

test('an install removes what is left of a rehearsal that was killed, and nothing of one at work', () => {
  const { pid: ofTheDead } = spawnSync('true');
  const [dead, alive] = [leaveRehearsal(ofTheDead), leaveRehearsal(process.pid)];
  try {
    expect(natra(executable, 'install', '--replace-bandwidth', ...folders())).toMatchObject({ status: 0 });
    expect([...dead, ...alive].map((path) => existsSync(path))).toEqual([false, false, true, true]);
  } finally {
    for (const [root, records] of [dead, alive]) {
      removePins(root, 'rehearsal-eth0');
      removeDirectory(root);
      rmSync(records, { recursive: true, force: true });
    }
  }
});

test('installs, answers as a plugin from there, and uninstalls itself', () => {
  const put = natra(executable, 'install', '--replace-bandwidth', ...folders());
  expect(put).toEqual({
    status: 0,
    stderr: '',
    stdout: `${installed()}: installed\n${join(place, 'net.d', LIST)}: natra put in\n`,
  });
  const version = spawnSync(installed(), [], {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, CNI_COMMAND: 'VERSION' },
    input: '{"cniVersion":"1.0.0"}',
  });
  expect(JSON.parse(version.stdout)).toMatchObject({ cniVersion: '1.0.0' });
  expect(natra(installed(), 'install', '--replace-bandwidth', ...folders()).stdout).toMatch(
    /up to date\n.*is in it\n$/,
  );

  const taken = natra(installed(), 'uninstall', ...folders());
  expect(taken).toMatchObject({ status: 0, stderr: '' });
  expect(taken.stdout).toMatch(/as it was before natra\n.*natra: removed\n$/);
  expect(list()).toBe(fixture);
  expect(existsSync(installed())).toBe(false);
});

test('with a Node.js of its own it needs none in PATH', async () => {
  expect(natra(executable, 'install', '--with-node', '--replace-bandwidth', ...folders())).toMatchObject({
    status: 0,
  });
  const node = join(dirname(realpathSync(installed())), 'node');
  expect(statSync(node).size).toBe(statSync(realpathSync(process.execPath)).size);
  // What that Node.js has compiled in a rehearsal of the verbs lies there for every call.
  const verbs = join(dirname(node), 'natra-verbs.cjs');
  const { size } = statSync(`${verbs}.code`);
  expect(size).toBeGreaterThan(100_000);
  // V8 refuses code that was made under other options than those of the calls.
  const [, ...options] = readFileSync(installed(), 'latin1').split('\n', 1)[0]!.split(' ');
  const isRefused = `
    const [text, cachedData] = [fs.readFileSync('${verbs}', 'latin1'), fs.readFileSync('${verbs}.code')];
    console.log(new vm.Script(text, { filename: '${verbs}', cachedData }).cachedDataRejected);`;
  expect(spawnSync(node, [...options, '-e', isRefused], { encoding: 'utf8' }).stdout).toBe('false\n');
  expect(options).toEqual([KNOWN_SEED]);
  // The second starts anew, in the same process.
  expect([answeredBySelf('short'), answeredBySelf('long'.repeat(5000))]).toEqual([true, true]);
  await keepCode(verbs, () => {
    throw new Error('no rehearsal');
  });
  expect(size).toBeLessThan(0.8 * statSync(`${verbs}.code`).size);
  const rehearsals = () =>
    [tmpdir(), BPFFS].flatMap((each) => readdirSync(each)).filter((name) => name.includes('rehearsal'));
  // Another test may be installing at the same time.
  await expect.poll(rehearsals, { timeout: 10_000 }).toEqual([]);
  const { status, stderr } = spawnSync(installed(), ['--version'], {
    encoding: 'utf8',
    env: { PATH: '/none' },
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

/** Whether the process that a runtime starts is the one that answers, as natra's log tells. */
function answeredBySelf(annotation: string): boolean {
  const { env, stdin } = captured('ctrd1.7-ADD-full');
  const runtimeConfig = {
    ...Object(stdin.runtimeConfig),
    'io.kubernetes.cri.pod-annotations': { annotation },
  };
  const state = join(place, 'state');
  const { pid, status, stdout } = spawnSync(installed(), {
    encoding: 'utf8',
    env: { ...env, NATRA_STATE_DIR: state },
    input: JSON.stringify({ ...stdin, runtimeConfig }),
  });
  expect({ status, ...JSON.parse(stdout) }).toMatchObject({
    status: 1,
    msg: 'invalid CNI_NETNS',
  });
  return readFileSync(join(state, 'natra.log'), 'utf8')
    .trim()
    .split('\n')
    .at(-1)!
    .includes(`[${pid}] ADD failed`);
}

test.each([
  [['install'], 1, /^natra install: put natra into .*10-calico.conflist: the plugin "bandwidth" is in it/],
  [['install', '--replace-bandwidth', '--beside-bandwidth'], 1, /exclude each other/],
  [['install', '--restore-on-exit'], 1, /goes with --watch only/],
  [['install', '--conf-file', '../x.conflist'], 1, /names a file in .*, without a path/],
  [['install', '--now'], 2, /Unknown option '--now'[\s\S]*usage: natra/],
  [['frobnicate'], 2, /there is no command "frobnicate"[\s\S]*usage: natra/],
])('%j is refused in words', (argv, status, words) => {
  const known = argv[0] === 'install' && status === 1 ? folders() : [];
  const refused = natra(executable, ...argv, ...known);
  expect(refused).toMatchObject({ status, stdout: '' });
  expect(refused.stderr).toMatch(words);
  expect(refused.stderr).not.toMatch(/\n +at /);
  expect(list()).toBe(fixture);
});

test('a folder that is named from here is found from everywhere, also by the node beside natra', () => {
  const options = { cwd: place, encoding: 'utf8' } as const;
  const argv = ['install', '--with-node', '--replace-bandwidth', '--cni-bin-dir=bin', '--conf-dir=net.d'];
  expect(spawnSync(executable, argv, options)).toMatchObject({ status: 0, stderr: '' });
  expect(natra(installed(), '--version')).toMatchObject({ status: 0, stderr: '' });
});

test('installs and uninstalls at the same time leave a list that calls only what is there', async () => {
  const run = (...argv: string[]): Promise<unknown> => {
    const child = spawn(executable, [...argv, ...folders()], {
      stdio: 'ignore',
      env: { PATH: process.env.PATH, NATRA_STATE_DIR: join(place, 'state') },
    });
    return new Promise((resolve) => child.on('exit', resolve));
  };
  const both = [1, 2, 3].flatMap(() => [run('install', '--replace-bandwidth'), run('uninstall')]);
  expect(await Promise.all(both)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(existsSync(installed())).toBe(names());
});

function startWatching(...more: string[]): Promise<number | null> {
  const argv = ['install', '--watch', '--replace-bandwidth', ...folders(), ...more];
  watcher = spawn(executable, argv, { stdio: 'ignore' });
  const child = watcher;
  return new Promise((resolve) => child.on('exit', resolve));
}
const names = (): boolean => list().includes('"natra"');

test('watching, it outlives the main plugin that rewrites its file, and leaves natra there when it ends', async () => {
  const ended = startWatching();
  await expect.poll(names, { timeout: 20_000 }).toBe(true);
  restore();
  await expect.poll(names, { timeout: 20_000 }).toBe(true);
  watcher?.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(names()).toBe(true);
});

test('asked to, it restores all when it ends', async () => {
  const ended = startWatching('--restore-on-exit');
  await expect.poll(names, { timeout: 20_000 }).toBe(true);
  watcher?.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(list()).toBe(fixture);
  expect(existsSync(installed())).toBe(false);
});

test('without the file of commands beside it, it says what is missing', () => {
  cpSync(executable, join(place, 'natra'));
  const alone = natra(join(place, 'natra'), 'status');
  expect(alone.status).toBe(1);
  expect(alone.stderr).toMatch(/natra-operator.cjs/);
  expect(alone.stderr).not.toMatch(/\n +at /);
});
