import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { OperatorError } from '../errors.ts';
import { ENTRY } from './conflist.ts';
import { COMPANIONS, readRelease } from './executable.ts';
import { type FileSystem, realFileSystem } from './files.ts';
import { type InstallRequest, install, uninstall } from './install.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const LISTS = readdirSync(FIXTURES).filter((name) => name.endsWith('.conflist'));

let root: string;
let request: InstallRequest;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'natra-install-'));
  request = { binDirectory: join(root, 'bin'), confDirectory: join(root, 'net.d') };
  for (const each of ['bin', 'net.d', 'dist']) mkdirSync(join(root, each));
  makeRelease('one');
  // A shell in the place of Node.js, for bundles that are shell scripts: it starts in a hundredth of the time.
  mkdirSync(join(root, 'path'));
  writeFileSync(join(root, 'path', 'node'), '#!/bin/sh\nexec sh "$@"\n', { mode: 0o755 });
  vi.stubEnv('PATH', `${join(root, 'path')}:${process.env.PATH}`);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true });
});

/** A bundle that starts and does nothing, with companions. */
function makeRelease(words: string): void {
  writeFileSync(join(root, 'dist', 'natra'), `#!/usr/bin/env node\n: ${words}\n`);
  for (const name of COMPANIONS) writeFileSync(join(root, 'dist', name), words);
  writeFileSync(join(root, 'dist', 'package.json'), '{ "type": "commonjs" }\n');
}

const release = (node?: string) => readRelease(join(root, 'dist'), request.binDirectory, node);
const put = (more: Partial<InstallRequest> = {}, files: FileSystem = realFileSystem) =>
  install(files, { ...request, ...more }, release());
const take = (files: FileSystem = realFileSystem) => uninstall(files, request);
const conf = (name: string): string => join(request.confDirectory, name);
const read = (name: string): string => readFileSync(conf(name), 'utf8');
const types = (name: string): string[] =>
  JSON.parse(read(name)).plugins.map(({ type }: { type: string }) => type);

/** Puts a fixture into the runtime's folder and gives its text. */
function lay(name: string): string {
  cpSync(join(FIXTURES, name), conf(name));
  return read(name);
}

/** All names and contents of the runtime's two folders; unfinished files are of no concern to a runtime. */
function everything(): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const isLasting = (name: string): boolean => /^(bin|net.d)/.test(name) && !name.includes('.natra_new-');
  return Object.fromEntries(
    names
      .filter((name) => isLasting(name) && lstatSync(join(root, name)).isFile())
      .map((name) => [name, readFileSync(join(root, name), 'utf8')]),
  );
}

describe.each(LISTS)('into %s', (name) => {
  const bandwidth = 'replace';

  test('natra comes last or in the place of bandwidth, and all else stays as it is', () => {
    const before = JSON.parse(lay(name));
    expect(put({ bandwidth })).toEqual({ path: conf(name), chainChanged: true, executableChanged: true });
    const { plugins, ...rest } = JSON.parse(read(name));
    const { plugins: former, ...restBefore } = before;
    const others = former.filter(({ type }: { type: string }) => type !== 'bandwidth');
    expect(rest).toEqual(restBefore);
    expect(plugins).toEqual([...others, ENTRY]);
  });

  test('no line of it is touched but for a comma', () => {
    const lines = lay(name).split('\n');
    put({ bandwidth: 'beside' });
    const now = read(name).split('\n');
    if (lines.length === 1) expect(now).toHaveLength(1);
    else
      for (const line of lines) expect(now.some((each) => each === line || each === `${line},`)).toBe(true);
  });

  test('a second install changes nothing', () => {
    lay(name);
    put({ bandwidth });
    const first = everything();
    expect(put({ bandwidth })).toEqual({ path: conf(name), chainChanged: false, executableChanged: false });
    expect(everything()).toEqual(first);
  });

  test('uninstall gives every byte back, and the mode', () => {
    const text = lay(name);
    chmodSync(conf(name), 0o604);
    put({ bandwidth });
    expect(statSync(conf(name)).mode & 0o777).toBe(0o604);
    expect(take()).toEqual({ left: [{ path: conf(name), how: 'exact' }], executableRemoved: true });
    expect(everything()).toEqual({ [`net.d/${name}`]: text });
    expect(statSync(conf(name)).mode & 0o777).toBe(0o604);
    expect(readdirSync(request.binDirectory)).toEqual([]);
    expect(take()).toEqual({ left: [], executableRemoved: false });
  });
});

