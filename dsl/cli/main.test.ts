import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readElf } from '../object/elf/read.ts';
import { createVm } from '../vm/index.ts';
import { main, type Surroundings } from './main.ts';

const LANGUAGE = path.resolve(import.meta.dirname, '../lang/index.ts');
const folder = mkdtempSync(path.join(tmpdir(), 'natra-cli-'));
afterAll(() => rmSync(folder, { recursive: true }));
const inFolder = (name: string) => path.join(folder, name);

/** Runs a command line; gives its exit status and what it wrote. */
async function natra(argv: readonly string[], surroundings: Surroundings = {}) {
  let out = '';
  let error = '';
  const output = {
    out: (text: string) => {
      out += text;
    },
    error: (text: string) => {
      error += text;
    },
  };
  return { status: await main(argv, output, surroundings), out, error };
}

/** `main` with the names that it wants imported. */
const source = (name: string, imports: string, text: string): string => {
  const file = inFolder(name);
  writeFileSync(file, `import { ${imports} } from '${path.relative(folder, LANGUAGE)}';\n${text}\n`);
  return file;
};

let good: string;
let bad: string;
beforeAll(() => {
  good = source(
    'good.ts',
    'classifier',
    'export const seven = classifier((skb) => {\n  skb.mark = skb.len * 8;\n  return 7;\n});',
  );
  bad = source(
    'bad.ts',
    'classifier, type u8',
    'export const wrong = classifier((skb) => {\n  const low: u8 = skb.len & 511;\n  skb.mark = low;\n  return 0;\n});',
  );
});

