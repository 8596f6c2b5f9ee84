import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { UsageError } from '../../../dsl/cli/output.ts';
import { type BackEnd, compile, objectAgain, RememberedCode } from '../../../dsl/compiler/index.ts';
import { devCommand } from './command.ts';
import { Project } from './project.ts';
import { testsBeside } from './tests.ts';
import { tryProgram } from './trial.ts';

const PROJECT = path.resolve(import.meta.dirname, '../../..');
const folder = mkdtempSync(path.join(tmpdir(), 'natra-dev-'));
afterAll(() => rmSync(folder, { recursive: true }));
const LANGUAGE = path.relative(folder, path.join(PROJECT, 'dsl/lang/index.ts'));

const write = (name: string, text: string): string => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  return file;
};
const program = (imports: string, body: string): string =>
  `import { classifier } from '${LANGUAGE}';\n${imports}export const count = classifier((skb) => {\n${body}\n});\n`;

const part = (factor: number): string =>
  `import type { u32 } from '${LANGUAGE}';\nexport const scaled = (value: u32): u32 => value * ${factor} + (value >> ${factor});\n`;
write('part.ts', part(3));
const user = write(
  'user.ts',
  program("import { scaled } from './part.ts';\n", '  skb.mark = scaled(skb.len);\n  return 0;'),
);
const other = write('other.ts', program('', '  skb.mark = 1;\n  return 0;'));

const compiledBy = (project: Project, changed?: ReadonlySet<string>) =>
  project.compile(changed, () => undefined);

describe('the project', () => {
  test('compiles what a change affects and nothing else', async () => {
    const project = new Project([folder]);
    // A module without a program is compiled with those that use it.
    expect((await compiledBy(project)).map(({ file }) => file)).toEqual([other, user]);
    expect(
      (await compiledBy(project, new Set([path.join(folder, 'part.ts')]))).map(({ file }) => file),
    ).toEqual([user]);
    expect(await compiledBy(project, new Set([path.join(folder, 'elsewhere.ts')]))).toEqual([]);
    expect(project.folders()).toContain(folder);
  });

  test('tells once what is wrong with a module that several are made of', async () => {
    const project = new Project([folder]);
    expect(await compiledBy(project)).toHaveLength(2);
    const second = write('second.ts', readFileSync(user, 'utf8'));
    expect((await compiledBy(project, new Set([second]))).map(({ file }) => file)).toEqual([second]);
    const changed = new Set([write('part.ts', 'export const scaled = (value: number) => missing;\n')]);
    expect((await compiledBy(project, changed)).flatMap(({ result }) => result.diagnostics)).toHaveLength(1);
    write('part.ts', part(3));
    expect((await compiledBy(project, changed)).map(({ file }) => file).sort()).toEqual([second, user]);
    rmSync(second);
  });

  test('compiles for the instruction set that is asked for', async () => {
    const text = program('', '  return skb.len > 5 ? 1 : 2;');
    const short = write('short.ts', text);
    const codeFor = async (cpu: 'v1' | 'v3') => {
      const [compiled] = await compiledBy(new Project([short], { cpu }));
      return compiled?.result.object?.programs[0]?.code;
    };
    expect(await codeFor('v1')).not.toEqual(await codeFor('v3'));
    rmSync(short);
  });

  test('begins before TypeScript has checked, tells its errors and drops what was made meanwhile', async () => {
    const remembered = new RememberedCode();
    let asked = 0;
    const backEnd: BackEnd = async (tree, options) => {
      asked += 1;
      if ([...tree.sources.values()].some((text) => text.includes('string'))) throw new Error('of nonsense');
      return objectAgain(remembered, tree, options);
    };
    const save = (body: string) => new Set([write('typed.ts', program('', body))]);
    const changed = save('  return skb.len > 5 ? 1 : 2;');
    const project = new Project([...changed], {}, backEnd);
    const [first] = await compiledBy(project);
    // Our own checker has nothing against it.
    save('  const unused: string = skb.len;\n  return skb.len > 5 ? 1 : 2;');
    const [wrong] = await compiledBy(project, changed);
    expect(asked).toBe(2);
    expect(wrong?.result).toEqual({ diagnostics: [expect.objectContaining({ code: 'TS2322' })] });
    expect(wrong?.result).toEqual({ diagnostics: compile(path.relative('.', [...changed][0]!)).diagnostics });
    save('  return skb.len > 6 ? 1 : 2;');
    const [last] = await compiledBy(project, changed);
    expect(last?.result.object).toEqual(compile([...changed][0]!).object);
    expect(last?.result.object?.programs[0]?.code).not.toEqual(first?.result.object?.programs[0]?.code);
    rmSync([...changed][0]!);
  });

  test('tells what is wrong with a part where what is made of it is wrong too', async () => {
    const apart = path.join(folder, 'apart');
    const changed = new Set([path.join(apart, 'entry.ts'), path.join(apart, 'piece.ts')]);
    const [entry = '', piece = ''] = changed;
    const language = path.relative(apart, path.join(PROJECT, 'dsl/lang/index.ts'));
    const save = (unused: string, value: string) => {
      writeFileSync(
        entry,
        `import { classifier } from '${language}';\nimport { marked } from './piece.ts';\nexport const count = classifier((skb) => {\n  const unused: ${unused} = skb.len;\n  skb.mark = marked(skb.len);\n  return 0;\n});\n`,
      );
      writeFileSync(
        piece,
        `import type { u32 } from '${language}';\nexport const marked = (value: u32): u32 => value;\nexport const spare = (value: u32): u32 => ${value};\n`,
      );
    };
    mkdirSync(apart);
    save('number', 'value');
    const project = new Project([apart]);
    expect(await compiledBy(project)).toHaveLength(1);
    const codes = async () =>
      (await compiledBy(project, changed)).map(({ file, result }) => [
        path.basename(file),
        ...result.diagnostics.map(({ code }) => code),
      ]);
    save('string', 'value ? 1 : 2');
    expect(await codes()).toEqual([
      ['entry.ts', 'TS2322'],
      ['piece.ts', 'N2005'],
    ]);
    save('number', 'value + 1');
    expect(await codes()).toEqual([['entry.ts']]);
    rmSync(apart, { recursive: true });
  });

  test('takes up files that are added, and names what is not there', async () => {
    const project = new Project([folder]);
    expect(await compiledBy(project)).toHaveLength(2);
    const added = write('added.ts', program('', '  return 1;'));
    expect((await compiledBy(project, new Set([added]))).map(({ file }) => file)).toEqual([added]);
    rmSync(added);
    expect(() => new Project(['/nonexistent'])).toThrow(UsageError);
  });
});

