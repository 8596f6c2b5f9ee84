import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { compile } from '../../dsl/compiler/index.ts';
import { writeElf } from '../../dsl/object/elf/write.ts';

const root = path.resolve(import.meta.dirname, '../..');
const script = path.join(root, 'scripts/natra.mjs');
const folder = mkdtempSync(path.join(tmpdir(), 'natra-entry-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the contributor's entry as a process of its own. */
function natraIn(cwd: string, ...argv: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [script, ...argv], {
    cwd,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}
const natra = (...argv: readonly string[]) => natraIn(root, ...argv);

test('the bundled command line compiles natra’s programs, with and without its code cache', () => {
  const object = path.join(folder, 'limit.o');
  for (const run of ['first', 'second']) {
    expect(natra('compile', 'programs/limit.ts', '-o', object), run).toEqual({
      status: 0,
      stdout: '',
      stderr: '',
    });
    expect(existsSync(object)).toBe(true);
    rmSync(object);
  }
}, 120_000);

test('what V8 made of the command line is kept for compile and for dev apart, whose options differ', () => {
  const program = path.join(root, 'programs/examples/cgroup-bytes.ts');
  const kept = (part: string) =>
    readdirSync(path.join(root, 'build')).filter(
      (name) => name.startsWith(`natra-${part}.cjs.`) && name.endsWith('.cache'),
    );
  expect(natraIn(folder, 'compile', program).status).toBe(0);
  expect(natra('dev', '--once', '--no-kernel', program).status).toBe(0);
  for (const part of ['dev', 'back-end']) expect(kept(part).length).toBeGreaterThanOrEqual(2);
}, 120_000);

test('several files are compiled in threads, to the same objects as one after the other', () => {
  const names = ['cgroup-bytes', 'rate-meter', 'syn-capture'];
  const files = names.map((name) => path.join(root, 'programs/examples', `${name}.ts`));
  expect(natraIn(folder, 'compile', ...files)).toEqual({ status: 0, stdout: '', stderr: '' });
  for (const [at, file] of files.entries()) {
    const { object } = compile(file, { root: folder });
    expect(readFileSync(path.join(folder, `${names[at]}.o`))).toEqual(Buffer.from(writeElf(object!)));
  }
});

test('what a thread finds wrong is told, and what others make is written', () => {
  const large = path.join(folder, 'large.ts');
  const language = path.relative(folder, path.join(root, 'dsl/lang/index.ts'));
  const body =
    'const large = stack(Large);\n  large.words[skb.mark & 63] = 1n;\n  skb.tstamp = large.words[skb.len & 63];';
  writeFileSync(
    large,
    `import { array, classifier, stack, struct, u64 } from '${language}';
const Large = struct({ words: array(u64, 80) });
export const example = classifier((skb) => {
  ${body}
  return 0;
});
`,
  );
  const good = path.join(root, 'programs/examples/xdp-allow-list.ts');
  const { status, stdout } = natraIn(folder, 'compile', 'large.ts', good);
  expect(status).toBe(1);
  expect(stdout).toMatch(/^large\.ts:\d+:\d+ - error N5005: .*\n/);
  expect(existsSync(path.join(folder, 'xdp-allow-list.o'))).toBe(true);
});

test('the exit status says what happened', () => {
  const wrong = path.join(folder, 'wrong.ts');
  writeFileSync(wrong, 'let seen = 0;\n');
  const { status, stdout } = natra('check', wrong);
  expect(status).toBe(1);
  expect(stdout).toContain('error N1016');
  expect(natra('levitate').status).toBe(2);
});

const NOBODY = 65534;
const ancestors = (folder: string): string[] =>
  folder === '/' ? ['/'] : [...ancestors(path.dirname(folder)), folder];
/** The topmost folder on the way to the clone which others may not enter, such as one that `mktemp -d` made. */
const closed = ancestors(root).find((folder) => (statSync(folder).mode & 0o005) !== 0o005);
/**
 * Lays an open folder over a closed one for one process, and what is in the clone into that: natra's files name their own paths,
 * so that the clone must be where it is.
 */
const OPEN = `closed=$1 root=$2; shift 2
mount --bind "$root" /mnt && mount -t tmpfs -o mode=755 tmpfs "$closed" && mkdir -p "$root" || exit
for from in /mnt/*; do
  to=$root/\${from##*/}
  if [ -d "$from" ]; then mkdir "$to"; else : >"$to"; fi && mount --bind "$from" "$to" || exit
done
exec "$@"`;
/** Runs Node.js as a user who may do nothing. */
const asNobody = (...argv: readonly string[]) => {
  const user = ['--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups'];
  const command = ['setpriv', ...user, process.execPath, ...argv];
  const [name = '', ...args] =
    closed === undefined ? command : ['unshare', '--mount', 'sh', '-c', OPEN, 'sh', closed, root, ...command];
  return spawnSync(name, args, { cwd: '/', encoding: 'utf8' });
};
const canTry = process.getuid?.() === 0 && asNobody('-e', `fs.accessSync('${script}')`).status === 0;

test.skipIf(!canTry)('who may not ask the kernel, or read a file, is told so in a line', () => {
  const program = path.join(root, 'programs/examples/cgroup-bytes.ts');
  expect(natra('check', program).status).toBe(0);
  const { status, stderr } = asNobody(script, 'check', '--kernel', program);
  expect(stderr).toMatch(/^natra: check --kernel: .*EPERM.*\n$/);
  expect(status).toBe(2);
  const open = mkdtempSync(path.join(tmpdir(), 'natra-open-'));
  chmodSync(open, 0o755);
  const vectors = path.join(open, 'one.json');
  const one = { name: 'one', program: 'b7000000010000009500000000000000', memory: '', expected: '0x1' };
  writeFileSync(vectors, JSON.stringify({ vectors: [one] }));
  const vm = asNobody(script, 'vm', vectors, '--kernel');
  rmSync(open, { recursive: true });
  expect(vm.stderr).toMatch(/^natra: vm --kernel: .*EPERM.*\n$/);
  expect(vm.status).toBe(2);
  const hidden = asNobody(script, 'check', path.join(folder, 'hidden.ts'));
  expect(hidden.stderr).toMatch(/^natra: read .*hidden\.ts: EACCES.*\n$/);
  expect(hidden.status).toBe(2);
});

test.skipIf(!canTry)("who may not write beside the command line does without V8's code", () => {
  const open = mkdtempSync(path.join(tmpdir(), 'natra-open-'));
  chmodSync(open, 0o755);
  const file = path.join(open, 'one.cjs');
  writeFileSync(file, 'exports.one = 1;\n');
  const cache = path.join(root, 'scripts/natra/code-cache.mjs');
  const text = `import { requireCached } from '${cache}'; requireCached('${file}').keep();`;
  expect(asNobody('--input-type=module', '-e', text)).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(open)).toEqual(['one.cjs']);
  rmSync(open, { recursive: true });
});