describe('compile', () => {
  it('writes an object that runs', async () => {
    const object = inFolder('good.o');
    expect(await natra(['compile', good, '-o', object])).toEqual({ status: 0, out: '', error: '' });
    const vm = createVm(readElf(readFileSync(object)));
    expect(vm.run('seven', { memory: new Uint8Array(16) }).r0).toBe(7n);
  });

  it.each([
    ['tree', /function seven\(skb#\d+: context\): i32 \{/],
    ['ir', /program @seven\n[\s\S]*return 7/],
    ['asm', /; classifier seven\nseven\(ctx\):\n[\s\S]*\texit\n/],
  ])('prints the %s', async (stage, expected) => {
    const { status, out } = await natra(['compile', good, '--emit', stage]);
    expect(status).toBe(0);
    expect(out).toMatch(expected);
  });

  it('prints the IR as one pass left it', async () => {
    const lowered = await natra(['compile', good, '--after', 'lower']);
    expect(lowered.out).toContain('program @seven');
    const { out } = await natra(['compile', good, '--after', 'fold']);
    expect(out).toContain('; program seven: seven after fold, round 1\nfunc @seven');
    expect(out.length).toBeGreaterThan(lowered.out.length);
  });

  it('prints the IR as one pass found it, which is as the pass before left it', async () => {
    const { out } = await natra(['compile', good, '--before', 'fold']);
    expect(out).toContain('; program seven: seven before fold, round 1\nfunc @seven');
    const left = (await natra(['compile', good, '--after', 'simplify-cfg'])).out;
    const body = (text: string) => text.slice(text.indexOf('func @seven')).split('; program')[0];
    expect(body(out)).toBe(body(left));
  });

  it('compiles several files, the others too where one is wrong', async () => {
    const { status, out } = await natra(['compile', bad, good, '--emit', 'ir']);
    expect(status).toBe(1);
    expect(out).toContain('error N2001: u32 does not fit u8');
    expect(out).toContain('program @seven');
  });

  it('leaves a disabled pass out', async () => {
    const all = await natra(['compile', good, '--emit', 'ir']);
    const disabled = ['fold', 'number-values', 'dead-code', 'simplify-cfg', 'dead-stores'];
    const some = await natra([
      'compile',
      good,
      '--emit',
      'ir',
      ...disabled.flatMap((name) => ['--disable', name]),
    ]);
    expect(some.status).toBe(0);
    expect(some.out).not.toBe(all.out);
  });

  it('prints what is wrong and writes nothing', async () => {
    const object = inFolder('bad.o');
    const { status, out } = await natra(['compile', bad, '-o', object]);
    expect(status).toBe(1);
    expect(out).toContain('error N2001: u32 does not fit u8');
    expect(() => readFileSync(object)).toThrow();
  });

  it.each([
    [['compile'], 'compile: name a file'],
    [['compile', 'a.ts', 'b.ts', '-o', 'c.o'], '-o c.o: it takes what comes of one file, and there are 2'],
    [['compile', 'a.ts', '--emit', 'text'], '--emit text: it must be tree, ir, asm, object'],
    [['compile', 'a.ts', '--cpu', 'v9'], '--cpu v9: it must be v1, v2, v3, v4'],
    [['compile', 'a.ts', '--after', 'luck'], 'no pass is named luck; there are lower, simplify-cfg,'],
    [['compile', 'a.ts', '--after', 'fold', '--disable', 'fold'], '--after fold: the pass is disabled'],
    [['compile', 'a.ts', '--wrong'], "compile: Unknown option '--wrong'"],
    [['compile', 'a.ts', '--before', 'lower'], 'no pass is named lower; there are simplify-cfg,'],
    [['compile', 'a.ts', '--before', 'fold', '--after', 'fold'], '--before and --after: give one of them'],
    [['check', 'a.ts', '--kernel'], 'check --kernel: this build of the command line has no loader in it'],
    [['levitate'], 'no command is named levitate; there are compile, check, disasm, vm'],
    [['disasm', '/nonexistent.o'], 'read /nonexistent.o: ENOENT'],
    [['check'], 'check: name at least one file'],
    [['vm', '/nonexistent.json'], 'read vectors of nonexistent.json: ENOENT'],
    [['vm', '/tmp'], 'read vectors of tmp: EISDIR'],
  ])('%j is refused in one line', async (argv, message) => {
    const { status, out, error } = await natra(argv);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain(`${message}`);
    expect(error.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('check', () => {
  it('says nothing of programs that are right', async () => {
    expect(await natra(['check', good])).toEqual({ status: 0, out: '', error: '' });
  });

  it('prints each diagnostic with its line and a caret, and how many there are', async () => {
    const { status, out } = await natra(['check', good, bad]);
    expect(status).toBe(1);
    const name = path.relative('', bad);
    expect(out).toContain(
      `${name}:3:19 - error N2001: u32 does not fit u8\n\n3   const low: u8 = skb.len & 511;\n`,
    );
    expect(out).toContain('  ^~~~~~~~~~~~~\n');
    expect(out).toMatch(/\nFound 1 error\.\n$/);
  });

  it('reports an error in a module that two files import once', async () => {
    const part = source('part.ts', 'u8, type u32', 'export const part = (x: u32): u8 => x;');
    const users = ['first', 'second'].map((name) =>
      source(
        `${name}.ts`,
        'classifier',
        `import { part } from '${part}';\nexport const ${name} = classifier((skb) => {\n  skb.mark = part(skb.len);\n  return 0;\n});`.replaceAll(
          part,
          './part.ts',
        ),
      ),
    );
    expect((await natra(['check', ...users])).out).toContain('Found 1 error.');
  });

  it('gives the diagnostics as JSON', async () => {
    const { status, out } = await natra(['check', bad, '--json']);
    expect(status).toBe(1);
    expect(JSON.parse(out)).toMatchObject([
      { code: 'N2001', severity: 'error', span: { line: 3, column: 19 } },
    ]);
    expect(JSON.parse((await natra(['check', good, '--json'])).out)).toEqual([]);
  });

  it('adds what the kernel says where it can ask one', async () => {
    const verify = () => [
      { program: 'seven', processedInstructions: 9 },
      {
        program: 'eight',
        refusal: { text: 'good.ts:3:5 - no', details: { code: 'KERNEL', program: 'eight' } },
      },
    ];
    const { status, out } = await natra(['check', good, '--kernel'], { verify });
    expect(status).toBe(1);
    expect(out).toBe(
      'the kernel accepts seven (9 instructions walked)\ngood.ts:3:5 - no\n\nThe kernel refuses 1 program.\n',
    );
    const json = await natra(['check', good, bad, '--kernel', '--json'], { verify });
    expect(JSON.parse(json.out)).toMatchObject([{ code: 'N2001' }, { code: 'KERNEL', program: 'eight' }]);
  });

  it('leaves proofs to the kernel when told to', async () => {
    const open = source(
      'open.ts',
      'classifier, global, struct, array, u64',
      'const cells = global(struct({ of: array(u64, 4) }));\nexport const open = classifier((skb) => {\n  cells.of[skb.len] = 1n;\n  return 0;\n});',
    );
    expect((await natra(['check', open])).out).toContain('N3001');
    expect(await natra(['check', open, '--unproven'])).toEqual({ status: 0, out: '', error: '' });
  });

  it('names a file that is not there', async () => {
    const { status, out } = await natra(['check', inFolder('absent.ts')]);
    expect(status).toBe(1);
    expect(out).toMatch(/absent\.ts:1:1 - error TS6053: File '.*absent\.ts' not found\.\n\nFound 1 error/);
  });

  it.each(['check', 'compile'])('%s takes TypeScript files only', async (command) => {
    const file = inFolder('tsconfig.json');
    writeFileSync(file, '{}');
    expect((await natra([command, good, file])).error).toBe(
      `natra: ${command} ${file}: it is no TypeScript file; name the .ts files of programs\n`,
    );
    const directory = await natra([command, folder]);
    expect([directory.status, directory.error]).toEqual([
      2,
      `natra: ${command} ${folder}: it is a directory; name the .ts files of programs\n`,
    ]);
  });
});

describe('disasm', () => {
  it('says of what is no whole object in one line what it is', async () => {
    const object = inFolder('short.o');
    await natra(['compile', good, '-o', object]);
    const whole = readFileSync(object);
    for (const length of [0, 3, 20, 64, 200, whole.length - 100]) {
      writeFileSync(object, whole.subarray(0, length));
      const { status, out, error } = await natra(['disasm', object]);
      expect([status, out]).toEqual([2, '']);
      expect(error).toMatch(
        /^natra: read .*short\.o: (read the object: it is not an ELF file|it ends before what its headers name)\n$/,
      );
    }
  });

  it('prints the program asked for and names those there are', async () => {
    const object = inFolder('disasm.o');
    await natra(['compile', good, '-o', object]);
    const { out } = await natra(['disasm', object, 'seven']);
    expect(out).toMatch(/skb\.mark = skb\.len \* 8;\n[\s\S]*[rw]0 = 7\n/);
    expect((await natra(['disasm', object, 'eight'])).error).toContain(
      'no program is named eight; there are seven',
    );
  });
});

describe('vm', () => {
  const vector = (name: string, expected: string, program = 'b700000003000000 9500000000000000') => ({
    name,
    program,
    memory: '',
    expected,
  });
  const fileOf = (...vectors: object[]): string => {
    const file = inFolder('vectors.json');
    writeFileSync(file, JSON.stringify({ vectors }));
    return file;
  };

  it('names passes, refusals and mismatches', async () => {
    const file = fileOf(
      vector('three', '0x3'),
      vector('four', '0x4'),
      vector('wild', '0x0', '7900000000000000 9500000000000000'),
    );
    const { status, out } = await natra(['vm', file]);
    expect(status).toBe(1);
    expect(out).toContain('vm  pass      three\n');
    expect(out).toContain('vm  mismatch  four: r0 is 0x3, expected 0x4\n');
    expect(out).toMatch(/vm {2}refused {3}wild: .+\n/);
    expect(out).toContain('vm: 1 passed, 1 refused, 1 mismatched\n');
  });

  it('adds the results of the kernel where it is given one', async () => {
    const file = fileOf(vector('three', '0x3'));
    const onKernel = () => ({
      passes: [],
      refusals: [],
      mismatches: [{ name: 'three', expected: 3n, r0: 5n }],
    });
    const { status, out } = await natra(['vm', file, '--kernel', '--json'], { onKernel });
    expect(status).toBe(1);
    expect(JSON.parse(out)).toEqual({
      vm: { passes: ['three'], refusals: [], mismatches: [] },
      kernel: { passes: [], refusals: [], mismatches: [{ name: 'three', expected: '0x3', r0: '0x5' }] },
    });
    expect((await natra(['vm', file, '--kernel'])).error).toContain('no loader in it');
  });
});

describe('vm, given a file that holds no vectors,', () => {
  const told = async (content: string): Promise<string> => {
    const file = inFolder('wrong.json');
    writeFileSync(file, content);
    const { status, out, error } = await natra(['vm', file]);
    expect([status, out]).toEqual([2, '']);
    return error;
  };
  const vectors = (given: object): string =>
    JSON.stringify({
      vectors: [{ name: 'odd', program: '9500000000000000', memory: '', expected: '0', ...given }],
    });

  it('says in one line what is wrong with it', async () => {
    expect(await told('export const a = 1;\n')).toMatch(
      /^natra: read vectors of wrong\.json: it is not JSON: [^\n]+\n$/,
    );
    expect(await told('{}')).toBe('natra: read vectors of wrong.json: no list "vectors" in it\n');
    const odd = 'natra: read vectors of wrong.json: vector 0 (odd)';
    expect(await told(vectors({ program: '95zz' }))).toBe(`${odd}: its program is not hexadecimal bytes\n`);
    expect(await told(vectors({ memory: '123' }))).toBe(`${odd}: its memory is not hexadecimal bytes\n`);
    expect(await told(vectors({ expected: 'five' }))).toBe(`${odd}: its expected result is not a number\n`);
  });
});

describe('a module without a program', () => {
  it('is right, and nothing to make an object of', async () => {
    const only = source('types.ts', 'type u32', 'export const same = (x: u32): u32 => x;');
    expect(await natra(['check', only])).toEqual({ status: 0, out: '', error: '' });
    const { status, error } = await natra(['compile', only, '-o', inFolder('types.o')]);
    expect([status, error]).toEqual([
      2,
      `natra: compile ${only}: it exports no program, as in \`export const name = classifier(...)\`\n`,
    ]);
  });

  it('is fine for check where it exports anything, wherever on a line', async () => {
    const file = inFolder('idle.ts');
    for (const text of ['export const one = 1;\n', 'const one = 1; export { one };\n']) {
      writeFileSync(file, text);
      expect(await natra(['check', file])).toMatchObject({ status: 0, error: '' });
    }
  });

  it('is refused by check as by compile where it exports nothing', async () => {
    for (const text of ['', '// export\nconst unused = 1;\n']) {
      const file = inFolder('idle.ts');
      writeFileSync(file, text);
      for (const command of ['check', 'compile'])
        expect(await natra([command, file])).toMatchObject({
          status: 2,
          out: '',
          error: expect.stringMatching(new RegExp(`^natra: ${command} .*idle\\.ts: it exports no`)),
        });
    }
  });
});

describe('help', () => {
  it('is printed when asked for, and on standard error when nothing is', async () => {
    expect((await natra(['--help'])).out).toContain('natra compile FILE');
    const { status, out, error } = await natra([]);
    expect([status, out]).toEqual([2, '']);
    expect(error).toContain('natra check FILE');
  });
});
