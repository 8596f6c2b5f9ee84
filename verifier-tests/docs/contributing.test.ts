/** docs/contributing-dataplane.md: each of its commands runs as it stands there, and prints what it says. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { MENDS } from '../../loader/verifier/mend.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const PAGE = readFileSync(path.join(ROOT, 'docs/contributing-dataplane.md'), 'utf8');
const COMMAND = 'npm run natra -- ';

interface Step {
  readonly arguments: readonly string[];
  readonly status: number;
  /** Lines to be found in this order; `…` stands for anything. */
  readonly expected: readonly string[];
}

/** A ```sh block's commands; the ```text block that follows says what the last of them prints. */
function steps(): Step[] {
  const blocks = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```\n)?/gm)];
  return blocks.flatMap(([, commands = '', text = '']) => {
    const lines = commands.trim().split('\n');
    return lines.map((line, index) => {
      const [command = '', comment = ''] = line.split(' # ');
      expect(command.startsWith(COMMAND), command).toBe(true);
      return {
        arguments: command.slice(COMMAND.length).trim().split(' '),
        status: comment === 'exits with 1' ? 1 : 0,
        expected: index === lines.length - 1 ? text.split('\n').filter((each) => each !== '') : [],
      };
    });
  });
}

const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
/** Columns stand wherever the widest cell puts them. */
const squeezed = (text: string): string => text.replaceAll(/ +/g, ' ').trim();
const patternOf = (line: string): RegExp => new RegExp(squeezed(line).split('…').map(escaped).join('.*'));

describe('the page for contributors', () => {
  const all = steps();

  test('has commands of every kind', () => {
    const names = new Set(all.map((step) => step.arguments[0]));
    expect(names).toEqual(new Set(['check', 'trace', 'dev', 'compile', 'simulate']));
  });

  test.each(all.map((step) => [step.arguments.join(' '), step] as const))('natra %s', (_, step) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ['scripts/natra.mjs', ...step.arguments], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    expect(status).toBe(step.status);
    const lines = stdout.split('\n');
    let at = 0;
    for (const line of step.expected) {
      const pattern = patternOf(line);
      const found = lines.findIndex((each, index) => index >= at && pattern.test(squeezed(each)));
      expect(found, `${line}\nis not, in this order, in\n${stdout}`).toBeGreaterThanOrEqual(at);
      at = found + 1;
    }
  });

  test('has every mend', () => {
    const rows = MENDS.map(
      ({ name, why, instead }) => `| ${name} | ${why} | ${instead.replaceAll('|', '\\|')} |`,
    );
    expect(PAGE.slice(PAGE.indexOf('| name |')).trimEnd().split('\n').slice(2)).toEqual(rows);
  });
});
