/**
 * Memory that the kernel reads and writes. Addresses of JavaScript buffers outlive the buffers, so every
 * structure handed to a system call lies in chunks that are never freed; `withScratch` takes room in them
 * and gives it back at its end.
 */
import { koffi } from './koffi.ts';

const CHUNK_BYTES = 1 << 20;
const ALIGNMENT = 8;

/** A piece of scratch memory; `address` is what the kernel sees. Valid until its `withScratch` ends. */
export interface Region {
  readonly address: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

interface Chunk {
  readonly buffer: ArrayBuffer;
  readonly base: number;
  used: number;
}

const chunks: Chunk[] = [];
const encoder = new TextEncoder();

function chunkWithRoom(size: number): Chunk {
  const found = chunks.find((chunk) => chunk.used + size <= chunk.buffer.byteLength);
  if (found) return found;
  const buffer = new ArrayBuffer(Math.max(CHUNK_BYTES, size));
  const chunk = { buffer, base: Number(koffi().address(buffer)), used: 0 };
  chunks.push(chunk);
  return chunk;
}

/** Zeroed memory that lives as long as the region is referred to, for a call that outlasts its caller. */
export function lasting(size: number): Region {
  const buffer = new ArrayBuffer(size);
  return {
    address: Number(koffi().address(buffer)),
    bytes: new Uint8Array(buffer),
    view: new DataView(buffer),
  };
}

/** What a region of `size` bytes takes up. */
export const aligned = (size: number): number => Math.max(ALIGNMENT, Math.ceil(size / ALIGNMENT) * ALIGNMENT);

/** Zeroed memory of `size` bytes, aligned to 8. */
function allocate(size: number): Region {
  const room = aligned(size);
  const chunk = chunkWithRoom(room);
  const offset = chunk.used;
  chunk.used += room;
  const bytes = new Uint8Array(chunk.buffer, offset, size);
  bytes.fill(0);
  return { address: chunk.base + offset, bytes, view: new DataView(chunk.buffer, offset, size) };
}

export interface Scratch {
  allocate(size: number): Region;
  /** A copy of `bytes`. */
  copy(bytes: Uint8Array): Region;
  /** `text` as UTF-8 with its terminating NUL. */
  string(text: string): Region;
}

function scratchOf(allocate: (size: number) => Region): Scratch {
  const copy = (bytes: Uint8Array): Region => {
    const region = allocate(bytes.length);
    region.bytes.set(bytes);
    return region;
  };
  return {
    allocate,
    copy,
    string(text) {
      if (text.includes('\0'))
        throw new Error(`a string for the kernel holds a NUL byte: ${JSON.stringify(text)}`);
      return copy(encoder.encode(`${text}\0`));
    },
  };
}

export const scratch = scratchOf(allocate);

/** Room of `size` bytes for structures that point to each other; it lives as long as any of its regions is referred to. */
export function lastingScratch(size: number): Scratch {
  const { address, bytes } = lasting(size);
  let used = 0;
  return scratchOf((wanted) => {
    const offset = used;
    used += aligned(wanted);
    if (used > size) throw new RangeError(`${used} bytes for the kernel: there is room for ${size}`);
    const view = new DataView(bytes.buffer, offset, wanted);
    return { address: address + offset, bytes: bytes.subarray(offset, offset + wanted), view };
  });
}

/** Runs `body` with scratch memory; whatever it allocated is free again afterwards. */
export function withScratch<T>(body: (memory: Scratch) => T): T {
  const marks = chunks.map((chunk) => chunk.used);
  try {
    return body(scratch);
  } finally {
    chunks.forEach((chunk, index) => {
      chunk.used = marks[index] ?? 0;
    });
  }
}

/** The text up to the first NUL. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  // A TextDecoder would cost a CNI call two milliseconds for its making.
  return Buffer.from(bytes.buffer, bytes.byteOffset, end < 0 ? bytes.length : end).toString();
}
