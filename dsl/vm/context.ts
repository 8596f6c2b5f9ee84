/**
 * struct __sk_buff in front of a packet: what the verifier rewrites context accesses into
 * (bpf_convert_ctx_access, net/core/filter.c).
 */
import { CONTEXTS, type ContextField } from '../machine/contexts.ts';
import { isWord, type Skb } from '../machine/skb.ts';
import { AccessError, type AddressSpace } from './memory.ts';

const CONTEXT = CONTEXTS.classifier ?? { fields: [], size: 0 };
const DATA = CONTEXT.data ?? { start: -1, end: -1 };
/** data_meta: where it starts when no metadata lies before the packet, at the packet. */
const DATA_META = 140;
const TSTAMP = 152;
const TSTAMP_TYPE = 180;
/** Words that a program may write and that stay as written: queue_mapping, tc_index, cb[5]. */
const SCRATCH: ReadonlySet<number> = new Set([12, 44, 48, 52, 56, 60, 64]);
/** Fields that hold kernel pointers: flow_keys, sk. */
const POINTERS: ReadonlySet<number> = new Set([144, 168]);

const WRITABLE: ReadonlyMap<number, ContextField> = new Map(
  CONTEXT.fields.filter((field) => field.writable).map((field) => [field.offset, field]),
);

const WORD_FIELDS = CONTEXT.fields.flatMap(({ name, offset, networkOrder16 }) =>
  isWord(name) ? [{ name, offset, swapped: networkOrder16 === true }] : [],
);

export class Context {
  readonly tag: number;
  readonly #memory: AddressSpace;
  readonly #bytes = new Uint8Array(CONTEXT.size);
  readonly #view = new DataView(this.#bytes.buffer);
  #skb: Skb | undefined;
  #generation = 0;
  /** Tag of the packet's linear part. */
  #packetTag = 0;

  constructor(memory: AddressSpace) {
    this.#memory = memory;
    this.tag = memory.add('the context', this.#bytes);
  }

  /** The packet, if a program that has one is running. */
  get packet(): Skb | undefined {
    return this.#skb;
  }

  /** The program that runs next has no packet. */
  unbind(): void {
    this.#skb = undefined;
  }

  /** Shows a program this packet; scratch fields start at zero. */
  bind(skb: Skb): void {
    this.#skb = skb;
    this.#bytes.fill(0);
    this.#map(skb);
    this.refresh('');
  }

  /** After a helper: takes over the packet's fields, and kills packet pointers when the helper may have moved it. */
  refresh(helper: string): void {
    const skb = this.#skb;
    if (skb === undefined) return;
    if (skb.generation !== this.#generation) {
      this.#memory.kill(this.#packetTag, `which ${helper} may have moved: make a new pointer from data`);
      this.#map(skb);
    }
    for (const { name, offset, swapped } of WORD_FIELDS) {
      if (swapped) this.#view.setUint16(offset, skb[name], false);
      else this.#view.setUint32(offset, skb[name], true);
    }
    this.#view.setBigUint64(TSTAMP, skb.tstamp, true);
    this.#view.setUint8(TSTAMP_TYPE, skb.tstampType);
  }

  /** The tag of the packet pointer that a load at `at` gives, or 0 where it is an ordinary load. */
  pointerTag(at: number, size: number): number {
    if (at !== DATA.start && at !== DATA.end && at !== DATA_META) {
      if (POINTERS.has(at))
        throw new AccessError(`read the context at ${at}: the model has no such kernel object`);
      return 0;
    }
    if (size !== 4) throw new AccessError(`read ${size} bytes of a packet pointer in the context: it has 4`);
    return this.#packetTag;
  }

  /** The offset into the packet of the pointer that a load at `at` gives. */
  pointerOffset(at: number): number {
    return at === DATA.end ? (this.#skb?.linearLength ?? 0) : 0;
  }

  /** After a store of `size` bytes at `at` in the context's memory: writes the packet's field. */
  stored(at: number, size: number): void {
    if (size === 4 && SCRATCH.has(at)) return;
    const field = WRITABLE.get(at);
    if (field === undefined || field.size !== size) {
      throw new AccessError(`write ${size} bytes of the context at ${at}: no field that a program may write`);
    }
    const value = size === 8 ? this.#view.getBigUint64(at, true) : BigInt(this.#view.getUint32(at, true));
    this.#skb?.set(field.name, value);
    this.refresh('');
  }

  #map(skb: Skb): void {
    this.#generation = skb.generation;
    this.#packetTag = this.#memory.add('the packet', skb.data.subarray(0, skb.linearLength));
  }
}
