import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { UsageError } from '../../../dsl/cli/output.ts';
import { compile } from '../../../dsl/compiler/index.ts';
import { writeElf } from '../../../dsl/object/elf/write.ts';
import { simulateCommand } from './command.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'natra-simulate-'));
afterAll(() => rmSync(folder, { recursive: true }));

function run(...argv: string[]): { readonly status: number; readonly out: string } {
  let out = '';
  const status = simulateCommand(argv, {
    out: (text) => {
      out += text;
    },
    error: (text) => {
      throw new Error(text);
    },
  });
  return { status, out };
}

test('the cap holds in the model, mice pass a token bucket’s queue by, and a run repeats exactly', () => {
  const argv = ['--rate', '10M', '--seconds', '3', '--against', 'tbf', '--json', '--mice', '10'];
  const first = run(...argv);
  expect(first.status).toBe(0);
  const { results, limit, scenario } = JSON.parse(first.out);
  expect(limit).toMatchObject({ rateBitsPerSecond: 10_000_000, pacing: 'edt' });
  expect(scenario).toMatchObject({ seconds: 3, elephants: 1 });
  const [natra, tbf] = results;
  expect([natra.name, tbf.name]).toEqual(['programs/limit.ts', 'tbf']);
  expect(natra.summary.shareOfCap).toBeGreaterThan(0.9);
  expect(natra.summary.fullestSecond).toBeLessThanOrEqual(natra.summary.allowedSecond);
  expect(natra.summary.mice.p99).toBeLessThan(tbf.summary.mice.p99);
  expect(natra.instructionsPerPacket).toBeGreaterThan(50);
  expect(tbf).not.toHaveProperty('verdicts');
  expect(run(...argv).out).toBe(first.out);
}, 120_000);

test('the table has a column for each', () => {
  const object = path.join(folder, 'other.o');
  writeFileSync(object, writeElf(compile('programs/limit.ts').object!));
  const { out } = run('programs/limit.ts', '--seconds', '1', '--against', object, '--mice', '0');
  const [title, , head, goodput] = out.split('\n');
  expect(title).toBe(
    'simulated: 10 Mbit/s, edt, 1 s of virtual time; 1 elephants and 0 mice a second, round trip 1 ms',
  );
  expect(head).toMatch(/^ +programs\/limit\.ts +\S+\/other\.o$/);
  expect(goodput).toMatch(/^goodput +[\d.]+ Mbit\/s +[\d.]+ Mbit\/s$/);
  expect(out).toMatch(/^instructions a packet +[\d.]+ +[\d.]+$/m);
}, 60_000);

test('a version that does not compile is told as by check', () => {
  const wrong = path.join(folder, 'wrong.ts');
  writeFileSync(wrong, 'let seen = 0;\n');
  const { status, out } = run(wrong);
  expect(status).toBe(1);
  expect(out).toContain('error N1016');
});

test.each([
  [['--pacing', 'queue'], 'the model has no HTB'],
  [['--seconds', '0'], '--seconds 0: it must be from 1 to 3600'],
  [['--mice', 'many'], '--mice many: it must be a number'],
  [['--against', '/nonexistent.o'], 'read /nonexistent.o: ENOENT'],
  [['programs/examples/rate-meter.ts', '--seconds', '1'], "it is no limiter as natra's are"],
  [['a.ts', 'b.ts'], 'simulate: unexpected argument b.ts'],
])('%j is refused in words', (argv, words) => {
  expect(() => run(...argv)).toThrow(UsageError);
  expect(() => run(...argv)).toThrow(words);
});
