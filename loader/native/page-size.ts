/** The kernel's page: 4 KiB on x86-64; 4, 16 or 64 KiB on arm64, as the kernel was built. */
import { readFileSync } from 'node:fs';

/** AT_PAGESZ, include/uapi/linux/auxvec.h. */
const PAGE_SIZE = 6n;

/** Bytes of a page by this process's auxiliary vector: pairs of 64-bit words, a type and a value. */
export function pageSizeIn(vector: Uint8Array): number {
  const view = new DataView(vector.buffer, vector.byteOffset, vector.byteLength);
  for (let at = 0; at + 16 <= vector.length; at += 16)
    if (view.getBigUint64(at, true) === PAGE_SIZE) return Number(view.getBigUint64(at + 8, true));
  throw new Error("read the page size: /proc/self/auxv doesn't say it");
}

let known: number | undefined;

/** Bytes. */
export function pageSize(): number {
  known ??= pageSizeIn(readFileSync('/proc/self/auxv'));
  return known;
}