test.runIf(process.getuid?.() === 0)('the owner stays, both ways', () => {
  lay('10-flannel.conflist');
  chownSync(conf('10-flannel.conflist'), 1234, 5678);
  for (const step of [put, take]) {
    step();
    expect(statSync(conf('10-flannel.conflist'))).toMatchObject({ uid: 1234, gid: 5678 });
  }
});

describe('beside the plugin bandwidth', () => {
  test('an install without a choice is refused and changes nothing', () => {
    lay('10-calico.conflist');
    const before = everything();
    expect(() => put()).toThrow(
      /both would limit the same Pod; say --replace-bandwidth, or --beside-bandwidth/,
    );
    expect(everything()).toEqual(before);
  });

  test("its static limits are natra's from then on, and uninstall gives its entry back", () => {
    const limits = { ingressRate: 10_000_000, ingressBurst: 8_000_000 };
    const plugins = [{ type: 'bridge' }, { type: 'bandwidth', ...limits }, { type: 'tuning' }];
    const text = JSON.stringify({ cniVersion: '1.0.0', name: 'static', plugins });
    writeFileSync(conf('10-static.conflist'), text);
    put({ bandwidth: 'replace' });
    expect(JSON.parse(read('10-static.conflist')).plugins[1]).toEqual({ ...ENTRY, ...limits });
    expect(put({ bandwidth: 'replace' })).toMatchObject({ chainChanged: false });
    expect(take().left).toMatchObject([{ how: 'exact' }]);
    expect(read('10-static.conflist')).toBe(text);
  });

  test('both stay where that is asked for', () => {
    const text = lay('10-calico.conflist');
    put({ bandwidth: 'beside' });
    expect(types('10-calico.conflist')).toEqual(['calico', 'portmap', 'bandwidth', 'natra']);
    take();
    expect(read('10-calico.conflist')).toBe(text);
  });

  test('it comes back although others changed the list meanwhile', () => {
    lay('10-calico.conflist');
    put({ bandwidth: 'replace' });
    writeFileSync(conf('10-calico.conflist'), read('10-calico.conflist').replace('"mtu": 0', '"mtu": 1440'));
    expect(take().left).toEqual([{ path: conf('10-calico.conflist'), how: 'removed' }]);
    const { plugins } = JSON.parse(read('10-calico.conflist'));
    expect(plugins[0].mtu).toBe(1440);
    expect(plugins.slice(1)).toEqual(
      JSON.parse(readFileSync(join(FIXTURES, '10-calico.conflist'), 'utf8')).plugins.slice(1),
    );
  });

  test('it goes when an installed natra is to replace it', () => {
    lay('10-calico.conflist');
    put({ bandwidth: 'beside' });
    put({ bandwidth: 'replace' });
    expect(types('10-calico.conflist')).toEqual(['calico', 'portmap', 'natra']);
    take();
    expect(types('10-calico.conflist')).toEqual(['calico', 'portmap', 'bandwidth']);
  });
});

