/** The test files that stand beside changed sources, run in the background; a newer change ends them. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

const PROJECT = path.resolve(import.meta.dirname, '../../..');
const VITEST = path.join(PROJECT, 'node_modules', 'vitest', 'vitest.mjs');
const LAST_LINES = 30;

/** `x.test.ts` for each source `x.ts` that has one. */
export function testsBeside(sources: Iterable<string>): readonly string[] {
  const tests = [...sources].map((file) => path.resolve(file).replace(/(\.test)?\.ts$/, '.test.ts'));
  return [...new Set(tests)].filter((file) => existsSync(file)).sort();
}

export class TestRun {
  private child: ChildProcess | undefined;

  constructor(private readonly say: (text: string) => void) {}

  /** Ends what still runs and starts these; what they say comes when they have ended. */
  start(files: readonly string[]): void {
    this.stop();
    if (files.length === 0) return;
    const child = spawn(process.execPath, [VITEST, 'run', ...files], {
      cwd: PROJECT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    this.child = child;
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.on('close', (status) => {
      // What was stopped for a newer run says nothing.
      if (this.child !== child) return;
      this.child = undefined;
      const names = files.map((file) => path.relative(process.cwd(), file)).join(', ');
      const tail = output.trimEnd().split('\n').slice(-LAST_LINES).join('\n');
      this.say(status === 0 ? `tests pass: ${names}\n` : `tests fail: ${names}\n${tail}\n`);
    });
  }

  stop(): void {
    const { child } = this;
    this.child = undefined;
    child?.kill();
  }
}
