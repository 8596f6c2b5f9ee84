/**
 * Subnets whose traffic is never limited. The longest prefix that has the other end's address decides; IPv4 addresses
 * stand in the trie as IPv6 maps them (RFC 4291, section 2.5.5.2), so that one trie serves both.
 */
import { be32, lpmTrieMap, type Skb, struct, u32, type u64 } from '../dsl/lang/index.ts';
import { addressesOf } from './addresses.ts';
import { config, SOURCE } from './config.ts';

const Subnet = struct({ prefixLength: u32, first: be32, second: be32, third: be32, fourth: be32 });

/** User space fills it before the program is attached (cni/dataplane/exclusions.ts). */
export const exclusions = lpmTrieMap({ key: Subnet, value: struct({ excluded: u32 }), maxEntries: 256 });

/** What precedes the address of IPv4. */
const MAPPED = 0xffffn;

/** Whether an address of IPv6 is one of IPv4 in the trie. No host sends to or from such (RFC 6890), but a Pod may make packets that do. */
const seemsIPv4 = (high: u64, low: u64): boolean => high === 0n && low >> 32n === MAPPED;

/** Whether the other end's address lies in an excluded subnet; what only seems IPv4 is limited, whatever the subnets are. */
export function isExcluded(skb: Skb): boolean {
  const { version, sourceHigh, sourceLow, destinationHigh, destinationLow } = addressesOf(skb);
  if (version === 0) return false;
  const high: u64 = config.exclusions === SOURCE ? sourceHigh : destinationHigh;
  const own: u64 = config.exclusions === SOURCE ? sourceLow : destinationLow;
  if (version === 6 && seemsIPv4(high, own)) return false;
  const low = version === 4 ? own | (MAPPED << 32n) : own;
  const subnet = exclusions.lookup({
    prefixLength: 128,
    first: u32(high >> 32n),
    second: u32(high),
    third: u32(low >> 32n),
    fourth: u32(low),
  });
  return subnet !== undefined && subnet.excluded !== 0;
}
