// The dataplane of programs/ once more, as an expert would write it in C for clang -O2 -target bpf. It exists to be
// measured against: same layouts, same decisions, same order.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 i64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define bswap16(x) __builtin_bswap16(x)
#define bswap32(x) __builtin_bswap32(x)
#define bswap64(x) __builtin_bswap64(x)
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static void *(*map_lookup)(void *, const void *) = (void *)1;
static u64 (*ktime_get_ns)(void) = (void *)5;
static u32 (*get_prandom_u32)(void) = (void *)7;
static long (*skb_store_bytes)(struct __sk_buff *, u32, const void *, u32, u64) = (void *)9;
static long (*skb_pull_data)(struct __sk_buff *, u32) = (void *)39;
static u64 (*ktime_get_coarse_ns)(void) = (void *)160;

enum { ROWS = 4, COLUMNS = 512 };
enum { POLICE, DEPARTURE_TIMES, CLASSES };
enum { MOUSE, PAID, PACED, MARKED, DROPPED_EARLY, DROPPED, VERDICTS };
#define HEAVY_LEVEL (1ull << 30)
#define MAX_LEVEL (2 * HEAVY_LEVEL)
#define SMALL_PACKET 128
#define PLAUSIBLE (1ull << 33)

const volatile struct {
	u64 ns_per_byte, cell_ns_per_byte, credit, heavy_horizon, mouse_horizon;
	u64 ramp_start, ramp_shift, shift_limit, seed;
	u32 pacing, mouse_class, heavy_class;
} config;

struct {
	u64 clock, mouse_clock, tick, shift;
	u64 cells[ROWS * COLUMNS];
} state;

struct counter {
	u64 packets, bytes;
};

struct {
	int (*type)[BPF_MAP_TYPE_PERCPU_ARRAY];
	int (*max_entries)[VERDICTS];
	u32 *key;
	struct counter *value;
} counters SEC(".maps");

struct ethernet { u8 destination[6], source[6]; u16 type; };
struct vlan { u16 control, type; };
struct ipv4 { u8 version_length, class; u16 total, id, fragment; u8 ttl, protocol; u16 checksum; u32 source, destination; };
struct ipv6 { u16 version_class, label, payload; u8 next, hops; u64 source[2], destination[2]; };

struct packet {
	u64 addresses, transport;
	u32 network, version, ecn, vital, transport_offset;
};

// Not null, which clang would test otherwise.
#define AT(type, skb, offset) ({                                              \
	void *data_ = (void *)(long)(skb)->data + (offset);                   \
	__builtin_assume(data_ != 0);                                         \
	data_ + sizeof(type) > (void *)(long)(skb)->data_end ? (type *)0 : (type *)data_; })

INLINE u64 fold_addresses(u64 a, u64 b, u64 c, u64 d)
{
	u64 h = a * 0xbf58476d1ce4e5b9ull;
	h = ((h ^ (h >> 32)) + b) * 0x94d049bb133111ebull;
	h = ((h ^ (h >> 29)) + c) * 0xff51afd7ed558ccdull;
	h = ((h ^ (h >> 32)) + d) * 0xbf58476d1ce4e5b9ull;
	return h ^ (h >> 31);
}

INLINE u64 flow_hash(u64 addresses, u64 transport)
{
	u64 h = (addresses ^ config.seed) * 0xbf58476d1ce4e5b9ull;
	h = ((h ^ (h >> 32)) + transport) * 0x94d049bb133111ebull;
	h = (h ^ (h >> 29)) * 0xff51afd7ed558ccdull;
	return h ^ (h >> 32);
}

