/** Container images made of this machine's own files, without a registry: archives that `docker save` would write. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Of busybox alone: it sleeps until it is told otherwise. */
export const IMAGE = 'localhost/natra-test:1';
/** Debian's busybox-static. */
const BUSYBOX = '/bin/busybox';
const APPLETS = ['sh', 'sleep', 'nc', 'timeout', 'wc', 'cat'];
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

interface Contents {
  readonly tag: string;
  /** What is copied, by its path in the image. */
  readonly files: Readonly<Record<string, string>>;
  /** Symbolic links, by their path in the image. */
  readonly links?: Readonly<Record<string, string>>;
  readonly config: object;
}

/** Makes the archive of the busybox image in `folder`, which must not have one, and gives its path. */
export const makeBusyboxImage = (folder: string): string =>
  makeImage(folder, {
    tag: IMAGE,
    files: { '/bin/busybox': BUSYBOX },
    links: Object.fromEntries(APPLETS.map((applet) => [`/bin/${applet}`, 'busybox'])),
    config: { Cmd: ['sleep', 'inf'], Env: ['PATH=/bin'] },
  });

/** The same of an image that holds this machine's Node.js with its libraries, to be the base of natra's. */
export function makeNodeImage(folder: string, tag: string): string {
  const node = realpathSync(process.execPath);
  const listed = execFileSync('ldd', [node], { encoding: 'utf8' });
  const libraries = [...listed.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path);
  return makeImage(folder, {
    tag,
    files: { '/bin/node': node, ...Object.fromEntries(libraries.map((path) => [path, path])) },
    config: { Env: ['PATH=/bin'] },
  });
}

function makeImage(folder: string, { tag, files, links = {}, config }: Contents): string {
  const root = join(folder, 'root');
  const parts = join(folder, 'parts');
  mkdirSync(parts, { recursive: true });
  const placeOf = (path: string): string => {
    const place = join(root, path);
    mkdirSync(dirname(place), { recursive: true });
    return place;
  };
  for (const [path, source] of Object.entries(files)) copyFileSync(source, placeOf(path));
  for (const [path, target] of Object.entries(links)) symlinkSync(target, placeOf(path));
  const layer = join(parts, 'layer.tar');
  tar(root, layer);
  const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
  const description = {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: 'linux',
    config,
    // An entry a layer: a build on top of it counts them.
    history: [{ created: '1970-01-01T00:00:00Z', created_by: 'natra' }],
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  writeFileSync(join(parts, 'config.json'), JSON.stringify(description));
  const manifest = [{ Config: 'config.json', RepoTags: [tag], Layers: ['layer.tar'] }];
  writeFileSync(join(parts, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(folder, 'image.tar');
  tar(parts, archive);
  return archive;
}

function tar(folder: string, archive: string): void {
  execFileSync('tar', ['-C', folder, '--owner=0', '--group=0', '-cf', archive, '.']);
}
