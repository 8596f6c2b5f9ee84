/** From packages to what QEMU boots: a kernel in the form that its machine starts fastest, its modules, and a root. */
import { execFile, execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Architecture } from './matrix.ts';

const execute = promisify(execFile);

export interface KernelImage {
  readonly release: string;
  readonly architecture: Architecture;
  /** x86-64: the ELF kernel, booted by PVH, which skips the decompressor. arm64: the flat Image. */
  readonly kernel: string;
  /** The folder above lib/modules. */
  readonly moduleRoot: string;
}

/** Decompressors by the first bytes of a kernel payload (scripts/extract-vmlinux in the kernel tree lists the same). */
const COMPRESSIONS = [
  { magic: 'fd377a58', command: 'xz', trailer: 4 },
  { magic: '28b52ffd', command: 'zstd', trailer: 4 },
  { magic: '02214c18', command: 'lz4', trailer: 4 },
  { magic: '1f8b', command: 'gzip', trailer: 0 },
] as const;

function decompress(payload: Buffer, hasTrailer: boolean): Buffer {
  const compression = COMPRESSIONS.find(
    ({ magic }) => payload.toString('hex', 0, magic.length / 2) === magic,
  );
  if (compression === undefined)
    throw new Error(
      `extract kernel: payload starts with ${payload.toString('hex', 0, 4)}, no known compression`,
    );
  const input = payload.subarray(0, payload.length - (hasTrailer ? compression.trailer : 0));
  return execFileSync(compression.command, ['-dc'], {
    input,
    maxBuffer: 1 << 29,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
}

/** Takes the ELF kernel out of a bzImage (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length). */
function kernelOfBzImage(bzImage: Buffer): Buffer {
  const setupSectors = bzImage[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  const kernel = decompress(bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c)), true);
  if (kernel.toString('latin1', 0, 4) !== '\x7fELF')
    throw new Error('extract kernel: the payload is not an ELF file');
  return kernel;
}

/** arm64 kernels are a flat image already, or one within an EFI program (drivers/firmware/efi/libstub/zboot-header.S). */
function kernelOfArm64(file: Buffer): Buffer {
  const isZboot = file.toString('latin1', 0, 2) === 'MZ' && file.toString('latin1', 4, 8) === 'zimg';
  if (!isZboot) return file;
  const start = file.readUInt32LE(8);
  return decompress(file.subarray(start, start + file.readUInt32LE(12)), false);
}

function find(folder: string, matches: (name: string) => boolean): string {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (matches(entry.name)) return path.join(entry.parentPath, entry.name);
  throw new Error(`prepare kernel: ${folder} lacks the file`);
}

/** Fills `into` by way of a folder beside it, so that it appears whole; another process may come first. */
async function whole(into: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const folder = `${into}.${process.pid}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await fill(folder);
    renameSync(folder, into);
  } catch (error) {
    if (!existsSync(into)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function unpack(packages: readonly string[], root: string): Promise<void> {
  for (const file of packages) await execute('dpkg-deb', ['-x', file, root]);
}

/** Unpacks a kernel and its modules into the folder `into`, with an image.json that describes it. */
export async function prepareKernel(
  packages: readonly string[],
  into: string,
  architecture: Architecture,
): Promise<void> {
  await whole(into, async (folder) => {
    const root = path.join(folder, 'root');
    await unpack(packages, root);
    const sub = existsSync(path.join(root, 'usr/lib/modules')) ? 'root/usr' : 'root';
    const release = readdirSync(path.join(folder, sub, 'lib/modules'))[0];
    if (release === undefined) throw new Error(`prepare kernel: ${packages.join(', ')} hold no modules`);
    const packed = readFileSync(find(root, (name) => name.startsWith('vmlinuz')));
    const kernel = architecture === 'amd64' ? kernelOfBzImage(packed) : kernelOfArm64(packed);
    writeFileSync(path.join(folder, 'kernel'), kernel);
    await execute('/sbin/depmod', ['-b', path.join(folder, sub), release]);
    const image: KernelImage = {
      release,
      architecture,
      kernel: path.join(into, 'kernel'),
      moduleRoot: path.join(into, sub),
    };
    writeFileSync(path.join(folder, 'image.json'), JSON.stringify(image));
  });
}

/** Where packages of a merged /usr still put files. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];

/** Unpacks a root file system. No maintainer script runs: what these programs need is in their files. */
export async function prepareRoot(packages: readonly string[], into: string): Promise<void> {
  await whole(into, async (folder) => {
    for (const name of MERGED) {
      mkdirSync(path.join(folder, 'usr', name), { recursive: true });
      symlinkSync(`usr/${name}`, path.join(folder, name));
    }
    for (const name of ['proc', 'sys', 'dev', 'run', 'tmp', 'root', 'etc'])
      mkdirSync(path.join(folder, name), { recursive: true });
    // dpkg-deb would put a directory in place of a link; tar keeps the links.
    for (const file of packages)
      await execute('sh', [
        '-c',
        'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
        'sh',
        file,
        folder,
      ]);
  });
}

/** Decompressed modules in the order of their dependencies; those built into the kernel are left out. */
export function moduleFiles(
  image: KernelImage,
  names: readonly string[],
): { readonly name: string; readonly data: Buffer }[] {
  const paths = new Set<string>();
  for (const name of names) {
    const listed = execFileSync(
      '/sbin/modprobe',
      ['-d', image.moduleRoot, '-S', image.release, '--show-depends', name],
      { encoding: 'utf8' },
    );
    for (const [, file = ''] of listed.matchAll(/^insmod (\S+)/gm)) paths.add(file);
  }
  return [...paths].map((file) => {
    const name = path.basename(file).replace(/\.(xz|zst)$/, '');
    const command = file.endsWith('.xz') ? 'xz' : file.endsWith('.zst') ? 'zstd' : undefined;
    const data =
      command === undefined
        ? readFileSync(file)
        : execFileSync(command, ['-dc', file], { maxBuffer: 1 << 28 });
    return { name, data };
  });
}
