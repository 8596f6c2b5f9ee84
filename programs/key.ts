/**
 * What the parser makes of a packet, for user space to read: `natra key` runs this on a capture. It limits nothing.
 */
import { classifier, global, struct, TC_ACT_UNSPEC, u32, u64 } from '../dsl/lang/index.ts';
import { addressesOf } from './addresses.ts';
import { ecnOf } from './mark.ts';
import { isVital, networkLayer, parse } from './parse.ts';

export const seen = global(
  struct({
    /** As the flow hash takes them in: IPv4's two, or IPv6's folded. */
    addresses: u64,
    /** Protocol in the high half; ports, SPI, key or identifier in the low. Without an IP header the EtherType. */
    transport: u64,
    /** IPv6 addresses in halves; IPv4 addresses in the low halves. */
    sourceHigh: u64,
    sourceLow: u64,
    destinationHigh: u64,
    destinationLow: u64,
    /** 4, 6, or 0 where the key is of the link layer alone. */
    version: u32,
    headerBytes: u32,
    wireBytes: u32,
    /** The ECN field. */
    ecn: u32,
    /** 1 for ARP and neighbour discovery. */
    vital: u32,
  }),
);

export const key = classifier((skb) => {
  const packet = parse(skb);
  seen.addresses = packet.addresses;
  seen.transport = packet.transport;
  seen.headerBytes = packet.headerBytes;
  seen.wireBytes = packet.wireBytes;
  seen.ecn = ecnOf(skb, networkLayer(skb));
  seen.vital = u32(isVital(packet));
  const addresses = addressesOf(skb);
  seen.version = addresses.version;
  seen.sourceHigh = addresses.sourceHigh;
  seen.sourceLow = addresses.sourceLow;
  seen.destinationHigh = addresses.destinationHigh;
  seen.destinationLow = addresses.destinationLow;
  return TC_ACT_UNSPEC;
});
