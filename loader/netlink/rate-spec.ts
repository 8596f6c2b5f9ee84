/** struct tc_ratespec, the rate of HTB and TBF: u8 cell_log, u8 linklayer, three u16, u32 rate (pkt_sched.h). */
const RATE_SPEC = { linkLayer: 1, rate: 8 } as const;
/** With a link layer stated the kernel computes costs itself; without, it asks for a table of them. */
const TC_LINKLAYER_ETHERNET = 1;
export const LARGEST_U32 = 0xffffffffn;

export const atMostU32 = (value: bigint): number => Number(value < LARGEST_U32 ? value : LARGEST_U32);

export function putRateSpec(view: DataView, at: number, bytesPerSecond: bigint): void {
  view.setUint8(at + RATE_SPEC.linkLayer, TC_LINKLAYER_ETHERNET);
  view.setUint32(at + RATE_SPEC.rate, atMostU32(bytesPerSecond), true);
}

/** Bytes a second, as far as 32 bits tell. */
export const rateIn = (view: DataView, at: number): bigint =>
  BigInt(view.getUint32(at + RATE_SPEC.rate, true));
