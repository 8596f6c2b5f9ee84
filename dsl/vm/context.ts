/**
 * The context in front of a packet: what the verifier rewrites its accesses into (bpf_convert_ctx_access and
 * xdp_convert_ctx_access, net/core/filter.c).
 */
import { CONTEXTS, type ContextField, type ContextTable } from '../machine/contexts.ts';
import type { Packet } from '../machine/packet.ts';
import { isWord, Skb } from '../machine/skb.ts';
import type { ProgramKind } from '../object/image.ts';
import { AccessError, type AddressSpace } from './memory.ts';

const TSTAMP = 152;
const TSTAMP_TYPE = 180;
/** Words of an skb that a program may write and that stay as written: cb[5]; and for a classifier queue_mapping, tc_index. */
const SCRATCH = [48, 52, 56, 60, 64];
const CLASSIFIER_SCRATCH = [12, 44, ...SCRATCH];
/** Fields of an skb that hold kernel pointers: flow_keys, sk. */
const POINTERS: ReadonlySet<number> = new Set([144, 168]);
const NOWHERE = -1;

/** A kind's context, prepared for the accesses of its programs. */
interface Shape {
  readonly struct: ContextTable['struct'];
  readonly start: number;
  readonly end: number;
  /** Where it starts when no metadata lies before the packet: at the packet. */
  readonly meta: number;
  readonly writable: ReadonlyMap<number, ContextField>;
  readonly scratch: ReadonlySet<number>;
  readonly words: readonly ContextField[];
  readonly packetWritable: boolean;
}

function shapeOf(kind: ProgramKind): Shape {
  const { struct, fields, data } = CONTEXTS[kind];
  const scratch = kind === 'classifier' ? CLASSIFIER_SCRATCH : struct === '__sk_buff' ? SCRATCH : [];
  return {
    struct,
    start: data?.start ?? NOWHERE,
    end: data?.end ?? NOWHERE,
    meta: data?.meta ?? NOWHERE,
    writable: new Map(fields.filter((field) => field.writable).map((field) => [field.offset, field])),
    scratch: new Set(scratch),
    words: fields.filter(({ name }) => struct === 'xdp_md' || isWord(name)),
    packetWritable: data?.writable ?? false,
  };
}

interface Region {
  readonly tag: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

export class Context {
  /** Of the context of the program that runs. */
  tag: number;
  readonly #memory: AddressSpace;
  readonly #regions: Readonly<Record<ContextTable['struct'], Region>>;
  readonly #shapes = new Map<ProgramKind, Shape>();
  #shape: Shape = shapeOf('classifier');
  #view: DataView;
  #packet: Packet | undefined;
  #generation = 0;
  /** Tag of the packet's linear part. */
  #packetTag = 0;

  constructor(memory: AddressSpace) {
    this.#memory = memory;
    const region = (size: number): Region => {
      const bytes = new Uint8Array(size);
      return { tag: memory.add('the context', bytes), bytes, view: new DataView(bytes.buffer) };
    };
    this.#regions = { __sk_buff: region(CONTEXTS.classifier.size), xdp_md: region(CONTEXTS.xdp.size) };
    this.tag = this.#regions.__sk_buff.tag;
    this.#view = this.#regions.__sk_buff.view;
  }

  /** The packet, if a program that has an skb is running. */
  get packet(): Skb | undefined {
    return this.#packet instanceof Skb ? this.#packet : undefined;
  }

  /** The program that runs next has no packet. */
  unbind(): void {
    this.#packet = undefined;
  }

  /** Shows a program of this kind this packet; scratch fields start at zero. */
  bind(packet: Packet, kind: ProgramKind): void {
    let shape = this.#shapes.get(kind);
    if (shape === undefined) {
      shape = shapeOf(kind);
      this.#shapes.set(kind, shape);
    }
    const { tag, bytes, view } = this.#regions[shape.struct];
    this.#shape = shape;
    this.tag = tag;
    this.#view = view;
    this.#packet = packet;
    bytes.fill(0);
    this.#map(packet);
    this.refresh('');
  }

  /** After a helper: takes over the packet's fields, and kills packet pointers when the helper may have moved it. */
  refresh(helper: string): void {
    const packet = this.#packet;
    if (packet === undefined) return;
    if (packet.generation !== this.#generation) {
      this.#memory.kill(this.#packetTag, `which ${helper} may have moved: make a new pointer from data`);
      this.#map(packet);
    }
    if (packet instanceof Skb) this.#refreshSkb(packet);
    else
      for (const { name, offset } of this.#shape.words)
        this.#view.setUint32(offset, Number(packet.get(name)), true);
  }

  #refreshSkb(skb: Skb): void {
    for (const { name, offset, network } of this.#shape.words) {
      if (!isWord(name)) continue;
      if (network === 16) this.#view.setUint16(offset, skb[name], false);
      else this.#view.setUint32(offset, skb[name], network !== 32);
    }
    this.#view.setBigUint64(TSTAMP, skb.tstamp, true);
    this.#view.setUint8(TSTAMP_TYPE, skb.tstampType);
  }

  /** The tag of the packet pointer that a load at `at` gives, or 0 where it is an ordinary load. */
  pointerTag(at: number, size: number): number {
    const { start, end, meta, struct } = this.#shape;
    if (at !== start && at !== end && at !== meta) {
      if (struct === '__sk_buff' && POINTERS.has(at))
        throw new AccessError(`read the context at ${at}: the model has no such kernel object`);
      return 0;
    }
    if (size !== 4) throw new AccessError(`read ${size} bytes of a packet pointer in the context: it has 4`);
    return this.#packetTag;
  }

  /** The offset into the packet of the pointer that a load at `at` gives. */
  pointerOffset(at: number): number {
    return at === this.#shape.end ? (this.#packet?.linearLength ?? 0) : 0;
  }

  /** After a store of `size` bytes at `at` in the context's memory: writes the packet's field. */
  stored(at: number, size: number): void {
    if (size === 4 && this.#shape.scratch.has(at)) return;
    const field = this.#shape.writable.get(at);
    if (field === undefined || field.size !== size) {
      throw new AccessError(`write ${size} bytes of the context at ${at}: no field that a program may write`);
    }
    const value = size === 8 ? this.#view.getBigUint64(at, true) : BigInt(this.#view.getUint32(at, true));
    this.#packet?.set(field.name, value);
    this.refresh('');
  }

  #map(packet: Packet): void {
    this.#generation = packet.generation;
    const linear = packet.data.subarray(0, packet.linearLength);
    this.#packetTag = this.#memory.add('the packet', linear, this.#shape.packetWritable);
  }
}
