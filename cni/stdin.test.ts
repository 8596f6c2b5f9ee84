import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readToEnd } from './stdin.ts';

test('a non-blocking pipe is read to its end, however late its writer is', () => {
  const directory = mkdtempSync(join(tmpdir(), 'natra-stdin-'));
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(pipe, 'w');
  try {
    spawn('sh', ['-c', 'sleep 0.2; printf late; sleep 0.2; printf ly'], {
      stdio: ['ignore', writer, 'ignore'],
    });
    closeSync(writer);
    expect(readToEnd(reader)).toBe('lately');
  } finally {
    closeSync(reader);
    rmSync(directory, { recursive: true });
  }
});
