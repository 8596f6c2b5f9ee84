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
static u64 (*jiffies64)(void) = (void *)118;

enum { ROWS = 4, COLUMNS = 128 };
enum { POLICE, DEPARTURE_TIMES, CLASSES };
enum { MOUSE, PAID, PACED, MARKED, DROPPED_EARLY, DROPPED, EXCLUDED, VERDICTS };
#define SMALL_PACKET 128
#define HEADER_BYTES 102
#define PLAUSIBLE (1ull << 33)
#define OWN_PACING (1ull << 28)

const volatile struct {
	u64 ns_per_byte, cell_ns_per_byte, heavy_level, hand_over_shift, mouse_share, mouse_stretch;
	u64 credit, mouse_credit, heavy_horizon, mouse_horizon, most_late, vital_horizon, ramp_start, ramp_shift, drop_after;
	u64 congested, shift_limit, seed;
	u64 ns_per_packet, packet_credit;
	u32 pacing, mouse_class, heavy_class, ecn, exclusions, untagged, ipv4_only;
} config;

struct {
	u64 clock, mouse_clock, tick, shift, zero, time, time_check, last_departure;
	u64 cells[ROWS * COLUMNS];
	u64 departures[ROWS * (COLUMNS / 2)];
	u64 mean_share;
	u64 packet_clock;
} state;

struct flow { u32 hash, since; u64 transport, addresses[4], quanta, last; } top[24];

struct counter {
	u64 packets, bytes;
};

struct {
	int (*type)[BPF_MAP_TYPE_PERCPU_ARRAY];
	int (*max_entries)[VERDICTS];
	u32 *key;
	struct counter *value;
} counters SEC(".maps");

struct {
	int (*type)[BPF_MAP_TYPE_PERCPU_ARRAY];
	int (*max_entries)[32];
	u32 *key;
	u64 *value;
} delays SEC(".maps");

struct subnet { u32 prefix_length, words[4]; };
struct excluded { u32 excluded; };

struct {
	int (*type)[BPF_MAP_TYPE_LPM_TRIE];
	int (*max_entries)[256];
	int (*map_flags)[BPF_F_NO_PREALLOC];
	struct subnet *key;
	struct excluded *value;
} exclusions SEC(".maps");

struct ethernet { u8 destination[6], source[6]; u16 type; };
struct vlan { u16 control, type; };
struct ipv4 { u8 version_length, class; u16 total, id, fragment; u8 ttl, protocol; u16 checksum; u32 source, destination; };
struct tcp { u32 ports, before[2]; u8 offset, after[7]; };
struct ipv6 { u16 version_class, label, payload; u8 next, hops; u64 source[2], destination[2]; };

struct packet {
	u64 addresses, transport;
	u32 headers, wire;
};

// As Cilium loads them: what clang itself carries over from before a pull it moves as 32 bits, which is no pointer to the verifier.
INLINE void *data_of(struct __sk_buff *skb)
{
	void *data;
	asm volatile("%0 = *(u32 *)(%1 + 76)" : "=r"(data) : "r"(skb));
	return data;
}

INLINE void *end_of(struct __sk_buff *skb)
{
	void *end;
	asm volatile("%0 = *(u32 *)(%1 + 80)" : "=r"(end) : "r"(skb));
	return end;
}

// Not null, which clang would test otherwise.
#define AT(type, skb, offset) ({                                              \
	void *data_ = data_of(skb) + (offset);                                \
	__builtin_assume(data_ != 0);                                         \
	data_ + sizeof(type) > end_of(skb) ? (type *)0 : (type *)data_; })

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

INLINE u32 gre_key(struct __sk_buff *skb, u32 offset)
{
	struct gre { u16 flags, protocol; u32 first; } *gre = AT(struct gre, skb, offset);
	if (!gre || !(bswap16(gre->flags) & 0x2000))
		return 0;
	if ((bswap16(gre->flags) & 7) == 1)
		return bswap32(gre->first) & 0xffff;
	if (!(bswap16(gre->flags) & 0xc000))
		return bswap32(gre->first);
	struct long_gre { u16 flags, protocol; u32 first, second; } *longer = AT(struct long_gre, skb, offset);
	return longer ? bswap32(longer->second) : 0;
}

