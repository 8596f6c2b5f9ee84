/** A container image made of busybox alone, without a registry: the archive that `docker save` would write. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const IMAGE = 'localhost/natra-test:1';
/** Debian's busybox-static. */
const BUSYBOX = '/bin/busybox';
const APPLETS = ['sh', 'sleep', 'nc', 'timeout', 'wc', 'cat'];
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

const tar = (folder: string, archive: string): void => {
  execFileSync('tar', ['-C', folder, '--owner=0', '--group=0', '-cf', archive, '.']);
};

/** Makes the archive in `folder` and gives its path. The image sleeps until it is told otherwise. */
export function makeImage(folder: string): string {
  const root = join(folder, 'root');
  const parts = join(folder, 'parts');
  mkdirSync(join(root, 'bin'), { recursive: true });
  mkdirSync(parts);
  copyFileSync(BUSYBOX, join(root, 'bin', 'busybox'));
  for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet));
  const layer = join(parts, 'layer.tar');
  tar(root, layer);
  const digest = createHash('sha256').update(readFileSync(layer)).digest('hex');
  const config = {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
    os: 'linux',
    config: { Cmd: ['sleep', 'inf'], Env: ['PATH=/bin'] },
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest}`] },
  };
  writeFileSync(join(parts, 'config.json'), JSON.stringify(config));
  const manifest = [{ Config: 'config.json', RepoTags: [IMAGE], Layers: ['layer.tar'] }];
  writeFileSync(join(parts, 'manifest.json'), JSON.stringify(manifest));
  const archive = join(folder, 'image.tar');
  tar(parts, archive);
  return archive;
}
