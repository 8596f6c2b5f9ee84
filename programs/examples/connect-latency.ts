/**
 * How long servers take to answer: the time from a TCP connection's SYN to its SYN-ACK, as a histogram of powers of two.
 * Attach `asking` where the requests pass and `answering` where the answers come back: the two hooks of one device.
 */
import {
  be16,
  be32,
  classifier,
  clock,
  lruHashMap,
  min,
  percpuArrayMap,
  type Ref,
  type Skb,
  struct,
  TC_ACT_UNSPEC,
  u8,
  u32,
  u64,
} from '../../dsl/lang/index.ts';
import { ETH_P_IP, Ethernet, IPPROTO_TCP, IPv4 } from '../headers.ts';

const SYN = 0x02;
const ACK = 0x10;

const Tcp = struct({
  source: be16,
  destination: be16,
  sequence: be32,
  acknowledgement: be32,
  offset: u8,
  flags: u8,
});

/** A connection as its client names it. */
const Connection = struct({ client: be32, server: be32, clientPort: be16, serverPort: be16 });

/** When each connection was asked for, ns. Those that nobody answers make room for others. */
export const asked = lruHashMap({ key: Connection, value: struct({ at: u64 }), maxEntries: 8192 });

const Bucket = struct({ connections: u64 });

/** Entry n counts the answers that took 2^n to 2^(n+1) - 1 microseconds, the first those below 2 and the last the rest. */
export const latency = percpuArrayMap({ value: Bucket, maxEntries: 24 });
const LAST_BUCKET = 23;
/** What 32 bits hold, µs. */
const LONGEST = 0xffffffffn;

/** The binary logarithm, rounded down; 0 for 0. */
function log2(value: u32): u32 {
  let rest = value;
  let log = 0;
  for (let step = 16; step > 0; step >>= 1) {
    if (rest >> step === 0) continue;
    rest >>= step;
    log += step;
  }
  return log;
}

/** IPv4 and TCP, where the packet has both. */
function headersOf(skb: Skb): {
  readonly ip: Ref<typeof IPv4> | undefined;
  readonly tcp: Ref<typeof Tcp> | undefined;
} {
  const ip = skb.protocol === ETH_P_IP ? skb.at(IPv4, Ethernet.size) : undefined;
  if (ip === undefined || ip.protocol !== IPPROTO_TCP) return { ip: undefined, tcp: undefined };
  return { ip, tcp: skb.at(Tcp, Ethernet.size + (ip.versionAndLength & 15) * 4) };
}

export const asking = classifier((skb) => {
  const { ip, tcp } = headersOf(skb);
  if (ip === undefined || tcp === undefined || (tcp.flags & (SYN | ACK)) !== SYN) return TC_ACT_UNSPEC;
  const connection = {
    client: ip.source,
    server: ip.destination,
    clientPort: tcp.source,
    serverPort: tcp.destination,
  };
  asked.update(connection, { at: clock.now() });
  return TC_ACT_UNSPEC;
});

export const answering = classifier((skb) => {
  const { ip, tcp } = headersOf(skb);
  if (ip === undefined || tcp === undefined || (tcp.flags & (SYN | ACK)) !== (SYN | ACK))
    return TC_ACT_UNSPEC;
  const connection = {
    client: ip.destination,
    server: ip.source,
    clientPort: tcp.destination,
    serverPort: tcp.source,
  };
  const request = asked.lookup(connection);
  if (request === undefined) return TC_ACT_UNSPEC;
  const microseconds = min((clock.now() - request.at) / 1000n, LONGEST);
  asked.delete(connection);
  const bucket = latency.lookup(min(log2(u32(microseconds)), LAST_BUCKET));
  if (bucket !== undefined) bucket.connections += 1n;
  return TC_ACT_UNSPEC;
});
