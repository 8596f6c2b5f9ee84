// What the C programs share: types, headers, helpers and checked access to the packet.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

typedef __u8 u8;
typedef __u16 u16;
typedef __u32 u32;
typedef __u64 u64;
typedef __s64 i64;

#define SEC(name) __attribute__((section(name), used))
#define INLINE static inline __attribute__((always_inline))
#define bswap16(x) __builtin_bswap16(x)
#define bswap32(x) __builtin_bswap32(x)
#define bswap64(x) __builtin_bswap64(x)
#define MIN(a, b) ((a) < (b) ? (a) : (b))

static void *(*map_lookup)(void *, const void *) = (void *)1;
static long (*map_update)(void *, const void *, const void *, u64) = (void *)2;
static u64 (*ktime_get_ns)(void) = (void *)5;
static u64 (*ktime_get_coarse_ns)(void) = (void *)160;
static long (*skb_store_bytes)(struct __sk_buff *, u32, const void *, u32, u64) = (void *)9;

struct ethernet { u8 destination[6], source[6]; u16 type; };
struct vlan { u16 control, type; };
struct ipv4 { u8 version_length, class; u16 total, id, fragment; u8 ttl, protocol; u16 checksum; u32 source, destination; };

// Not null, which clang would test otherwise.
#define AT(type, skb, offset) ({                                              \
	void *data_ = (void *)(long)(skb)->data + (offset);                   \
	__builtin_assume(data_ != 0);                                         \
	data_ + sizeof(type) > (void *)(long)(skb)->data_end ? (void *)0 : data_; })

char LICENSE[] SEC("license") = "GPL";
