/** Random calls of the built executable: what a process adds to the plugin within it. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ArbitraryCall, arbitraryCall } from '../../cni/testing/arbitrary-calls.ts';
import { buildExecutable } from '../../cni/testing/build.ts';
import { captured } from '../../cni/testing/calls.ts';
import { run } from '../../cni/testing/shell.ts';
import { expectSpecified } from '../../cni/testing/specified.ts';
import { sampling } from '../differential/agree.ts';

const executable = join(import.meta.dirname, '..', '..', 'dist', 'natra');
const HANG_MILLISECONDS = 60_000;

/** There is no interface in it, so that no call comes to attach anything. */
const netns = `natra-fuzz-run-${process.pid}`;
let directory: string;

beforeAll(() => {
  buildExecutable();
  run(`ip netns add ${netns}`);
  directory = mkdtempSync(join(tmpdir(), 'natra-fuzz-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
  run(`ip netns del ${netns}`);
});

interface Streams {
  readonly stdin?: number;
  readonly stderr?: number;
  readonly log?: string;
}

/** Makes the call, and holds the answer against the specification. */
function answer({ variables, stdin }: ArbitraryCall, { stdin: fd, stderr, log = 'off' }: Streams = {}): void {
  const { status, signal, stdout } = spawnSync(executable, {
    encoding: 'utf8',
    env: {
      ...variables,
      PATH: process.env.PATH,
      NATRA_STATE_DIR: join(directory, 'state'),
      NATRA_PIN_DIR: `/sys/fs/bpf/natra-fuzz-run-${process.pid}`,
      NATRA_LOG: log,
    },
    input: stdin,
    stdio: [fd ?? 'pipe', 'pipe', stderr ?? 'pipe'],
    timeout: HANG_MILLISECONDS,
  });
  expect({ status, signal }).toEqual({
    status: expect.toSatisfy((code) => code === 0 || code === 1),
    signal: null,
  });
  const text = fd === undefined ? Buffer.from(stdin).toString('utf8') : '';
  expectSpecified(variables.CNI_COMMAND ?? '', text, {
    stdout: stdout.replace(/\n$/, ''),
    exitCode: status === 0 ? 0 : 1,
  });
}

const { seed = 0, numRuns = 0 } = sampling(50);

test(`${numRuns} random calls of seed ${seed} are answered in the form of the specification`, () => {
  fc.assert(
    fc.property(arbitraryCall(`/run/netns/${netns}`), (call) => answer(call)),
    { seed, numRuns },
  );
}, 600_000);

describe.each(['ADD', 'DEL', 'FROB'])('%s is answered', (CNI_COMMAND) => {
  const { env, stdin } = captured('ctrd1.7-ADD-full');
  const call = {
    variables: { ...env, CNI_COMMAND, CNI_NETNS: `/run/netns/${netns}` },
    stdin: Buffer.from(JSON.stringify(stdin)),
  };

  test.each(['/', '/dev/null'])('where stdin is %s', (path) => {
    const fd = openSync(path, 'r');
    try {
      answer(call, { stdin: fd });
    } finally {
      closeSync(fd);
    }
  });

  test.each(['stderr', '/dev/full'])('where neither the log, %s, nor stderr takes anything', (log) => {
    const fd = openSync('/dev/full', 'w');
    try {
      answer(call, { stderr: fd, log });
    } finally {
      closeSync(fd);
    }
  });
});
