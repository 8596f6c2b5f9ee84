/** What every program runs on, whatever its kind: bytes, and the fields of its context. */
export interface Packet {
  /** The packet from where the program sees it to its end. */
  readonly data: Uint8Array;
  /** Bytes that direct access can reach. */
  readonly linearLength: number;
  /** Grows whenever references into the packet become invalid. */
  readonly generation: number;
  /** The context field of that name (dsl/machine/contexts.ts), in the language's byte order. */
  get(name: string): bigint;
  /** Writes a context field; `value` wraps to the field's width. */
  set(name: string, value: bigint): void;
  /** A copy of the packet's bytes as they are now. */
  bytes(): Uint8Array;
}