INLINE u32 transport_id(struct __sk_buff *skb, u8 protocol, u32 offset)
{
	offset &= 0x7ff;
	switch (protocol) {
	case 6: case 17: case 33: case 50: case 132: case 136: {
		u32 *ports = AT(u32, skb, offset);
		return ports ? bswap32(*ports) : 0;
	}
	case 1: case 58: {
		struct icmp { u8 type, code; u16 checksum, identifier; } *icmp = AT(struct icmp, skb, offset);
		if (!icmp)
			return 0;
		u32 echo = protocol == 1 ? icmp->type == 0 || icmp->type == 8 : icmp->type == 128 || icmp->type == 129;
		return ((u32)icmp->type << 16) | (echo ? bswap16(icmp->identifier) : 0);
	}
	case 47: {
		struct gre { u16 flags, protocol; u32 key; } *gre = AT(struct gre, skb, offset);
		return !gre || (bswap16(gre->flags) & 0xf000) != 0x2000 ? 0 : bswap32(gre->key);
	}
	case 51: {
		struct ah { u8 next, length; u16 reserved; u32 spi; } *ah = AT(struct ah, skb, offset);
		return ah ? bswap32(ah->spi) : 0;
	}
	}
	return 0;
}

INLINE void link_only(struct packet *p, u16 type)
{
	*p = (struct packet){ .transport = type, .vital = type == 0x0806 };
}

INLINE void parse_ipv4(struct __sk_buff *skb, struct ipv4 *ip, u32 network, struct packet *p)
{
	u8 protocol = ip->protocol;
	u32 offset = network + (ip->version_length & 15) * 4;
	int fragment = bswap16(ip->fragment) & 0x3fff;
	p->addresses = ((u64)bswap32(ip->source) << 32) | bswap32(ip->destination);
	p->network = network;
	p->version = 4;
	p->ecn = ip->class & 3;
	p->vital = 0;
	p->transport_offset = fragment ? 0 : offset;
	p->transport = ((u64)protocol << 32) | (fragment ? 0 : transport_id(skb, protocol, offset));
}

INLINE void parse_ipv6(struct __sk_buff *skb, struct ipv6 *ip, u32 network, struct packet *p)
{
	u8 protocol = ip->next;
	u32 offset = network + sizeof(*ip);
	u16 version_class = bswap16(ip->version_class);
	int fragment = 0;
	p->addresses = fold_addresses(bswap64(ip->source[0]), bswap64(ip->source[1]),
				      bswap64(ip->destination[0]), bswap64(ip->destination[1]));
	for (int i = 0; i < 6; i++) {
		if (protocol != 0 && protocol != 43 && protocol != 60 && protocol != 135 && protocol != 44)
			break;
		struct extension { u8 next, length; } *extension = AT(struct extension, skb, offset & 0x7ff);
		if (!extension)
			break;
		if (protocol == 44) {
			protocol = extension->next;
			fragment = 1;
			break;
		}
		offset = (u16)(offset + (extension->length + 1) * 8);
		protocol = extension->next;
	}
	u32 id = fragment ? 0 : transport_id(skb, protocol, offset);
	u32 type = id >> 16;
	p->transport = ((u64)protocol << 32) | id;
	p->network = network;
	p->version = 6;
	p->ecn = (version_class >> 4) & 3;
	p->vital = protocol == 58 && !fragment && type >= 133 && type <= 137;
	p->transport_offset = fragment ? 0 : offset;
}

INLINE void parse(struct __sk_buff *skb, struct packet *p)
{
	u32 wanted = MIN(skb->len, 98);
	if (unlikely((u64)skb->data_end - (u64)skb->data < wanted))
		skb_pull_data(skb, wanted);
	u32 network = 14;
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	u16 type = ethernet ? bswap16(ethernet->type) : 0;
	if (unlikely(type == 0x8100 || type == 0x88a8)) {
		struct vlan *outer = AT(struct vlan, skb, 14);
		type = outer ? bswap16(outer->type) : 0;
		network = 18;
		if (type == 0x8100) {
			struct vlan *inner = AT(struct vlan, skb, 18);
			type = inner ? bswap16(inner->type) : 0;
			network = 22;
		}
	}
	if (type == 0x0800) {
		struct ipv4 *ip = AT(struct ipv4, skb, network);
		if (!ip || ip->version_length < 0x45 || ip->version_length > 0x4f)
			return link_only(p, type);
		return parse_ipv4(skb, ip, network, p);
	}
	if (type == 0x86dd) {
		struct ipv6 *ip = AT(struct ipv6, skb, network);
		if (!ip || bswap16(ip->version_class) >> 12 != 6)
			return link_only(p, type);
		return parse_ipv6(skb, ip, network, p);
	}
	link_only(p, type);
}

