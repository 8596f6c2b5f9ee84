/** One's complement sums of the Internet checksum (RFC 1071, RFC 1624; include/net/checksum.h). */

/** a + b with end-around carry, in 16 bits (csum16_add). */
function onesComplementAdd16(a: number, b: number): number {
  const sum = a + b;
  return (sum & 0xffff) + (sum >> 16);
}

/** a + b with end-around carry, in 32 bits (csum_add). */
export function onesComplementAdd32(a: number, b: number): number {
  const sum = a + b;
  return (sum > 0xffffffff ? sum + 1 : sum) >>> 0;
}

/** The complement of a checksum, widened first (~csum_unfold). */
export function csumUnfoldNegated(sum: number): number {
  return ~sum >>> 0;
}

/** A 32-bit sum as a checksum (csum_fold). */
export function csumFold(sum: number): number {
  const once = (sum & 0xffff) + (sum >>> 16);
  return ~((once & 0xffff) + (once >>> 16)) & 0xffff;
}

/** The checksum `sum` after a 16-bit word changed (csum_replace2). */
export function csumReplace2(sum: number, from: number, to: number): number {
  return ~onesComplementAdd16(onesComplementAdd16(~sum & 0xffff, ~from & 0xffff), to) & 0xffff;
}

/** The checksum `sum` after a 32-bit word changed (csum_replace4). */
export function csumReplace4(sum: number, from: number, to: number): number {
  return csumFold(onesComplementAdd32(onesComplementAdd32(csumUnfoldNegated(sum), ~from >>> 0), to));
}
