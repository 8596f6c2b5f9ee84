/** Where fetched kernels are kept between runs. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fetchKernel } from './debian.ts';
import { type KernelImage, prepareKernel } from './image.ts';
import type { KernelRow } from './matrix.ts';

/** How long the newest kernel of a suite is taken to be the newest. */
const STAYS_NEWEST_MS = 12 * 3600 * 1000;

const folder = (): string =>
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'natra', 'kernels');

/**
 * The newest kernel of the row's suite, fetched and unpacked unless the cache has it. Where the archive can't be
 * reached, the one that was newest before.
 */
export function kernelImage(row: KernelRow): KernelImage {
  const record = path.join(folder(), `${row.suite}.json`);
  const kept = existsSync(record) ? (JSON.parse(readFileSync(record, 'utf8')) as KernelImage) : undefined;
  const usable = kept !== undefined && existsSync(kept.vmlinux) ? kept : undefined;
  if (usable && Date.now() - statSync(record).mtimeMs < STAYS_NEWEST_MS) return usable;
  try {
    mkdirSync(folder(), { recursive: true });
    const image = prepareKernel(fetchKernel(row.suite, folder()));
    writeFileSync(record, JSON.stringify(image));
    return image;
  } catch (error) {
    if (usable) return usable;
    throw error;
  }
}