describe('which file', () => {
  test('the first that the runtime reads, in byte order', () => {
    lay('10-flannel.conflist');
    lay('10-aws.conflist');
    writeFileSync(conf('00-notes.txt'), 'not read by a runtime');
    writeFileSync(conf('00-saved.conflist.bak'), '{');
    mkdirSync(conf('00-folder.conflist'));
    expect(put().path).toBe(conf('10-aws.conflist'));
  });

  test('another one by name', () => {
    lay('10-flannel.conflist');
    lay('10-aws.conflist');
    put({ confFile: '10-flannel.conflist' });
    expect(types('10-aws.conflist')).not.toContain('natra');
    expect(types('10-flannel.conflist')).toContain('natra');
  });

  test("multus's single file is left alone, with the way to its delegate", () => {
    lay('00-multus.conf');
    lay('10-flannel.conflist');
    const before = everything();
    expect(() => put()).toThrow(/00-multus.conf: multus hands over .*--conf-file 10-flannel.conflist/);
    expect(everything()).toEqual(before);
    put({ confFile: '10-flannel.conflist' });
    expect(types('10-flannel.conflist')).toEqual(['flannel', 'portmap', 'natra']);
  });

  test('the file behind a link is changed and the link stays', () => {
    const text = lay('10-flannel.conflist');
    renameSync(conf('10-flannel.conflist'), join(root, 'elsewhere'));
    symlinkSync(join(root, 'elsewhere'), conf('10-flannel.conflist'));
    put();
    expect(lstatSync(conf('10-flannel.conflist')).isSymbolicLink()).toBe(true);
    expect(types('10-flannel.conflist')).toContain('natra');
    take();
    expect(readFileSync(join(root, 'elsewhere'), 'utf8')).toBe(text);
  });

  test('a list that cilium has set aside is restored too', () => {
    const text = lay('10-flannel.conflist');
    put();
    renameSync(conf('10-flannel.conflist'), conf('10-flannel.conflist.cilium_bak'));
    const cilium = lay('05-cilium.conflist');
    put();
    expect(types('05-cilium.conflist')).toEqual(['cilium-cni', 'natra']);
    take();
    expect(everything()).toEqual({
      'net.d/05-cilium.conflist': cilium,
      'net.d/10-flannel.conflist.cilium_bak': text,
    });
  });

  test('the main plugin rewrote its file: that is what uninstall comes back to', () => {
    lay('10-flannel.conflist');
    put();
    const rewritten = lay('10-flannel.conflist').replace('0.3.1', '1.0.0');
    writeFileSync(conf('10-flannel.conflist'), rewritten);
    put();
    take();
    expect(read('10-flannel.conflist')).toBe(rewritten);
  });
});

describe('what a runtime would refuse is refused, with the file and the reason', () => {
  const plugin = '{"type":"bridge"}';
  test.each([
    ['', /it is not JSON/],
    ['{"plugins":[', /it is not JSON/],
    ['\ufeff{"cniVersion":"1.0.0","name":"a","plugins":[]}', /begins with a byte order mark/],
    ['[]', /does not hold a JSON object/],
    [`{"cniVersion":"1.0.0","plugins":[${plugin}]}`, /has no "name"/],
    ['{"cniVersion":"1.0.0","name":"a","type":"bridge"}', /has no list of "plugins"/],
    ['{"cniVersion":"1.0.0","name":"a","plugins":[]}', /"plugins" is empty/],
    ['{"cniVersion":"1.0.0","name":"a","plugins":[{}]}', /a plugin in it has no "type"/],
    [`{"name":"a","plugins":[${plugin}]}`, /cniVersion is none, which means 0.1.0; natra speaks 0.3.0/],
    [`{"cniVersion":"0.2.0","name":"a","plugins":[${plugin}]}`, /cniVersion is "0.2.0"/],
  ])('%j', (text, reason) => {
    writeFileSync(conf('10-a.conflist'), text);
    expect(() => put()).toThrow(reason);
    expect(() => put()).toThrow(conf('10-a.conflist'));
    expect(everything()).toEqual({ 'net.d/10-a.conflist': text });
  });

  test('bytes that are not UTF-8', () => {
    writeFileSync(conf('10-a.conflist'), Buffer.of(0x22, 0xff, 0x22));
    expect(() => put()).toThrow(/10-a.conflist: it is not UTF-8/);
  });

  test('a single plugin, an empty folder, a folder that is not there', () => {
    expect(() => put()).toThrow(/there is no .conflist in .*install the main CNI plugin first/);
    expect(() => put({ confDirectory: join(root, 'none') })).toThrow(/there is no .conflist in/);
    writeFileSync(conf('10-a.conf'), '{"cniVersion":"1.0.0","name":"a","type":"bridge"}');
    expect(() => put()).toThrow(/10-a.conf: it holds one plugin and is no list/);
    lay('10-flannel.conflist');
    const elsewhere = { confFile: '10-flannel.conflist', binDirectory: join(root, 'none') };
    expect(() => put(elsewhere)).toThrow(/there is no folder .*--cni-bin-dir/);
  });

  test('a folder that is a file, or below one', () => {
    lay('10-flannel.conflist');
    writeFileSync(join(root, 'file'), '');
    for (const binDirectory of [join(root, 'file'), join(root, 'file', 'bin')]) {
      expect(() => put({ binDirectory })).toThrow(OperatorError);
      expect(() => uninstall(realFileSystem, { ...request, binDirectory })).toThrow(OperatorError);
      expect(() => put({ binDirectory })).toThrow(
        `${binDirectory}/natra: ENOTDIR; what should be a folder is a file`,
      );
    }
    writeFileSync(join(root, 'bin', 'natra.d'), '');
    expect(() => put()).toThrow(/natra\.d\/.*: ENOTDIR; what should be a folder is a file/);
  });

  test('natra alone in a list cannot be taken out', () => {
    const text = '{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"natra"}]}';
    writeFileSync(conf('10-a.conflist'), text);
    expect(() => take()).toThrow(/it is the only plugin there/);
    expect(read('10-a.conflist')).toBe(text);
  });
});

