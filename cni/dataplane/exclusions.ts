/** Fills the trie of subnets that programs/exclusions.ts looks other ends up in. */
import type { LoadedProgram } from '../../loader/index.ts';
import { parseSubnet } from '../config/subnets.ts';
import type { Limit } from '../limit.ts';

const MAP = 'exclusions';
/** Of all addresses of each IP version; in the trie those of IPv4 lie within those of IPv6. */
const [ALL_IPV4, ALL_IPV6] = ['0.0.0.0/0', '::/0'];

/**
 * The keys of the trie and whether what they hold is excluded; the longest prefix decides, and of one that is there twice
 * the last. IPv4 has an entry of its own always: what is said of a subnet of IPv6 must not hold for the addresses of IPv4
 * that lie within it.
 */
export function exclusionsOf({ excludedSubnets = [], shapedSubnets = [] }: Limit): [string, boolean][] {
  const elsewhere = shapedSubnets.length > 0;
  return [
    [ALL_IPV6, elsewhere],
    [ALL_IPV4, elsewhere],
    ...shapedSubnets.map((subnet): [string, boolean] => [subnet, false]),
    ...excludedSubnets.map((subnet): [string, boolean] => [subnet, true]),
  ];
}

/** The prefix length in the host's order, then the address in the network's. */
export function exclusionKey(text: string): Uint8Array {
  const subnet = parseSubnet(text);
  if (subnet === undefined) throw new Error(`exclude ${JSON.stringify(text)}: it is no subnet`);
  const key = new Uint8Array(20);
  new DataView(key.buffer).setUint32(0, subnet.prefixLength, true);
  key.set(subnet.address, 4);
  return key;
}

/** A program without such a map excludes nothing. */
export function fillExclusions({ maps }: Pick<LoadedProgram, 'maps'>, limit: Limit): void {
  for (const [subnet, excluded] of exclusionsOf(limit))
    maps[MAP]?.update(exclusionKey(subnet), Uint8Array.of(excluded ? 1 : 0, 0, 0, 0));
}