INLINE u32 transport_id(struct __sk_buff *skb, u8 protocol, u32 offset, u32 *headers)
{
	u32 at = offset & 0x3fff;
	switch (protocol) {
	case 6: {
		struct tcp *tcp = AT(struct tcp, skb, at);
		if (tcp) {
			*headers = offset + (tcp->offset >> 4) * 4;
			return bswap32(tcp->ports);
		}
	}
	// fall through
	case 17: case 33: case 50: case 132: case 136: {
		u32 *ports = AT(u32, skb, at);
		if (protocol == 132)
			*headers = offset + 12;
		return ports ? bswap32(*ports) : 0;
	}
	case 1: case 58: {
		struct icmp { u8 type, code; u16 checksum, identifier; } *icmp = AT(struct icmp, skb, at);
		if (!icmp)
			return 0;
		u32 echo = protocol == 1 ? icmp->type == 0 || icmp->type == 8 : icmp->type == 128 || icmp->type == 129;
		return ((u32)icmp->type << 16) | (echo ? bswap16(icmp->identifier) : 0);
	}
	case 47:
		return gre_key(skb, at);
	case 51: {
		struct ah { u8 next, length; u16 reserved; u32 spi; } *ah = AT(struct ah, skb, at);
		return ah ? bswap32(ah->spi) : 0;
	}
	}
	return 0;
}

INLINE void link_only(struct packet *p, u16 type)
{
	*p = (struct packet){ .transport = type };
}

INLINE void parse_ipv4(struct __sk_buff *skb, struct ipv4 *ip, u32 network, struct packet *p)
{
	u8 protocol = ip->protocol;
	u32 offset = network + (ip->version_length & 15) * 4;
	int fragment = bswap16(ip->fragment) & 0x3fff;
	p->addresses = ((u64)bswap32(ip->source) << 32) | bswap32(ip->destination);
	p->headers = 0;
	p->transport = ((u64)protocol << 32) | (fragment ? 0 : transport_id(skb, protocol, offset, &p->headers));
}

INLINE int is_extension(u8 protocol)
{
	return protocol == 0 || protocol == 43 || protocol == 60 || protocol == 44;
}