test('the tests that stand beside changed sources are run', () => {
  expect(testsBeside(['programs/parse.ts', 'programs/hash.ts', 'programs/parse.test.ts'])).toEqual([
    path.resolve('programs/parse.test.ts'),
  ]);
});

test('a program is tried in both models, and a disagreement is named', () => {
  const { tree, object } = compile(user);
  const [first] = tree!.programs;
  const trial = tryProgram(tree!, object!, first!, { kernel: false });
  expect(trial).toMatchObject({ packets: 128, disagreement: undefined, refusal: undefined });
  expect(trial.figures.stepsPerPacket).toBeGreaterThan(2);
  const wrong = compile(other).object!;
  expect(tryProgram(tree!, wrong, first!, { kernel: false }).disagreement).toMatch(
    /^IPv4, TCP, 1514 bytes: fields mark \d+, .* in the interpreter, mark 1, .* in the VM$/,
  );
});

test('programs of every kind are tried on packets as they see them', () => {
  const file = write(
    'kinds.ts',
    `import { be16, cgroupSkbEgress, socketFilter, struct, u8, xdp, xdpAdjustHead, xdpDevmap } from '${LANGUAGE}';
const Start = struct({ version: u8, tos: u8, length: be16 });
export const guard = xdp((packet) => (xdpAdjustHead(packet, 14) < 0n || packet.rxQueueIndex > 0 ? 1 : 2));
export const leaving = xdpDevmap((packet) => (packet.egressIfindex > 0 ? 1 : 2));
export const keep = socketFilter((skb) => skb.load(Start, 14)?.length ?? 0);
export const sending = cgroupSkbEgress((skb) => {
  const start = skb.at(Start, 0);
  skb.mark = start?.length ?? 1;
  return 1;
});
`,
  );
  const { tree, object } = compile(file);
  const trials = tree!.programs.map((each) => tryProgram(tree!, object!, each, { kernel: false }));
  expect(trials.map(({ disagreement, packets }) => [disagreement, packets])).toEqual(
    tree!.programs.map(() => [undefined, 128]),
  );
  rmSync(file);
});

