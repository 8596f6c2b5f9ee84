/** The addresses of a packet, read again where they themselves are wanted and not their hash. */
import { type Skb, type u32, type u64, u64 as wide } from '../dsl/lang/index.ts';
import { config } from './config.ts';
import { ETH_P_IP, ETH_P_IPV6 } from './headers.ts';
import { ipv4At, ipv6At, networkLayer } from './parse.ts';

export interface Addresses {
  /** 4, 6, or 0 where there is no IP header. */
  readonly version: u32;
  /** Of IPv6 in halves; of IPv4 in the low halves. */
  readonly sourceHigh: u64;
  readonly sourceLow: u64;
  readonly destinationHigh: u64;
  readonly destinationLow: u64;
}

export function addressesOf(skb: Skb): Addresses {
  const { type, offset } = networkLayer(skb);
  const v4 = type === ETH_P_IP ? ipv4At(skb, offset) : undefined;
  if (v4 !== undefined)
    return {
      version: 4,
      sourceHigh: 0n,
      sourceLow: wide(v4.source),
      destinationHigh: 0n,
      destinationLow: wide(v4.destination),
    };
  const v6 = config.ipv4Only === 0 && type === ETH_P_IPV6 ? ipv6At(skb, offset) : undefined;
  if (v6 !== undefined)
    return {
      version: 6,
      sourceHigh: v6.sourceHigh,
      sourceLow: v6.sourceLow,
      destinationHigh: v6.destinationHigh,
      destinationLow: v6.destinationLow,
    };
  return { version: 0, sourceHigh: 0n, sourceLow: 0n, destinationHigh: 0n, destinationLow: 0n };
}