INLINE void parse_ipv6(struct __sk_buff *skb, struct ipv6 *ip, u32 network, struct packet *p)
{
	u8 protocol = ip->next;
	u32 offset = network + sizeof(*ip);
	int fragment = 0;
	p->headers = 0;
	p->addresses = fold_addresses(bswap64(ip->source[0]), bswap64(ip->source[1]),
				      bswap64(ip->destination[0]), bswap64(ip->destination[1]));
	for (int i = 0; i < 6; i++) {
		if (!is_extension(protocol))
			break;
		struct extension { u8 next, length; } *extension = AT(struct extension, skb, offset & 0x3fff);
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
	u32 id = fragment ? 0 : transport_id(skb, protocol, offset, &p->headers);
	p->transport = ((u64)protocol << 32) | id;
}

INLINE u16 network_layer(struct __sk_buff *skb, u32 *network)
{
	struct ethernet *ethernet = AT(struct ethernet, skb, 0);
	u16 type = ethernet ? bswap16(ethernet->type) : 0;
	*network = 14;
	if (config.untagged || likely(type != 0x8100 && type != 0x88a8))
		return type;
	struct vlan *outer = AT(struct vlan, skb, 14);
	type = outer ? bswap16(outer->type) : 0;
	*network = 18;
	if (type == 0x8100 || type == 0x88a8) {
		struct vlan *inner = AT(struct vlan, skb, 18);
		type = inner ? bswap16(inner->type) : 0;
		*network = 22;
	}
	return type;
}

INLINE void reach(struct __sk_buff *skb, u32 bytes)
{
	u64 linear = (u64)skb->data_end - (u64)skb->data;
	if (unlikely(linear < bytes) && linear < skb->len)
		skb_pull_data(skb, MIN(skb->len, HEADER_BYTES));
}

#define PLAIN_BYTES (sizeof(struct ipv4) + sizeof(struct tcp))

INLINE int is_plain(struct ipv4 *ip)
{
	return ip->version_length == 0x45 && ip->protocol == 6 && !(ip->fragment & bswap16(0x3fff));
}

INLINE void parse_plain(struct ipv4 *ip, u32 network, struct packet *p)
{
	struct tcp *tcp = (void *)(ip + 1);
	p->addresses = ((u64)bswap32(ip->source) << 32) | bswap32(ip->destination);
	p->transport = (6ull << 32) | bswap32(tcp->ports);
	p->headers = network + sizeof(*ip) + (tcp->offset >> 4) * 4;
}

INLINE void parse_any(struct __sk_buff *skb, struct packet *p)
{
	reach(skb, 54);
	u32 network;
	u16 type = network_layer(skb, &network);
	if (unlikely(network != 14))
		reach(skb, HEADER_BYTES);
	if (type == 0x0800) {
		if (network != 14) {
			struct bytes { u8 bytes[PLAIN_BYTES]; };
			struct ipv4 *plain = (void *)AT(struct bytes, skb, network);
			if (plain && is_plain(plain))
				return parse_plain(plain, network, p);
		}
		struct ipv4 *ip = AT(struct ipv4, skb, network);
		if (ip && unlikely(ip->version_length != 0x45)) {
			if (ip->version_length < 0x45 || ip->version_length > 0x4f)
				return link_only(p, type);
			reach(skb, HEADER_BYTES);
			ip = AT(struct ipv4, skb, network);
		}
		if (!ip)
			return link_only(p, type);
		return parse_ipv4(skb, ip, network, p);
	}
	if (!config.ipv4_only && type == 0x86dd) {
		reach(skb, network + 60);
		struct ipv6 *ip = AT(struct ipv6, skb, network);
		if (ip && unlikely(is_extension(ip->next))) {
			reach(skb, HEADER_BYTES);
			ip = AT(struct ipv6, skb, network);
		}
		if (!ip || bswap16(ip->version_class) >> 12 != 6)
			return link_only(p, type);
		return parse_ipv6(skb, ip, network, p);
	}
	link_only(p, type);
}

INLINE u32 segments_of(struct __sk_buff *skb)
{
	u32 told = skb->gso_segs, size = skb->gso_size;
	return !told && size ? (skb->len + size - 1) / size : MAX(told, 1);
}

INLINE u32 wire_bytes(struct __sk_buff *skb, u32 headers)
{
	u32 len = skb->len;
	if (likely(!skb->gso_size))
		return len;
	u32 told = skb->wire_len, unread = told > len ? 0 : 256;
	u32 own = len + (segments_of(skb) - 1) * (headers ? headers : unread);
	own = MAX(told, own);
	// No branch: the verifier would follow both sides of it.
	i64 room = ~0ull / MAX(config.ns_per_byte, 2) - own;
	return own + room * ((u64)room >> 63);
}

INLINE void parse(struct __sk_buff *skb, struct packet *p)
{
	struct bytes { u8 bytes[sizeof(struct ethernet) + PLAIN_BYTES]; };
	struct ethernet *plain = (void *)AT(struct bytes, skb, 0);
	if (likely(plain && plain->type == bswap16(0x0800) && is_plain((void *)(plain + 1)))) {
		parse_plain((void *)(plain + 1), sizeof(*plain), p);
		p->wire = wire_bytes(skb, p->headers);
		return;
	}
	parse_any(skb, p);
	p->wire = wire_bytes(skb, p->headers);
}

// ARP and neighbour discovery.
INLINE int is_vital(u64 transport)
{
	u32 type = (u32)transport >> 16;
	return transport == 0x0806 || (!config.ipv4_only && transport >> 32 == 58 && type >= 133 && type <= 137);
}

INLINE u64 tick_time(void)
{
	u64 ticks = jiffies64(), time = state.time;
	if (likely((time ^ state.time_check) == ticks))
		return time;
	time = ktime_get_ns();
	state.time = time;
	state.time_check = time ^ ticks;
	return time;
}

struct debt {
	i64 queue, mouse_queue;
	u64 mouse_clock;
};

INLINE i64 at_mouse_rate(i64 time) { return (time * (i64)config.mouse_stretch) >> 10; }

INLINE i64 queue_of(u64 *clock, u64 credit, u64 now)
{
	u64 time = *clock, floor = now - credit;
	if (unlikely((i64)(time - floor) < 0)) {
		__sync_val_compare_and_swap(clock, time, floor);
		return floor - now;
	}
	return time - now;
}

INLINE struct debt debt_at(u64 now, i64 wait)
{
	u64 mouse_clock = *(volatile u64 *)&state.mouse_clock;
	i64 queue = queue_of(&state.clock, config.credit, now), empty = -(i64)config.credit;
	if (config.ns_per_packet)
		queue = MAX(queue - wait, empty);
	i64 limit = MAX(queue, 0);
	if (config.pacing == CLASSES)
		limit = at_mouse_rate(limit);
	i64 mouse_queue = mouse_clock - now - wait, least = -(i64)config.mouse_credit;
	mouse_queue = MAX(mouse_queue, least);
	return (struct debt){ queue, MIN(mouse_queue, limit), mouse_clock };
}

INLINE void pay_mouse(const struct debt *debt, u64 cost, u64 now)
{
	u64 owed = at_mouse_rate(cost), start = now + debt->mouse_queue, seen = debt->mouse_clock;
	if (config.pacing == CLASSES || debt->queue <= 0) {
		state.mouse_clock = start + owed;
		return;
	}
	if (seen != start && __sync_val_compare_and_swap(&state.mouse_clock, seen, start + owed) == seen)
		return;
	__sync_fetch_and_add(&state.mouse_clock, owed);
}

INLINE i64 delay_of(struct debt debt, u64 cost, u64 level)
{
	i64 all = debt.queue + cost;
	if (all <= 0)
		return all;
	i64 waiting = MAX(debt.mouse_queue, 0);
	i64 heavy = all - ((waiting * (i64)config.mouse_share) >> 10);
	if (level > config.heavy_level)
		return heavy;
	i64 mouse = debt.mouse_queue + at_mouse_rate(cost);
	mouse = MIN(mouse, all);
	i64 start = MAX(mouse, 0);
	if (config.pacing == CLASSES)
		return mouse;
	u64 hand_over = config.heavy_level - (1ull << config.hand_over_shift);
	if (level > hand_over && heavy > start) {
		i64 part = (level - hand_over) >> (config.hand_over_shift - 10);
		return start + ((heavy - start) >> 10) * part;
	}
	return mouse;
}

INLINE i64 packet_delay(u64 cost, u64 now)
{
	return queue_of(&state.packet_clock, config.packet_credit, now) + cost;
}

INLINE u64 congestion_shift(i64 mouse_queue, u64 now)
{
	u64 tick = now >> 24, last = state.tick, shift = state.shift;
	if (unlikely(tick != last) && __sync_val_compare_and_swap(&state.tick, last, tick) == last) {
		u64 elapsed = tick - last, limit = config.shift_limit;
		shift = mouse_queue > (i64)config.congested ? MIN(shift + 32, limit) : shift > elapsed ? shift - elapsed : 0;
		state.shift = shift;
	}
	return shift >> 8;
}

INLINE u64 smallest_of(const u32 *cell)
{
	u64 a = MIN(state.cells[cell[0]], state.cells[cell[1]]);
	u64 b = MIN(state.cells[cell[2]], state.cells[cell[3]]);
	return MIN(a, b);
}

INLINE u64 *departure_cell(u64 hash, u32 row)
{
	return &state.departures[row * (COLUMNS / 2) + ((hash >> (16 * row + 7)) & (COLUMNS / 2 - 1))];
}

INLINE u64 last_departure_of(u64 hash)
{
	u64 a = MIN(*departure_cell(hash, 0), *departure_cell(hash, 1));
	u64 b = MIN(*departure_cell(hash, 2), *departure_cell(hash, 3));
	return MIN(a, b);
}

INLINE u64 room_above(u64 level)
{
	return ((config.heavy_level << 1) - level) >> (config.hand_over_shift - 9);
}

INLINE u64 share_at(u64 level, u64 shift)
{
	u64 room = room_above(level), least = 127 >> shift;
	return (u64)(16384 / ((u32)MAX(room, least) + 1)) >> shift;
}

INLINE u64 estimate(u64 smallest, u64 filling, u64 now)
{
	u64 start = MAX(smallest, now);
	if (config.pacing == DEPARTURE_TIMES && unlikely(start - now > config.heavy_level)) {
		u64 room = room_above(start - now);
		filling = (filling * MIN(room, 1024)) >> 10;
	}
	u64 filled = start + filling;
	u64 most = now + (config.heavy_level << 1);
	return MIN(filled, most);
}

INLINE u32 ecn_of(struct __sk_buff *skb, u16 type, u32 network)
{
	if (type == 0x0800) {
		struct ipv4 *ip = AT(struct ipv4, skb, network);
		return ip && ip->version_length >= 0x45 && ip->version_length <= 0x4f ? ip->class & 3 : 0;
	}
	if (config.ipv4_only || type != 0x86dd)
		return 0;
	struct ipv6 *ip = AT(struct ipv6, skb, network);
	return ip && bswap16(ip->version_class) >> 12 == 6 ? (bswap16(ip->version_class) >> 4) & 3 : 0;
}

INLINE void mark_ce(struct __sk_buff *skb, u16 type, u32 network)
{
	if (type == 0x0800) {
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
	if (config.ipv4_only)
		return;
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

INLINE void count_delay(u64 delay)
{
	u64 x = MIN(delay >> 10, 0xffffffffull);
	u32 bucket = 0;
	for (u32 step = 16; step; step >>= 1) {
		u32 by = x >= 1ull << step ? step : 0;
		x >>= by;
		bucket += by;
	}
	u64 *packets = map_lookup(&delays, &bucket);
	if (packets)
		++*packets;
}

struct ends {
	u32 version;
	u64 addresses[4];
};

INLINE struct ends ends_of(struct __sk_buff *skb)
{
	struct ends found = {};
	u32 network;
	u16 type = network_layer(skb, &network);
	if (type == 0x0800) {
		struct ipv4 *ip = AT(struct ipv4, skb, network);
		if (ip && ip->version_length >= 0x45 && ip->version_length <= 0x4f) {
			found.version = 4;
			found.addresses[1] = bswap32(ip->source);
			found.addresses[3] = bswap32(ip->destination);
		}
	} else if (!config.ipv4_only && type == 0x86dd) {
		struct ipv6 *ip = AT(struct ipv6, skb, network);
		if (ip && bswap16(ip->version_class) >> 12 == 6) {
			found.version = 6;
			for (int i = 0; i < 2; i++) {
				found.addresses[i] = bswap64(ip->source[i]);
				found.addresses[2 + i] = bswap64(ip->destination[i]);
			}
		}
	}
	return found;
}

// The other end of what a Pod receives is the source.
INLINE int is_excluded(struct __sk_buff *skb)
{
	struct ends ends = ends_of(skb);
	if (!ends.version)
		return 0;
	u64 high = ends.addresses[0], low = ends.addresses[1];
	if (ends.version == 6 && !high && low >> 32 == 0xffff)
		return 0;
	if (ends.version == 4)
		low |= 0xffffull << 32;
	struct subnet subnet = { 128, { bswap32(high >> 32), bswap32(high), bswap32(low >> 32), bswap32(low) } };
	struct excluded *found = map_lookup(&exclusions, &subnet);
	return found && found->excluded;
}

INLINE u64 lateness(i64 delay, u64 share)
{
	i64 above = (share << 8) - state.mean_share;
	state.mean_share += above >> 6;
	i64 late = (delay * MAX(above, 0)) >> 10;
	return MIN(late, (i64)config.most_late);
}

INLINE void depart(struct __sk_buff *skb, u64 at, u64 now, u64 most)
{
	u64 stamp = skb->tstamp;
	skb->tstamp = stamp > now && stamp - now < PLAUSIBLE ? MIN(MAX(stamp, at), at + most) : at;
}

INLINE u64 ramp_of(i64 delay)
{
	i64 into = delay - (i64)config.ramp_start;
	into = MAX(into, 0);
	u64 ramp = ((u64)into << 16) >> config.ramp_shift;
	return MIN(ramp, 65535);
}

// Of 24. clang would mask the product to five bits, which is no bound that the verifier takes.
INLINE u32 place_of(u64 slice)
{
	u32 low = slice & 0xffff;
	asm volatile("" : "+r"(low));
	return low * 24 >> 16;
}

static __attribute__((always_inline)) int sample(struct __sk_buff *skb, u64 hash, u64 transport, u64 quanta, u64 now)
{
	u32 key = hash;
	struct flow *first = &top[place_of(hash)], *second = &top[place_of(hash >> 32)];
	int is_second = first->hash != key && (second->hash == key || second->last < first->last);
	struct flow *flow = is_second ? second : first;
	if (flow->hash != key) {
		if (now - flow->last < 1ull << 29)
			return 0;
		struct ends ends = ends_of(skb);
		struct flow found = { .hash = key, .since = now >> 24, .transport = transport | (u64)ends.version << 56 };
		for (int i = 0; i < 4; i++)
			found.addresses[i] = ends.addresses[i];
		*flow = found;
	}
	flow->quanta += quanta;
	flow->last = now;
	return 1;
}

SEC("tc") int ingress(struct __sk_buff *skb)
{
	struct packet p;
	parse(skb, &p);
	u32 wire = p.wire;
	if (config.exclusions && is_excluded(skb)) {
		u64 at = tick_time();
		if (config.pacing == DEPARTURE_TIMES)
			depart(skb, at, at, PLAUSIBLE);
		if (config.pacing == CLASSES)
			skb->priority = config.mouse_class & 0xffff0000;
		count(EXCLUDED, wire);
		return TC_ACT_UNSPEC;
	}
	u64 hash = flow_hash(p.addresses, p.transport);
	enum { COLUMN = COLUMNS - 1 };
	u32 cell[4] = { hash & COLUMN, COLUMNS + ((hash >> 16) & COLUMN), 2 * COLUMNS + ((hash >> 32) & COLUMN),
			3 * COLUMNS + ((hash >> 48) & COLUMN) };
	u64 cost = (wire * config.ns_per_byte) >> 20, packet_cost = 0;
	if (config.ns_per_packet)
		packet_cost = (segments_of(skb) * config.ns_per_packet) >> 10;

	u64 now = tick_time();
	struct debt debt = debt_at(now, 0);
	u64 smallest = smallest_of(cell);
	u64 shift = congestion_shift(debt.mouse_queue, now);
	u64 filling = ((wire * config.cell_ns_per_byte) >> 20) << shift;
	u64 estimated = estimate(smallest, filling, now);
	i64 delay = delay_of(debt, cost, estimated - now);
	u64 due = now;
	int packets_wait = config.ns_per_packet && packet_delay(packet_cost, now) > 0;
	int seems_heavy = config.pacing == CLASSES && estimated - now > config.heavy_level;
	if (unlikely(delay > 0 || packets_wait || seems_heavy)) {
		i64 wait = 0, ahead = 0;
		now = ktime_get_ns();
		if (config.ns_per_packet && !is_vital(p.transport)) {
			wait = packet_delay(packet_cost, now);
			wait = MAX(wait, 0);
		}
		if (config.pacing == DEPARTURE_TIMES)
			ahead = wait;
		due = now + ahead;
		debt = debt_at(now, ahead);
		estimated = estimate(smallest, filling, now);
		delay = delay_of(debt, cost, estimated - now);
		if (config.ns_per_packet)
			delay = config.pacing == DEPARTURE_TIMES ? MAX(delay, 0) + wait : MAX(delay, wait);
	}
	int heavy = estimated - now > config.heavy_level;
	u32 verdict = heavy ? PAID : MOUSE;
	u64 departure = now, last = 0;
	if (config.pacing == DEPARTURE_TIMES && state.last_departure > now)
		last = last_departure_of(hash);
	if (delay > 0) {
		int vital = is_vital(p.transport), small = wire <= SMALL_PACKET;
		u64 own = heavy ? config.heavy_horizon : config.mouse_horizon;
		u64 horizon = vital ? config.vital_horizon : small ? own + (own >> 3) : own;
		if (delay > (i64)horizon) {
			count(DROPPED, wire);
			return TC_ACT_SHOT;
		}
		if (vital)
			goto admitted;
		departure = now + delay;
		u64 share = 0;
		if (config.pacing == DEPARTURE_TIMES && heavy && !small) {
			share = share_at(estimated - now, shift);
			departure += lateness(delay, share);
		}
		if (config.pacing != POLICE)
			verdict = PACED;
		u64 ramp = ramp_of(delay);
		if (ramp) {
			u64 chance = get_prandom_u32(), squared = ramp * ramp;
			u32 network;
			u16 type = network_layer(skb, &network);
			u32 ecn = config.ecn ? ecn_of(skb, type, network) : 0;
			if (ecn == 0) {
				u64 late = ramp_of(delay - (i64)config.drop_after), drop = (late * late) >> 3;
				if (config.pacing == DEPARTURE_TIMES) {
					late = (late * share) >> 4;
					drop = (late * late) >> 7;
				}
				if (heavy && !small && drop > chance && (config.pacing != DEPARTURE_TIMES || last > now)) {
					count(DROPPED_EARLY, wire);
					return TC_ACT_SHOT;
				}
			} else if ((ecn == 1 ? ramp << 16 : squared) > chance) {
				if (ecn != 3)
					mark_ce(skb, type, network);
				verdict = MARKED;
			}
		}
	}
admitted:
	if (config.pacing == DEPARTURE_TIMES) {
		if (unlikely(last > departure) && !is_vital(p.transport)) {
			if (heavy && last - now > config.heavy_horizon + (config.heavy_horizon >> 3)) {
				count(DROPPED, wire);
				return TC_ACT_SHOT;
			}
			departure = last;
			verdict = verdict == MARKED ? MARKED : PACED;
		}
		if (departure > now) {
			state.last_departure = MAX(state.last_departure, departure);
			for (u32 row = 0; row < ROWS; row++) {
				u64 *kept = departure_cell(hash, row);
				*kept = MAX(*kept, departure);
			}
		}
		depart(skb, departure, now, OWN_PACING);
	} else if (config.pacing == CLASSES) {
		skb->priority = heavy && !is_vital(p.transport) ? config.heavy_class : config.mouse_class;
		u64 drained = now + config.heavy_level + config.heavy_horizon;
		if (heavy) {
			skb->tstamp = 0;
			estimated = MAX(estimated, drained);
		}
	}
	if (config.ns_per_packet)
		queue_of(&state.clock, config.credit, due);
	__sync_fetch_and_add(&state.clock, cost);
	if (config.ns_per_packet)
		__sync_fetch_and_add(&state.packet_clock, packet_cost);
	if (config.pacing != POLICE && departure > now)
		count_delay(departure - now);
	if (heavy) {
		u64 clock = due + debt.queue, quanta = ((clock + cost) >> 18) - (clock >> 18);
		if (unlikely(quanta))
			sample(skb, hash, p.transport, quanta, now);
	}
	if (!heavy)
		pay_mouse(&debt, cost, due);
	for (int i = 0; i < 4; i++)
		if (state.cells[cell[i]] < estimated)
			state.cells[cell[i]] = estimated;
	count(verdict, wire);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
