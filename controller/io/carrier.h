/* Whether the interfaces by which we reach others have a carrier. */
#ifndef BASCULE_IO_CARRIER_H
#define BASCULE_IO_CARRIER_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* So many of our addresses are known; a node has few. */
#define CARRIER_ADDRESSES_MAX 16

struct carrier_address {
	int family; /* AF_INET, AF_INET6 */
	uint8_t bytes[16];
	bool seen; /* on an interface that had a carrier */
};

struct carrier {
	struct carrier_address list[CARRIER_ADDRESSES_MAX];
	unsigned count;
};

void carrier_init(struct carrier *carrier);

/* Something at @host, a numeric address, is reached from here: the address
 * that the kernel leaves by is watched from now on.  Loopback, names and what
 * has no route are passed over. */
void carrier_reach(struct carrier *carrier, const char *host);

/* Whether one of them has been lost: its interface has no carrier or is down,
 * and once was not.  An address that is on no interface any more is none. */
bool carrier_lost(struct carrier *carrier);

#endif
