#include "vip/frame.h"

#include <string.h>

#define ETHER_BYTES 14
#define TYPE_ARP    0x0806
#define TYPE_IPV6   0x86dd

/* ARP, behind the Ethernet header. */
#define ARP_BYTES         28
#define ARP_SENDER_MAC    8
#define ARP_SENDER        14
#define ARP_TARGET        24
#define ARP_ASKS          1
#define ARP_ADDRESS_BYTES 4

/* IPv6 and ICMPv6 behind it. */
#define IP_BYTES            40
#define IP_SOURCE           8
#define IP_DESTINATION      24
#define IP_ADDRESS_BYTES    16
#define NEXT_ICMPV6         58
#define HOPS                255 /* neighbour discovery never crosses a router */
#define ND_TARGET           8   /* behind type, code, sum and flags */
#define ND_BYTES            24
#define ND_OPTION_BYTES     8
#define ND_TARGET_MAC       2 /* the option's type */
#define NEIGHBOR_SOLICIT    135
#define NEIGHBOR_ADVERTISE  136
#define ADVERTISE_OVERRIDES 0x20

static void put16(uint8_t *to, unsigned value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *from)
{
	return (unsigned)from[0] << 8 | from[1];
}

static void put_ether(uint8_t *frame, const uint8_t *to, const uint8_t *mac,
		      unsigned type)
{
	memcpy(frame, to, FRAME_MAC_BYTES);
	memcpy(frame + FRAME_MAC_BYTES, mac, FRAME_MAC_BYTES);
	put16(frame + 2 * FRAME_MAC_BYTES, type);
}

/* An announcement is a request that asks for itself: those who know the
 * address take over the new place, and nobody answers. */
static size_t build_arp(enum frame_kind kind, const struct vip_address *address,
			const uint8_t *mac, uint8_t *frame)
{
	static const uint8_t all[FRAME_MAC_BYTES] = { 0xff, 0xff, 0xff,
						      0xff, 0xff, 0xff };
	static const uint8_t head[] = { 0, 1, /* Ethernet */
					8, 0, /* IPv4 */
					6, 4, /* their sizes */
					0, ARP_ASKS };
	uint8_t *arp = frame + ETHER_BYTES;

	put_ether(frame, all, mac, TYPE_ARP);
	memset(arp, 0, ARP_BYTES);
	memcpy(arp, head, sizeof(head));
	memcpy(arp + ARP_SENDER_MAC, mac, FRAME_MAC_BYTES);
	if (kind == FRAME_ANNOUNCE)
		memcpy(arp + ARP_SENDER, address->bytes, ARP_ADDRESS_BYTES);
	memcpy(arp + ARP_TARGET, address->bytes, ARP_ADDRESS_BYTES);
	return ETHER_BYTES + ARP_BYTES;
}