test('links that lead nowhere, or to each other, are not what the runtime reads', () => {
  lay('10-flannel.conflist');
  symlinkSync('nowhere', conf('00-nowhere.conflist'));
  symlinkSync('01-loop.conflist', conf('01-loop.conflist'));
  expect(put().path).toBe(conf('10-flannel.conflist'));
  expect(take().left).toEqual([{ path: conf('10-flannel.conflist'), how: 'exact' }]);
});

describe('uninstall among other files', () => {
  const list = '{"cniVersion":"1.0.0","name":"a","plugins":[{"type":"bridge"}]}';

  test('uninstall goes past what natra never was in: a folder, bytes that are not UTF-8, half a list', () => {
    writeFileSync(conf('10-a.conflist'), list);
    put();
    mkdirSync(conf('05-folder.conflist'));
    writeFileSync(conf('20-latin.conflist'), Buffer.from([0x7b, 0xff, 0x7d]));
    writeFileSync(conf('30-half.conflist'), '{"name":');
    expect(take().left).toEqual([{ path: conf('10-a.conflist'), how: 'exact' }]);
  });

  test('a list that somebody broke after natra came keeps its backup until it is put right', () => {
    writeFileSync(conf('10-a.conflist'), list);
    put();
    writeFileSync(conf('10-a.conflist'), read('10-a.conflist').slice(0, -2));
    expect(() => take()).toThrow(/10-a\.conflist: it is not JSON.*put it right first/);
    expect(read('10-a.conflist.natra_backup')).toBe(list);
  });
});

describe('the executable', () => {
  beforeEach(() => void lay('10-flannel.conflist'));
  const link = (): string => join(request.binDirectory, 'natra');

  test('an upgrade turns the link and keeps the release before it for calls at work', () => {
    put();
    const [one, two, three] = ['one', 'two', 'three'].map((words) => {
      makeRelease(words);
      put();
      return realpathSync(link());
    });
    expect(readFileSync(three!, 'utf8')).toContain('three');
    expect([one, two, three].map((path) => existsSync(path!))).toEqual([false, true, true]);
  });

  test('a missing part is put back', () => {
    put();
    rmSync(join(realpathSync(link()), '..', 'koffi.node'));
    expect(put()).toMatchObject({ executableChanged: true, chainChanged: false });
    expect(existsSync(join(realpathSync(link()), '..', 'koffi.node'))).toBe(true);
  });

  test('with a node beside it, it starts on that one', () => {
    // A script in the place of the 100 MB runtime: the kernel takes one as an interpreter all the same.
    const node = join(root, 'fake-node');
    writeFileSync(node, '#!/bin/sh\n', { mode: 0o755 });
    install(realFileSystem, request, release(node));
    const [first] = readFileSync(link(), 'utf8').split('\n');
    expect(first).toBe(`#!${join(realpathSync(link()), '..', 'node')} --no-rehash-snapshot`);
  });

  test('one that does not start is not put into the chain', () => {
    writeFileSync(join(root, 'dist', 'natra'), '#!x\nexit 3\n');
    expect(() => put()).toThrow(/start .*natra: .*--with-node/);
    expect(types('10-flannel.conflist')).not.toContain('natra');
    expect(existsSync(link())).toBe(false);
  });

  test('a part that is missing from the build is named', () => {
    rmSync(join(root, 'dist', 'koffi.node'));
    expect(() => put()).toThrow(/read .*koffi.node, a part of natra: ENOENT/);
  });
});