INLINE u32 wire_bytes(struct __sk_buff *skb, struct packet *p)
{
	u32 segments = skb->gso_segs;
	if (likely(segments <= 1) || !p->transport_offset)
		return skb->len;
	u32 headers = p->transport_offset + 8;
	if (p->transport >> 32 == 6) {
		struct tcp { u8 before[12], offset; } *tcp = AT(struct tcp, skb, p->transport_offset & 0x7ff);
		headers = p->transport_offset + (tcp ? (tcp->offset >> 4) * 4 : 20);
	}
	return skb->len + (segments - 1) * headers;
}

struct debt {
	i64 heavy, mouse, mouse_queue;
};

INLINE i64 at_mouse_rate(i64 time) { return time + (time >> 3) + (time >> 6); }

INLINE struct debt debt_of(u64 cost, u64 now)
{
	u64 clock = state.clock, floor = now - config.credit;
	i64 queue = clock - now;
	if ((i64)(clock - floor) < 0) {
		__sync_val_compare_and_swap(&state.clock, clock, floor);
		queue = floor - now;
	}
	i64 limit = at_mouse_rate(MAX(queue, 0));
	i64 mouse_queue = state.mouse_clock - now, least = -(i64)MIN(config.credit, 1ULL << 26);
	mouse_queue = MAX(mouse_queue, least);
	mouse_queue = MIN(mouse_queue, limit);
	i64 waiting = MAX(mouse_queue, 0), own = cost;
	i64 mouse = mouse_queue + own + (own >> 3), all = queue + own;
	return (struct debt){ queue - (waiting - (waiting >> 3)) + own, MIN(mouse, all), mouse_queue };
}

INLINE i64 delay_of(struct debt debt, u64 level)
{
	if (level > HEAVY_LEVEL)
		return debt.heavy;
	i64 start = MAX(debt.mouse, 0);
	if (level > HEAVY_LEVEL / 2 && debt.heavy > start)
		return start + (((debt.heavy - start) * (i64)(level - HEAVY_LEVEL / 2)) >> 29);
	return debt.mouse;
}

INLINE u64 congestion_shift(i64 mouse_queue, u64 now)
{
	u64 tick = now >> 24, last = state.tick, shift = state.shift;
	if (tick != last && __sync_val_compare_and_swap(&state.tick, last, tick) == last) {
		u64 elapsed = tick - last, limit = config.shift_limit;
		shift = mouse_queue > (1 << 23) ? MIN(shift + 32, limit) : shift > elapsed ? shift - elapsed : 0;
		state.shift = shift;
	}
	return shift >> 8;
}

INLINE u64 estimate(const u32 *cell, u64 bytes, u64 shift, u64 now)
{
	u64 a = MIN(state.cells[cell[0]], state.cells[cell[1]]);
	u64 b = MIN(state.cells[cell[2]], state.cells[cell[3]]);
	u64 smallest = MIN(a, b);
	u64 filled = MAX(smallest, now) + (((bytes * config.cell_ns_per_byte) >> 20) << shift);
	return MIN(filled, now + MAX_LEVEL);
}

