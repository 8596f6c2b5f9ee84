import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Execution } from './execute.ts';

const caller = join(import.meta.dirname, '..', 'testing', 'execute.ts');
const folder = mkdtempSync(join(tmpdir(), 'natra-execute-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Starts a process whose place another program then takes; on stdin it has "former". */
function replaced(execution: Partial<Execution> & Pick<Execution, 'path'>): SpawnSyncReturns<string> {
  const file = join(folder, 'execution.json');
  writeFileSync(file, JSON.stringify({ args: [], environment: {}, input: '', ...execution }));
  const argv = ['--import', 'tsx', caller, file];
  return spawnSync(process.execPath, argv, { input: 'former', encoding: 'utf8' });
}

describe('what takes the place', () => {
  test('has the arguments, the environment and the stdin that it is given, and nothing of the former ones', () => {
    const report = `const of = (file) => fs.readFileSync('/proc/self/' + file, 'utf8').split('\\0').slice(0, -1);
const input = fs.readFileSync(0, 'utf8');
console.log(JSON.stringify({ pid: process.pid, args: of('cmdline'), variables: of('environ'), input }));
console.error('said');`;
    const args = ['its name', '-e', report, '', 'two words', 'Grüße', '$(true)'];
    const environment = { EMPTY: '', TEXT: 'a=b c', LETTER: 'ß' };
    // More than a pipe holds.
    const input = 'ö'.repeat(100_000);
    const { pid, status, stdout, stderr } = replaced({ path: process.execPath, args, environment, input });
    expect({ status, stderr }).toEqual({ status: 0, stderr: 'said\n' });
    const variables = ['EMPTY=', 'TEXT=a=b c', 'LETTER=ß'];
    expect(JSON.parse(stdout)).toEqual({ pid, args, variables, input });
  });

  test('has its input at stdin and no other descriptor', () => {
    const args = ['sh', '-c', 'cd /proc/$$/fd && for each in *; do echo $each $(readlink $each); done'];
    const { stdout } = replaced({ path: '/bin/sh', args });
    expect(stdout.split('\n').filter((line) => line.includes('memfd'))).toEqual(['0 /memfd:stdin (deleted)']);
  });

  test('ends by itself, or by whoever kills the process', () => {
    expect(replaced({ path: '/bin/sh', args: ['sh', '-c', 'exit 7'] }).status).toBe(7);
    expect(replaced({ path: '/bin/sh', args: ['sh', '-c', 'kill -9 $$'] }).signal).toBe('SIGKILL');
  });
});

describe('what the kernel refuses is told with the path, and the process goes on with the new stdin', () => {
  const plain = join(folder, 'plain');
  writeFileSync(plain, 'exit\n', { mode: 0o600 });

  test.each([
    ['no such file', { path: '/none/such' }, 'execute /none/such: ENOENT'],
    ['a file that nobody may execute', { path: plain }, `execute ${plain}: EACCES`],
    // MAX_ARG_STRLEN (include/uapi/linux/binfmts.h): 32 pages.
    [
      'an argument that is too long',
      { path: '/bin/sh', args: ['sh', '-c', 'x'.repeat(2 ** 21)] },
      'execute /bin/sh: E2BIG',
    ],
    [
      'a variable that would be cut short',
      { path: '/bin/sh', environment: { CUT: 'a\0b' } },
      'a string for the kernel holds a NUL byte: "CUT=a\\u0000b"',
    ],
  ])('%s', (_, execution, error) => {
    const { stdout, stderr, status } = replaced({ ...execution, input: 'given' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ error, stdin: 'given' });
  });
});
