/** FNV-1a of 64 bits (RFC 9923), for names that nobody has to be kept from forging; node:crypto would cost every call 6 ms. */
export function fnv1a(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
