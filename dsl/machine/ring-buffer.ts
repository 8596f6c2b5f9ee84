/** Ring buffers: records in order from programs to user space (kernel/bpf/ringbuf.c). */
import type { MapImage } from '../object/image.ts';
import { ERRNO } from './errno.ts';

const HEADER_BYTES = 8;
/** RINGBUF_MAX_RECORD_SZ: UINT_MAX / 4. */
const LARGEST_RECORD = 0x3fffffff;
/** BPF_RB_NO_WAKEUP and BPF_RB_FORCE_WAKEUP. */
const WAKEUP_FLAGS = 3n;

interface RingRecord {
  readonly bytes: Uint8Array;
  state: 'busy' | 'submitted' | 'discarded';
}

export class RingBuffer {
  readonly image: MapImage;
  #records: RingRecord[] = [];
  #used = 0;

  /** `image.maxEntries` is the size in bytes. */
  constructor(image: MapImage) {
    this.image = image;
  }

  /** Memory for a record (bpf_ringbuf_reserve), or `undefined` where it doesn't fit. */
  reserve(size: number): Uint8Array | undefined {
    const taken = takenBy(size);
    // The kernel lets the producer come up to one byte short of the consumer, so a full ring can't look empty.
    if (size > LARGEST_RECORD || this.#used + taken > this.image.maxEntries - 1) return undefined;
    const record: RingRecord = { bytes: new Uint8Array(size), state: 'busy' };
    this.#records.push(record);
    this.#used += taken;
    return record.bytes;
  }

  /** bpf_ringbuf_submit; `bytes` came from `reserve`. False where it isn't (or no more) a reserved record. */
  submit(bytes: Uint8Array): boolean {
    return this.#settle(bytes, 'submitted');
  }

  /** bpf_ringbuf_discard. */
  discard(bytes: Uint8Array): boolean {
    return this.#settle(bytes, 'discarded');
  }

  /** bpf_ringbuf_output: 0 or a negative errno. */
  output(data: Uint8Array, flags = 0n): number {
    if ((flags & ~WAKEUP_FLAGS) !== 0n) return -ERRNO.EINVAL;
    const bytes = this.reserve(data.length);
    if (bytes === undefined) return -ERRNO.EAGAIN;
    bytes.set(data);
    this.submit(bytes);
    return 0;
  }

  /** bpf_ringbuf_query(BPF_RB_AVAIL_DATA): bytes between the consumer and the producer. */
  get available(): number {
    return this.#used;
  }

  /** User space: takes the submitted records up to the first that a program still fills. */
  consume(): Uint8Array[] {
    const busy = this.#records.findIndex((record) => record.state === 'busy');
    const done = this.#records.splice(0, busy === -1 ? this.#records.length : busy);
    for (const record of done) this.#used -= takenBy(record.bytes.length);
    return done.filter((record) => record.state === 'submitted').map((record) => record.bytes);
  }

  #settle(bytes: Uint8Array, state: 'submitted' | 'discarded'): boolean {
    const record = this.#records.find((one) => one.bytes === bytes && one.state === 'busy');
    if (record === undefined) return false;
    record.state = state;
    return true;
  }
}

function takenBy(size: number): number {
  return Math.ceil((size + HEADER_BYTES) / 8) * 8;
}
