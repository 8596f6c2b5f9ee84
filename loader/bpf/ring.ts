/**
 * Reading a ring buffer: its pages are mapped, and records are taken up to where programs have written
 * (kernel/bpf/ringbuf.c; libbpf's src/ringbuf.c). One reader at a time.
 */
import { check } from '../errors.ts';
import { koffi } from '../native/koffi.ts';
import { pageSize } from '../native/page-size.ts';
import { syscall } from '../native/syscall.ts';
import type { MapHandle } from './map.ts';

const PROT = { read: 1, write: 2 } as const;
const MAP_SHARED = 1;
const HEADER = 8;
/** BPF_RINGBUF_BUSY_BIT and BPF_RINGBUF_DISCARD_BIT of a record's length. */
const BUSY = 0x80000000;
const DISCARDED = 0x40000000;

interface Mapping {
  readonly address: number;
  readonly bytes: number;
  readonly view: DataView;
}

function mapPages(ring: MapHandle, bytes: number, protection: number, offset: number): Mapping {
  const address = check(
    syscall('mmap', 0, bytes, protection, MAP_SHARED, ring.fd, offset),
    'map ring buffer',
    ring.name,
  );
  return { address, bytes, view: new DataView(koffi().view(address, bytes)) };
}

export class RingReader {
  /** The consumer's position, which the kernel lets this process write. */
  readonly #consumer: Mapping;
  /** The producer's position, then the data, twice in a row so that no record is cut in two. */
  readonly #producer: Mapping;
  readonly #size: number;

  constructor(ring: MapHandle) {
    this.#size = ring.maxEntries;
    const page = pageSize();
    this.#consumer = mapPages(ring, page, PROT.read | PROT.write, 0);
    this.#producer = mapPages(ring, page + 2 * this.#size, PROT.read, page);
  }

  /** Takes the submitted records, oldest first, up to the first that a program still fills. */
  consume(): Uint8Array[] {
    const records: Uint8Array[] = [];
    const page = pageSize();
    let position = this.#consumer.view.getBigUint64(0, true);
    const end = this.#producer.view.getBigUint64(0, true);
    while (position < end) {
      const at = page + Number(position % BigInt(this.#size));
      const header = this.#producer.view.getUint32(at, true);
      if (header & BUSY) break;
      const length = header & ~DISCARDED;
      if (!(header & DISCARDED)) {
        const start = this.#producer.view.byteOffset + at + HEADER;
        records.push(new Uint8Array(this.#producer.view.buffer, start, length).slice());
      }
      position += BigInt(Math.ceil((length + HEADER) / 8) * 8);
    }
    this.#consumer.view.setBigUint64(0, position, true);
    return records;
  }

  /** Unmaps the pages: no call of `consume` may follow. */
  close(): void {
    for (const { address, bytes } of [this.#consumer, this.#producer]) syscall('munmap', address, bytes);
  }
}
