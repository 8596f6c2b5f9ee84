/**
 * BPF_PROG_TEST_RUN of a packet (bpf_prog_test_run_skb, net/bpf/test_run.c): its context as the kernel takes it in,
 * and which packets the kernel refuses. Measured on Linux 6.18.
 */
import { CONTEXTS } from './contexts.ts';
import { ETHERNET_HEADER, type Skb } from './skb.ts';
import { ETH_P } from './skb-helpers.ts';

/** A page less the headroom (NET_SKB_PAD) and struct skb_shared_info, on x86-64. */
const LARGEST_PACKET = 3712;
/** GSO_LEGACY_MAX_SIZE. */
const LARGEST_WIRE_LENGTH = 65536;
/** GSO_MAX_SEGS. */
const MOST_SEGMENTS = 65535;

/** Fields that ctx_in may set; the kernel refuses a context with any other. */
const SETTABLE: ReadonlySet<string> = new Set([
  'mark',
  'priority',
  'ifindex',
  'tstamp',
  'wireLen',
  'gsoSegs',
  'gsoSize',
]);
/** Fields that the kernel fills in itself, from the packet. */
const DERIVED: ReadonlySet<string> = new Set(['len', 'protocol']);

/** Why the kernel would refuse to run a program on this packet, or `undefined`. */
export function testRunRefusal(skb: Skb): string | undefined {
  if (skb.len < ETHERNET_HEADER) return 'the packet is shorter than an Ethernet header';
  if (skb.len > LARGEST_PACKET) return `the packet is longer than ${LARGEST_PACKET} bytes`;
  if (skb.linearLength !== skb.len) return 'the packet is not linear';
  const payload = skb.len - ETHERNET_HEADER;
  if (skb.protocol === ETH_P.ip && payload < 20) return 'the packet is shorter than its IPv4 header';
  if (skb.protocol === ETH_P.ipv6 && payload < 40) return 'the packet is shorter than its IPv6 header';
  if (skb.wireLen < skb.len || skb.wireLen > LARGEST_WIRE_LENGTH) {
    return `wireLen is not between the packet's length and ${LARGEST_WIRE_LENGTH}`;
  }
  if (skb.gsoSegs > MOST_SEGMENTS) return `gsoSegs is more than ${MOST_SEGMENTS}`;
  const fields = CONTEXTS.classifier?.fields ?? [];
  const unsettable = fields.find(
    ({ name }) => !SETTABLE.has(name) && !DERIVED.has(name) && skb.get(name) !== 0n,
  );
  return unsettable && `a test run can't set ${unsettable.name}`;
}

/**
 * The packet's fields as ctx_in. Always pass one: without it the kernel leaves wire_len 0, with it wire_len is the
 * packet's length unless set.
 */
export function testRunContext(skb: Skb): Uint8Array {
  const table = CONTEXTS.classifier;
  const context = new Uint8Array(table?.size ?? 0);
  const view = new DataView(context.buffer);
  for (const field of table?.fields ?? []) {
    if (!SETTABLE.has(field.name)) continue;
    if (field.size === 8) view.setBigUint64(field.offset, skb.get(field.name), true);
    else view.setUint32(field.offset, Number(skb.get(field.name)), true);
  }
  return context;
}
