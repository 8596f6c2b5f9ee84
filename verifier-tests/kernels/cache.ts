/** Where fetched kernels are kept between runs. */
import { homedir } from 'node:os';
import path from 'node:path';
import { fetchKernel } from './debian.ts';
import { type KernelImage, prepareKernel } from './image.ts';
import type { KernelRow } from './matrix.ts';

const folder = (): string =>
  path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'natra', 'kernels');

/** Fetches and unpacks the row's kernel unless the cache has it. */
export function kernelImage(row: KernelRow): KernelImage {
  return prepareKernel(fetchKernel(row.suite, folder()));
}
