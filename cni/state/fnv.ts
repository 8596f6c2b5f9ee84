/** FNV-1a of 64 bits (RFC 9923), for names that nobody has to be kept from forging; node:crypto would cost every call 6 ms. */
export function fnv1a(text: string): bigint {
  // In halves of 32 bits: a bigint for each byte would be garbage by the megabyte. The prime is 2^40 + 0x1b3.
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (const byte of Buffer.from(text)) {
    const mixed = (low ^ byte) >>> 0;
    const product = mixed * 0x1b3;
    low = product >>> 0;
    high = (high * 0x1b3 + Math.floor(product / 2 ** 32) + ((mixed << 8) >>> 0)) >>> 0;
  }
  return (BigInt(high) << 32n) | BigInt(low);
}