test('once, it exits with 1 where anything is wrong', async () => {
  let out = '';
  const output = {
    out: (text: string) => {
      out += text;
    },
    error: () => undefined,
  };
  const bad = write('bad.ts', program('', '  if (skb.len) return 1;\n  return 0;'));
  expect(await devCommand([bad, '--once', '--no-kernel'], output)).toBe(1);
  rmSync(bad);
  expect(out).toContain('error N2005');
  expect(await devCommand([other, '--once', '--no-kernel'], output)).toBe(0);
  await expect(devCommand(['--wrong'], output)).rejects.toThrow(UsageError);
  await expect(devCommand(['--cpu', 'v9'], output)).rejects.toThrow('it must be v1, v2, v3, v4');
});

let child: ChildProcess | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
});

/** The command line in a process of its own, and what it has written so far. */
function start(...argv: string[]) {
  const started = spawn(process.execPath, [path.join(PROJECT, 'scripts/natra.mjs'), 'dev', ...argv], {
    cwd: PROJECT,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child = started;
  let written = '';
  started.stdout.on('data', (chunk: Buffer) => {
    written += chunk.toString();
  });
  started.stderr.on('data', (chunk: Buffer) => {
    written += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => {
    started.on('close', (status) => resolve(status));
  });
  return {
    /** Waits for words behind those that were waited for before. */
    async until(words: RegExp): Promise<string> {
      await expect.poll(() => words.test(written), { timeout: 50_000, interval: 20 }).toBe(true);
      const told = written;
      written = '';
      return told;
    },
    interrupt: () => started.kill('SIGINT'),
    ended,
  };
}

test('a save is compiled and told with what it changed, errors too; Ctrl-C ends it', async () => {
  const dev = start(user, '--no-kernel', '--no-tests');
  expect(await dev.until(/watching/)).toMatch(/user\.ts: compiled in \d+ ms\n {2}count: \d+ instructions\n/);
  write('part.ts', part(5).replace('value >> 5', '(value >> 5) * (value | 1)'));
  const told = await dev.until(/agree on 128 packets/);
  expect(told).toMatch(/part\.ts saved\n/);
  expect(told).toMatch(
    /count: \d+ \([+-]\d+\) instructions\n {2}count: [\d.]+ \([+-][\d.]+\) instructions run a packet/,
  );
  write('part.ts', 'export const scaled = 1;\n');
  expect(await dev.until(/Found \d+ error/)).toContain('error N1020');
  write('part.ts', part(3));
  await dev.until(/agree on 128 packets/);
  dev.interrupt();
  expect(await dev.ended).toBe(0);
});

test('a program that is gone comes back, and so does one whose editor puts another file in its place', async () => {
  const file = write('gone.ts', program('', '  return 0;'));
  const aside = `${file}.aside`;
  const dev = start(file, '--no-kernel', '--no-tests');
  await dev.until(/watching/);
  renameSync(file, aside);
  expect(await dev.until(/gone\.ts gone\n/)).not.toContain('natra:');
  renameSync(aside, file);
  expect(await dev.until(/agree on 128 packets/)).toContain('gone.ts saved\n');
  writeFileSync(aside, program('', '  return 2;'));
  renameSync(aside, file);
  await dev.until(/agree on 128 packets/);
  dev.interrupt();
  expect(await dev.ended).toBe(0);
  rmSync(file);
});

test('what is saved during the first compilation is told behind it', async () => {
  const file = write('early.ts', program('', '  return 0;'));
  const dev = start(file, '--no-kernel', '--no-tests');
  await dev.until(/early\.ts: compiled in/);
  writeFileSync(file, program('', '  skb.mark = 7;\n  return 0;'));
  await dev.until(/early\.ts saved\n(.*\n)*.*agree on 128 packets/);
  dev.interrupt();
  expect(await dev.ended).toBe(0);
  rmSync(file);
});

test('folders that are made are looked into, those too that take the place of one that is gone', async () => {
  const top = mkdtempSync(path.join(folder, 'tree-'));
  const inside = path.join(top, 'inside');
  const text = program('', '  return 0;').replace(LANGUAGE, `../../${LANGUAGE}`);
  writeFileSync(path.join(top, 'first.ts'), text.replace('../../', '../'));
  const dev = start(top, '--no-kernel', '--no-tests');
  await dev.until(/watching/);
  for (const round of [1, 2]) {
    mkdirSync(inside);
    writeFileSync(path.join(inside, 'second.ts'), text);
    expect(await dev.until(/agree on 128 packets/)).toMatch(/second\.ts saved\n/);
    writeFileSync(path.join(inside, 'second.ts'), text.replace('return 0', `return ${round}`));
    await dev.until(/second\.ts saved\n(.*\n)*.*agree on 128 packets/);
    rmSync(inside, { recursive: true });
    await dev.until(/second\.ts gone\n/);
  }
  dev.interrupt();
  expect(await dev.ended).toBe(0);
});
