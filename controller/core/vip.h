/* A virtual address as the configuration writes it: "192.168.1.100/24". */
#ifndef BASCULE_CORE_VIP_H
#define BASCULE_CORE_VIP_H

#include <stdbool.h>
#include <stdint.h>

#include "controller/core/err.h"

#define VIP_ADDRESSES_MAX 8  /* of a node */
#define VIP_TEXT_MAX      64 /* of one, with its prefix and the final NUL */

struct vip_address {
	bool ipv6;
	uint8_t prefix;
	uint8_t bytes[16]; /* in the network's order; of IPv4 the first four */
};

/* "ADDRESS/PREFIX", or "ADDRESS", which means all of its bits.  What no host
 * can have (loopback, multicast, all zeros) is refused.  Returns 0, or -EINVAL
 * and what would be right. */
int vip_parse(const char *text, struct vip_address *ret_address,
	      struct err *err);

/* Write the address into @buf, VIP_TEXT_MAX bytes, and return it; without the
 * prefix. */
const char *vip_text(const struct vip_address *address, char *buf);

/* The same address, whatever their prefixes. */
bool vip_same(const struct vip_address *a, const struct vip_address *b);

#endif
