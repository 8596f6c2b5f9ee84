/**
 * Where fetched kernels and guests' roots are kept between runs: packages by hash, what is unpacked of them by the
 * hashes of all its packages. Every entry appears whole, by a rename, so that runs beside each other may share it.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { Archive, type Package } from './debian.ts';
import { type KernelImage, prepareKernel, prepareRoot } from './image.ts';
import type { Architecture, KernelSource } from './matrix.ts';

/** How long the newest kernel of a suite is taken to be the newest. */
const STAYS_NEWEST_MS = 12 * 3600 * 1000;

const folder = (...parts: string[]): string =>
  path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'natra', 'vm', ...parts);

const archives = new Map<Architecture, Promise<Archive>>();

/** One for each architecture, so that rows beside each other ask for the lists once. */
function archiveOf(architecture: Architecture): Promise<Archive> {
  const known = archives.get(architecture);
  if (known !== undefined) return known;
  const opened = Archive.open(folder(`apt-${architecture}`), architecture);
  archives.set(architecture, opened);
  // Whoever waits for it hears of the failure; the next one tries again.
  opened.catch(() => archives.delete(architecture));
  return opened;
}

interface Kept {
  readonly name: string;
  readonly resolve: (archive: Archive) => Promise<readonly Package[]>;
  readonly unpack: (packages: readonly string[], into: string) => Promise<void>;
}

/**
 * What `unpack` makes of the packages, unless the cache has it. Packages that the archive has superseded since the lists
 * were made are looked up anew; where it can't be reached at all, what was kept before will do.
 * @returns the folder that `unpack` filled
 */
async function kept(architecture: Architecture, { name, resolve, unpack }: Kept): Promise<string> {
  const record = folder('newest', name);
  const before = existsSync(record) ? folder('unpacked', readFileSync(record, 'utf8').trim()) : undefined;
  const usable = before !== undefined && existsSync(before) ? before : undefined;
  if (usable !== undefined && Date.now() - statSync(record).mtimeMs < STAYS_NEWEST_MS) return usable;
  try {
    const archive = await archiveOf(architecture);
    const fetched = async (): Promise<readonly [readonly Package[], readonly string[]]> => {
      const packages = await resolve(archive);
      return [packages, await archive.download(packages, folder('packages'))];
    };
    const [packages, files] = await fetched().catch(async () => {
      await archive.refresh();
      return await fetched();
    });
    const hash = createHash('sha256').update(packages.map(({ sha256 }) => sha256).join());
    const key = `${name}-${hash.digest('hex').slice(0, 16)}`;
    const target = folder('unpacked', key);
    if (!existsSync(target)) await unpack(files, target);
    mkdirSync(path.dirname(record), { recursive: true });
    writeFileSync(record, `${key}\n`);
    return target;
  } catch (error) {
    if (usable !== undefined) return usable;
    throw error;
  }
}

/** The kernel of a row. */
export async function kernelImage(
  name: string,
  source: KernelSource & { kind: 'debian' },
): Promise<KernelImage> {
  const { architecture } = source;
  const unpacked = await kept(architecture, {
    name: `kernel-${name}`,
    resolve: (archive) => archive.kernelPackages(source),
    unpack: (packages, into) => prepareKernel(packages, into, architecture),
  });
  return { ...(JSON.parse(readFileSync(path.join(unpacked, 'image.json'), 'utf8')) as KernelImage) };
}

/** What a guest of another architecture than the host's needs: Node.js, and the tools that lay out its network. */
const ROOT_PROGRAMS = [
  'nodejs',
  'busybox-static',
  'dash',
  'coreutils',
  'iproute2',
  'util-linux',
  'kmod',
  'mount',
];

/** A root file system for guests of an architecture. */
export async function guestRoot(architecture: Architecture): Promise<string> {
  return await kept(architecture, {
    name: `root-${architecture}`,
    resolve: (archive) => archive.packagesOf(ROOT_PROGRAMS),
    unpack: prepareRoot,
  });
}

/** The path of a file that `make` fills the first time. */
export function cachedFile(name: string, make: () => Buffer): string {
  const file = folder(name);
  if (!existsSync(file)) {
    mkdirSync(folder(), { recursive: true });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, make());
    renameSync(temporary, file);
  }
  return file;
}

/** A small text kept under a name; undefined where there is none. */
export function remembered(name: string): string | undefined {
  const file = folder(name);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

export function remember(name: string, text: string): void {
  mkdirSync(folder(), { recursive: true });
  writeFileSync(folder(name), text);
}
