import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { thisNode } from './node.ts';
import { run } from './operator.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'natra-operator-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function natra(...argv: string[]) {
  const said = { status: 0, out: '', error: '' };
  const node = thisNode({
    NATRA_STATE_DIR: join(directory, 'state'),
    NATRA_PIN_DIR: join(directory, 'pins'),
    NATRA_LOG: 'off',
  });
  said.status = await run(argv, directory, node, {
    out: (text) => {
      said.out += text;
    },
    error: (text) => {
      said.error += text;
    },
    isTerminal: false,
  });
  return said;
}

const COMMANDS = ['install', 'uninstall', 'status', 'doctor', 'top', 'metrics', 'upgrade', 'set'];

test.each(COMMANDS)('%s --help prints the usage and does nothing', async (command) => {
  const { status, out, error } = await natra(command, '--help');
  expect({ status, error }).toEqual({ status: 0, error: '' });
  expect(out).toMatch(/^usage: natra/);
  expect(out).toContain(`\n  ${command}`);
});

test('a state directory that is none is told in a line', async () => {
  writeFileSync(join(directory, 'state'), '');
  for (const argv of [['status'], ['metrics'], ['top'], ['upgrade'], ['set', 'a/b', '--egress-rate', '1M']]) {
    const { status, error } = await natra(...argv);
    expect(status).toBe(1);
    const told = 'ENOTDIR; in the place of the state directory is something else: move it away';
    expect(error).toBe(`natra ${argv[0]}: list ${join(directory, 'state')}: ${told}\n`);
  }
});
