/** The built executable with a known seed, called with so much on stdin that it starts anew. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { tryFileLock } from '../loader/index.ts';
import { KNOWN_SEED } from './start-anew.ts';
import { fnv1a } from './state/fnv.ts';
import { attachmentKey } from './state/key.ts';
import { buildExecutable } from './testing/build.ts';
import { captured } from './testing/calls.ts';

const executable = join(import.meta.dirname, '..', 'dist', 'natra');
/** More than a pipe holds. */
const PADDING = 'x'.repeat(500_000);

let directory: string;
beforeAll(buildExecutable);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'natra-anew-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function begin(variables: Readonly<Record<string, string>>, stdin: object) {
  const child = spawn(process.execPath, [KNOWN_SEED, executable], {
    env: { PATH: process.env.PATH ?? '', NATRA_STATE_DIR: directory, ...variables },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (text) => {
      said[name] += text;
    });
  const closed = once(child, 'close');
  child.stdin.end(JSON.stringify(stdin));
  const answer = async () => {
    const [status, signal] = await closed;
    return { status, signal, ...said };
  };
  return { child, answer };
}

const { env, stdin } = captured('ctrd1.7-ADD-noannot');
const prevResult = { ...(stdin.prevResult as object), padding: PADDING };

test('stdin, stdout and the exit status are those of one call', async () => {
  const good = begin(env, { ...stdin, prevResult });
  expect(await good.answer()).toEqual({
    status: 0,
    signal: null,
    stdout: `${JSON.stringify(prevResult)}\n`,
    stderr: '',
  });
  const bad = begin(env, { ...stdin, prevResult, cniVersion: '9.0.0' });
  const { status, stdout } = await bad.answer();
  expect({ status, ...JSON.parse(stdout) }).toMatchObject({ status: 1, code: 1 });
});

test('it is the process that the runtime started, without a second one, and dies with it', async () => {
  const named = { ...env, CNI_COMMAND: 'DEL' };
  const key = attachmentKey({
    containerId: env.CNI_CONTAINERID ?? '',
    ifname: env.CNI_IFNAME ?? '',
  });
  // A call that waits for another one.
  const lockFile = join(directory, 'locks', String(fnv1a(key) % 64n));
  mkdirSync(join(directory, 'locks'));
  writeFileSync(lockFile, '');
  const release = tryFileLock(lockFile);
  try {
    const { child, answer } = begin(named, { ...stdin, prevResult });
    const of = (file: string): string => readFileSync(`/proc/${child.pid}/${file}`, 'utf8');
    await expect
      .poll(() => of('cmdline').split('\0').slice(0, -1), { timeout: 20_000 })
      .toEqual([process.execPath, executable]);
    expect(of(`task/${child.pid}/children`)).toBe('');
    child.kill('SIGKILL');
    expect(await answer()).toEqual({ status: null, signal: 'SIGKILL', stdout: '', stderr: '' });
  } finally {
    release?.();
  }
});
