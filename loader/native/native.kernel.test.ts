import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { withScratch } from './arena.ts';
import { identityOf, listDirectory, readText, withFileLock } from './files.ts';
import { candidates, koffi, open } from './koffi.ts';
import { setSyscallHook, syscall } from './syscall.ts';

const made: string[] = [];
const temporary = (): string => {
  const path = mkdtempSync(join(tmpdir(), 'natra-native-'));
  made.push(path);
  return path;
};
afterEach(() => {
  setSyscallHook(undefined);
  for (const path of made.splice(0)) rmSync(path, { recursive: true });
});

describe('the koffi addon', () => {
  it('is the pinned one, opened without its wrapper', () => {
    expect(koffi().version).toBe('3.3.4');
  });

  it('is looked for beside the executable first, for glibc before musl', () => {
    const [beside, glibc, musl] = candidates('/opt/cni/bin', 'arm64');
    expect(beside).toBe('/opt/cni/bin/koffi.node');
    expect(glibc).toBe('/opt/cni/bin/node_modules/@koromix/koffi-linux-arm64/linux_arm64/koffi.node');
    expect(musl).toBe('/opt/cni/bin/node_modules/@koromix/koffi-linux-arm64/musl_arm64/koffi.node');
  });

  it('is passed over where the linker refuses it, and the refusal is told when there is no other', () => {
    const broken = join(temporary(), 'koffi.node');
    writeFileSync(broken, 'not an elf file');
    const own = candidates(import.meta.dirname, process.arch);
    expect(open([broken, ...own]).version).toBe('3.3.4');
    expect(() => open([broken])).toThrow(`open the koffi addon: ${broken}: `);
    expect(() => open([join(temporary(), 'koffi.node')])).toThrow(
      'install koffi.node beside the natra executable',
    );
  });
});

describe('a system call', () => {
  it('gives the negative errno when it fails', () => {
    const ebadf = 9;
    expect(syscall('close', 99_999)).toBe(-ebadf);
  });

  it('is seen by the hook, which can answer in the place of the kernel', () => {
    const seen: string[] = [];
    const eio = -5;
    setSyscallHook((name) => {
      seen.push(name);
      return eio;
    });
    expect(() => readText('/proc/self/stat')).toThrow('open /proc/self/stat: EIO');
    expect(seen).toEqual(['openat']);
  });
});

describe('scratch memory', () => {
  it('is zeroed, aligned, apart, and free again afterwards', () => {
    const first = withScratch((memory) => {
      const a = memory.copy(Uint8Array.of(1, 2, 3));
      const b = memory.allocate(5);
      expect(b.address % 8).toBe(0);
      expect(b.address).toBeGreaterThanOrEqual(a.address + 3);
      b.bytes.fill(0xff);
      return a.address;
    });
    withScratch((memory) => {
      const again = memory.allocate(16);
      expect(again.address).toBe(first);
      expect(again.bytes.every((byte) => byte === 0)).toBe(true);
    });
  });

  it('is given back by an inner user while the outer one keeps its own', () => {
    withScratch((memory) => {
      const outer = memory.copy(Uint8Array.of(7));
      const inner = withScratch((nested) => nested.allocate(8).address);
      expect(inner).not.toBe(outer.address);
      expect(memory.allocate(8).address).toBe(inner);
      expect(outer.bytes).toEqual(Uint8Array.of(7));
    });
  });

  it('grows for what is larger than a chunk', () => {
    withScratch((memory) => {
      const large = memory.allocate(5 << 20);
      large.bytes[large.bytes.length - 1] = 1;
      expect(large.bytes).toHaveLength(5 << 20);
    });
  });

  it('refuses strings that the kernel would cut short', () => {
    expect(() => withScratch((memory) => memory.string('a\0b'))).toThrow('NUL');
  });
});

describe('files', () => {
  it('are read whole and listed without their directory', () => {
    const directory = temporary();
    writeFileSync(join(directory, 'b'), 'text\n');
    symlinkSync('b', join(directory, 'a'));
    expect(readText(join(directory, 'a'))).toBe('text\n');
    expect(listDirectory(directory)).toEqual(['a', 'b']);
    expect(listDirectory(join(directory, 'none'))).toBeUndefined();
  });

  it('have one identity by whatever path', () => {
    const directory = temporary();
    writeFileSync(join(directory, 'b'), '');
    symlinkSync('b', join(directory, 'a'));
    expect(identityOf(join(directory, 'a'))).toEqual(identityOf(join(directory, 'b')));
    expect(identityOf(directory)).not.toEqual(identityOf(join(directory, 'b')));
    expect(identityOf(join(directory, 'none'))).toBeUndefined();
  });

  it('give their lock up when the work under it throws', () => {
    const directory = temporary();
    const failing = (): never => {
      throw new Error('inside');
    };
    expect(() => withFileLock(directory, failing)).toThrow('inside');
    expect(withFileLock(directory, () => 'again')).toBe('again');
  });
});
