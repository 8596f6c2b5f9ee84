/** Netlink attributes: u16 length, u16 type, payload, padded to 4 (include/uapi/linux/netlink.h, struct nlattr). */
import { textOf } from '../native/arena.ts';

const HEADER_BYTES = 4;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER share the type field with the type. */
const TYPE_MASK = 0x3fff;
const NLA_F_NESTED = 0x8000;

export const alignUp4 = (size: number): number => (size + 3) & ~3;

/** Joins byte strings. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** One attribute with its padding. */
export function attribute(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(alignUp4(HEADER_BYTES + payload.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, HEADER_BYTES + payload.length, true);
  view.setUint16(2, type, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

export const nested = (type: number, ...inner: Uint8Array[]): Uint8Array =>
  attribute(type | NLA_F_NESTED, concat(inner));

export function u32Attribute(type: number, value: number): Uint8Array {
  const payload = new Uint8Array(4);
  new DataView(payload.buffer).setUint32(0, value, true);
  return attribute(type, payload);
}

export const u8Attribute = (type: number, value: number): Uint8Array => attribute(type, Uint8Array.of(value));

export const stringAttribute = (type: number, text: string): Uint8Array =>
  attribute(type, new TextEncoder().encode(`${text}\0`));

/** The attributes of a message or of a nest. */
export class Attributes {
  private readonly byType = new Map<number, Uint8Array>();

  constructor(bytes: Uint8Array) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
      const length = view.getUint16(at, true);
      if (length < HEADER_BYTES || at + length > bytes.length) break;
      this.byType.set(
        view.getUint16(at + 2, true) & TYPE_MASK,
        bytes.subarray(at + HEADER_BYTES, at + length),
      );
      at += alignUp4(length);
    }
  }

  bytes(type: number): Uint8Array | undefined {
    return this.byType.get(type);
  }

  private view(type: number, size: number): DataView | undefined {
    const bytes = this.byType.get(type);
    return bytes && bytes.length >= size
      ? new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      : undefined;
  }

  u8(type: number): number | undefined {
    return this.view(type, 1)?.getUint8(0);
  }

  u32(type: number): number | undefined {
    return this.view(type, 4)?.getUint32(0, true);
  }

  i32(type: number): number | undefined {
    return this.view(type, 4)?.getInt32(0, true);
  }

  /** The u64 at `offset` bytes of the payload. */
  u64At(type: number, offset: number): bigint | undefined {
    return this.view(type, offset + 8)?.getBigUint64(offset, true);
  }

  string(type: number): string | undefined {
    const bytes = this.byType.get(type);
    return bytes && textOf(bytes);
  }

  nest(type: number): Attributes | undefined {
    const bytes = this.byType.get(type);
    return bytes && new Attributes(bytes);
  }
}