/* RFC 4443, 2.3: over addresses, length, next header and the message. */
static unsigned sum_of(const uint8_t *ip, size_t size)
{
	const uint8_t *from = ip + IP_SOURCE;
	size_t count = 2 * IP_ADDRESS_BYTES + size, i;
	uint32_t sum = (uint32_t)size + NEXT_ICMPV6;

	for (i = 0; i < count; i += 2)
		sum += get16(from + i);
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* To all who listen for addresses that end like this one. */
static void solicited(const struct vip_address *address, uint8_t *to)
{
	static const uint8_t begin[] = { 0xff, 2, 0, 0, 0, 0,   0,
					 0,    0, 0, 0, 1, 0xff };

	memcpy(to, begin, sizeof(begin));
	memcpy(to + sizeof(begin), address->bytes + sizeof(begin),
	       IP_ADDRESS_BYTES - sizeof(begin));
}

static size_t build_nd(enum frame_kind kind, const struct vip_address *address,
		       const uint8_t *mac, uint8_t *frame)
{
	static const uint8_t all[IP_ADDRESS_BYTES] = { 0xff, 2, [15] = 1 };
	uint8_t *ip = frame + ETHER_BYTES, *nd = ip + IP_BYTES;
	uint8_t to[FRAME_MAC_BYTES] = { 0x33, 0x33 };
	size_t size = ND_BYTES;

	memset(frame, 0, FRAME_BYTES_MAX);
	memcpy(nd + ND_TARGET, address->bytes, IP_ADDRESS_BYTES);
	if (kind == FRAME_ANNOUNCE) {
		nd[0] = NEIGHBOR_ADVERTISE;
		nd[4] = ADVERTISE_OVERRIDES;
		nd[ND_BYTES] = ND_TARGET_MAC;
		nd[ND_BYTES + 1] = 1;
		memcpy(nd + ND_BYTES + 2, mac, FRAME_MAC_BYTES);
		size += ND_OPTION_BYTES;
		memcpy(ip + IP_SOURCE, address->bytes, IP_ADDRESS_BYTES);
		memcpy(ip + IP_DESTINATION, all, IP_ADDRESS_BYTES);
	} else {
		nd[0] = NEIGHBOR_SOLICIT;
		solicited(address, ip + IP_DESTINATION);
	}
	memcpy(to + 2, ip + IP_DESTINATION + 12, 4);
	put_ether(frame, to, mac, TYPE_IPV6);
	put16(nd + 2, sum_of(ip, size));
	ip[0] = 0x60;
	put16(ip + 4, (unsigned)size);
	ip[6] = NEXT_ICMPV6;
	ip[7] = HOPS;
	return ETHER_BYTES + IP_BYTES + size;
}

size_t frame_build(enum frame_kind kind, const struct vip_address *address,
		   const uint8_t *mac, uint8_t *buf)
{
	return address->ipv6 ? build_nd(kind, address, mac, buf)
			     : build_arp(kind, address, mac, buf);
}

static bool claims_arp(const uint8_t *arp, size_t size,
		       const struct vip_address *address, uint8_t *ret_mac)
{
	if (size < ARP_BYTES ||
	    memcmp(arp + ARP_SENDER, address->bytes, ARP_ADDRESS_BYTES) != 0)
		return false;
	memcpy(ret_mac, arp + ARP_SENDER_MAC, FRAME_MAC_BYTES);
	return true;
}

static bool claims_nd(const uint8_t *ip, size_t size,
		      const struct vip_address *address, uint8_t *ret_mac)
{
	const uint8_t *nd = ip + IP_BYTES;

	if (size < IP_BYTES + ND_BYTES || ip[6] != NEXT_ICMPV6 ||
	    ip[7] != HOPS || nd[0] != NEIGHBOR_ADVERTISE ||
	    memcmp(nd + ND_TARGET, address->bytes, IP_ADDRESS_BYTES) != 0)
		return false;
	if (size >= IP_BYTES + ND_BYTES + ND_OPTION_BYTES &&
	    nd[ND_BYTES] == ND_TARGET_MAC)
		memcpy(ret_mac, nd + ND_BYTES + 2, FRAME_MAC_BYTES);
	return true;
}

bool frame_claims(const uint8_t *bytes, size_t size,
		  const struct vip_address *address, const uint8_t *mac,
		  uint8_t *ret_mac)
{
	const uint8_t *inside = bytes + ETHER_BYTES;
	bool claims;

	if (size < ETHER_BYTES ||
	    get16(bytes + 2 * FRAME_MAC_BYTES) !=
		    (address->ipv6 ? TYPE_IPV6 : TYPE_ARP))
		return false;
	memcpy(ret_mac, bytes + FRAME_MAC_BYTES, FRAME_MAC_BYTES);
	size -= ETHER_BYTES;
	claims = address->ipv6 ? claims_nd(inside, size, address, ret_mac)
			       : claims_arp(inside, size, address, ret_mac);
	return claims && memcmp(ret_mac, mac, FRAME_MAC_BYTES) != 0;
}
