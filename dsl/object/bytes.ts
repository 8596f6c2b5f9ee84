/** Little-endian byte sequences: a growing writer, and the NUL-terminated string tables of ELF and BTF. */

/** Appends little-endian integers and raw bytes. */
export class ByteWriter {
  #bytes = new Uint8Array(1024);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  #reserve(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, this.#bytes.length * 2));
      grown.set(this.#bytes);
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }

  // Reserving may replace the view, so it comes first in each.
  u8(value: number): void {
    const at = this.#reserve(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#reserve(2);
    this.#view.setUint16(at, value, true);
  }

  u32(value: number): void {
    const at = this.#reserve(4);
    this.#view.setUint32(at, value, true);
  }

  u64(value: number): void {
    const at = this.#reserve(8);
    this.#view.setBigUint64(at, BigInt(value), true);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Pads with zeros to a multiple of `alignment`. */
  align(alignment: number): void {
    this.#reserve((alignment - (this.#length % alignment)) % alignment);
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** A string table under construction: each string once, the empty one at offset 0. */
export class StringTable {
  readonly #offsets = new Map<string, number>([['', 0]]);
  readonly #bytes = new ByteWriter();
  readonly #encoder = new TextEncoder();

  constructor() {
    this.#bytes.u8(0);
  }

  /** The offset of `text`, which must not contain NUL. */
  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const offset = this.#bytes.length;
    this.#bytes.raw(this.#encoder.encode(text));
    this.#bytes.u8(0);
    this.#offsets.set(text, offset);
    return offset;
  }

  finish(): Uint8Array {
    return this.#bytes.finish();
  }
}

/** Reads strings from a table. */
export class StringReader {
  readonly #decoder = new TextDecoder();
  readonly #bytes: Uint8Array;
  /** The whole table where it is ASCII, whose bytes and characters have the same places: one decoding for all. */
  readonly #ascii: string | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    const text = this.#decoder.decode(bytes);
    this.#ascii = text.length === bytes.length ? text : undefined;
  }

  at(offset: number): string {
    const end = this.#bytes.indexOf(0, offset);
    if (offset >= this.#bytes.length || end < 0) {
      throw new Error(`read a string at offset ${offset}: the string table has ${this.#bytes.length} bytes`);
    }
    return this.#ascii?.slice(offset, end) ?? this.#decoder.decode(this.#bytes.subarray(offset, end));
  }
}

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
