/** From kernel packages to what QEMU boots: an uncompressed kernel with a PVH entry, and its modules. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export interface KernelImage {
  readonly release: string;
  /** ELF kernel: booted by PVH, which skips the decompressor. */
  readonly vmlinux: string;
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

/** Takes the ELF kernel out of a bzImage (Documentation/arch/x86/boot.rst: setup_sects, payload_offset, payload_length). */
function extractKernel(bzImage: Buffer): Buffer {
  const setupSectors = bzImage[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c));
  const compression = COMPRESSIONS.find(
    ({ magic }) => payload.toString('hex', 0, magic.length / 2) === magic,
  );
  if (compression === undefined)
    throw new Error(
      `extract kernel: payload starts with ${payload.toString('hex', 0, 4)}, no known compression`,
    );
  const input = payload.subarray(0, payload.length - compression.trailer);
  const kernel = execFileSync(compression.command, ['-dc'], {
    input,
    maxBuffer: 1 << 29,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  if (kernel.toString('latin1', 0, 4) !== '\x7fELF')
    throw new Error('extract kernel: the payload is not an ELF file');
  return kernel;
}

function find(folder: string, matches: (name: string) => boolean): string {
  for (const entry of readdirSync(folder, { withFileTypes: true, recursive: true }))
    if (matches(entry.name)) return path.join(entry.parentPath, entry.name);
  throw new Error(`prepare kernel: ${folder} lacks the file`);
}

/** Unpacks the packages in `folder` beside them, once. */
export function prepareKernel(folder: string): KernelImage {
  const record = path.join(folder, 'image.json');
  if (existsSync(record)) return JSON.parse(readFileSync(record, 'utf8')) as KernelImage;
  const root = path.join(folder, 'root');
  for (const name of readdirSync(folder))
    if (name.endsWith('.deb')) execFileSync('dpkg-deb', ['-x', path.join(folder, name), root]);
  const moduleRoot = existsSync(path.join(root, 'usr/lib/modules')) ? path.join(root, 'usr') : root;
  const release = readdirSync(path.join(moduleRoot, 'lib/modules'))[0];
  if (release === undefined) throw new Error(`prepare kernel: the packages in ${folder} hold no modules`);
  const vmlinux = path.join(folder, 'vmlinux');
  writeFileSync(vmlinux, extractKernel(readFileSync(find(root, (name) => name.startsWith('vmlinuz')))));
  execFileSync('/sbin/depmod', ['-b', moduleRoot, release]);
  const image = { release, vmlinux, moduleRoot };
  writeFileSync(record, JSON.stringify(image));
  return image;
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