describe('killed at any operation', () => {
  /** Serves `count` operations, half of a write that comes then, and nothing after it: the process is gone. */
  function dying(count: number): { files: FileSystem; died: () => boolean } {
    let served = 0;
    const files = new Proxy(realFileSystem, {
      get(target, name: keyof FileSystem) {
        return (...words: unknown[]) => {
          if (served++ < count) return Reflect.apply(target[name], target, words);
          if (served === count + 1 && name === 'writeSync') {
            const [fd, bytes] = words as [number, Uint8Array];
            target.writeSync(fd, bytes.subarray(0, bytes.length / 2));
          }
          throw new Error('killed');
        };
      },
    });
    return { files, died: () => served > count };
  }

  /** Runs `step` with one more operation each time until it comes to its end; `after` sees each end before. */
  function atEach(prepare: () => void, step: (files: FileSystem) => void, after: () => void): number {
    for (let count = 0; ; count++) {
      prepare();
      const { files, died } = dying(count);
      try {
        step(files);
      } catch (error) {
        if (!died()) throw error;
      }
      if (!died()) return count;
      after();
    }
  }

  const NAME = '10-calico.conflist';
  const fresh = (): void => {
    for (const each of ['bin', 'net.d']) {
      rmSync(join(root, each), { recursive: true });
      mkdirSync(join(root, each));
    }
    lay(NAME);
  };

  test('install: the list is the old or the new one, calls only what is there, and can be repeated', () => {
    const bandwidth = 'replace';
    const old = lay(NAME);
    put({ bandwidth });
    const done = everything();
    const counted = atEach(
      fresh,
      (files) => void put({ bandwidth }, files),
      () => {
        const text = read(NAME);
        expect([old, done[`net.d/${NAME}`]]).toContain(text);
        if (text !== old) expect(existsSync(realpathSync(join(request.binDirectory, 'natra')))).toBe(true);
        put({ bandwidth });
        expect(everything()).toEqual(done);
        take();
        expect(everything()).toEqual({ [`net.d/${NAME}`]: old });
      },
    );
    expect(counted).toBeGreaterThan(40);
  }, 240_000);

  test('uninstall: the same the other way', () => {
    const bandwidth = 'replace';
    const old = lay(NAME);
    put({ bandwidth });
    const installed = read(NAME);
    const counted = atEach(
      () => {
        fresh();
        put({ bandwidth });
      },
      (files) => void take(files),
      () => {
        expect([old, installed]).toContain(read(NAME));
        take();
        expect(everything()).toEqual({ [`net.d/${NAME}`]: old });
      },
    );
    expect(counted).toBeGreaterThan(8);
  }, 240_000);

  test('what stayed unfinished is removed once it is old', () => {
    lay(NAME);
    const stray = conf(`${NAME}.natra_new-1-x`);
    writeFileSync(stray, 'ha');
    put({ bandwidth: 'replace' });
    expect(existsSync(stray)).toBe(true);
    utimesSync(stray, 0, 0);
    put({ bandwidth: 'replace' });
    expect(existsSync(stray)).toBe(false);
  });
});