INLINE void mark_ce(struct __sk_buff *skb, u32 version, u32 network)
{
	if (version == 4) {
		struct ipv4 *ip = AT(struct ipv4, skb, network);
		if (!ip)
			return;
		u8 class = ip->class;
		u32 sum = (u16)~bswap16(ip->checksum) + (3 - (class & 3));
		u16 checksum = bswap16((u16)~((sum & 0xffff) + (sum >> 16)));
		u8 marked = class | 3;
		skb_store_bytes(skb, network + 1, &marked, 1, 1);
		skb_store_bytes(skb, network + 10, &checksum, 2, 1);
		return;
	}
	struct ipv6 *ip = AT(struct ipv6, skb, network);
	if (!ip)
		return;
	u16 word = bswap16(bswap16(ip->version_class) | 0x30);
	skb_store_bytes(skb, network, &word, 2, 1);
}

INLINE void count(u32 verdict, u64 bytes)
{
	struct counter *counter = map_lookup(&counters, &verdict);
	if (!counter)
		return;
	counter->packets++;
	counter->bytes += bytes;
}

SEC("tc") int ingress(struct __sk_buff *skb)
{
	struct packet p;
	parse(skb, &p);
	u32 wire = wire_bytes(skb, &p);
	u64 hash = flow_hash(p.addresses, p.transport);
	u32 cell[4] = { hash & 511, 512 + ((hash >> 16) & 511), 1024 + ((hash >> 32) & 511), 1536 + ((hash >> 48) & 511) };
	u64 cost = (wire * config.ns_per_byte) >> 20;

	u64 now = ktime_get_coarse_ns();
	struct debt debt = debt_of(cost, now);
	u64 shift = congestion_shift(debt.mouse_queue, now);
	u64 estimated = estimate(cell, wire, shift, now);
	i64 delay = delay_of(debt, estimated - now);
	if (unlikely(delay > 0)) {
		now = ktime_get_ns();
		debt = debt_of(cost, now);
		estimated = estimate(cell, wire, shift, now);
		delay = delay_of(debt, estimated - now);
	}
	int heavy = estimated - now > HEAVY_LEVEL;
	u32 verdict = heavy ? PAID : MOUSE;
	if (delay > 0 && !p.vital) {
		int small = wire <= SMALL_PACKET;
		u64 horizon = heavy ? config.heavy_horizon : config.mouse_horizon;
		if (delay > (i64)(small ? horizon << 1 : horizon)) {
			count(DROPPED, wire);
			return TC_ACT_SHOT;
		}
		if (config.pacing != POLICE)
			verdict = PACED;
		i64 into = delay - (i64)config.ramp_start;
		into = MAX(into, 0);
		u64 ramp = ((u64)into << 16) >> config.ramp_shift;
		ramp = MIN(ramp, 65535);
		if (ramp) {
			u64 chance = get_prandom_u32(), squared = ramp * ramp;
			if (p.ecn == 0) {
				if (heavy && !small && squared >> 3 > chance) {
					count(DROPPED_EARLY, wire);
					return TC_ACT_SHOT;
				}
			} else if ((p.ecn == 1 ? ramp << 16 : squared) > chance) {
				if (p.ecn != 3)
					mark_ce(skb, p.version, p.network);
				verdict = MARKED;
			}
		}
	}
	__sync_fetch_and_add(&state.clock, cost);
	if (!heavy)
		state.mouse_clock = now + debt.mouse_queue + at_mouse_rate(cost);
	if (config.pacing == CLASSES && heavy) {
		u64 drained = now + HEAVY_LEVEL + config.heavy_horizon;
		estimated = MAX(estimated, drained);
	}
	for (int i = 0; i < 4; i++)
		if (state.cells[cell[i]] < estimated)
			state.cells[cell[i]] = estimated;
	if (config.pacing == DEPARTURE_TIMES) {
		u64 stamp = skb->tstamp, at = now + MAX(delay, 0);
		skb->tstamp = stamp > now && stamp - now < PLAUSIBLE ? MAX(stamp, at) : at;
	} else if (config.pacing == CLASSES) {
		skb->priority = heavy && !p.vital ? config.heavy_class : config.mouse_class;
	}
	count(verdict, wire);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
