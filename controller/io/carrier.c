#include "controller/io/carrier.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void carrier_init(struct carrier *carrier)
{
	*carrier = (struct carrier){ 0 };
}

static bool address_of(const struct sockaddr *from,
		       struct carrier_address *ret_address)
{
	struct carrier_address address = { .family = from->sa_family };

	if (from->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)from;

		if ((ntohl(in->sin_addr.s_addr) >> 24) == IN_LOOPBACKNET)
			return false;
		memcpy(address.bytes, &in->sin_addr, 4);
	} else if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)from;

		if (IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr))
			return false;
		memcpy(address.bytes, &in6->sin6_addr, 16);
	} else {
		return false;
	}
	*ret_address = address;
	return true;
}

static bool is_same(const struct carrier_address *a,
		    const struct carrier_address *b)
{
	return a->family == b->family &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

/* A datagram socket that is connected has chosen its way, and sent nothing. */
static bool leaves_by(const struct sockaddr *to, socklen_t size,
		      struct carrier_address *ret_address)
{
	struct sockaddr_storage own;
	socklen_t own_size = sizeof(own);
	int fd = socket(to->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known;

	if (fd < 0)
		return false;
	known = connect(fd, to, size) == 0 &&
		getsockname(fd, (struct sockaddr *)&own, &own_size) == 0 &&
		address_of((struct sockaddr *)&own, ret_address);
	close(fd);
	return known;
}

void carrier_reach(struct carrier *carrier, const char *host)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
				    .sin6_port = htons(9) };
	struct carrier_address own;
	unsigned i;
	bool known;

	if (carrier->count == CARRIER_ADDRESSES_MAX)
		return;
	if (inet_pton(AF_INET, host, &in.sin_addr) == 1)
		known = leaves_by((struct sockaddr *)&in, sizeof(in), &own);
	else if (inet_pton(AF_INET6, host, &in6.sin6_addr) == 1)
		known = leaves_by((struct sockaddr *)&in6, sizeof(in6), &own);
	else
		return;
	if (!known)
		return;
	for (i = 0; i < carrier->count; i++)
		if (is_same(&carrier->list[i], &own))
			return;
	carrier->list[carrier->count++] = own;
}

enum where { NOWHERE, WITHOUT_CARRIER, WITH_CARRIER };

static enum where where_is(const struct ifaddrs *all,
			   const struct carrier_address *address)
{
	const unsigned well = IFF_UP | IFF_RUNNING;
	struct carrier_address here;
	enum where where = NOWHERE;

	for (; all != NULL; all = all->ifa_next) {
		if (all->ifa_addr == NULL ||
		    !address_of(all->ifa_addr, &here) ||
		    !is_same(&here, address))
			continue;
		if ((all->ifa_flags & well) == well)
			return WITH_CARRIER;
		where = WITHOUT_CARRIER;
	}
	return where;
}

bool carrier_lost(struct carrier *carrier)
{
	struct ifaddrs *all = NULL;
	bool lost = false;
	unsigned i;

	if (carrier->count == 0 || getifaddrs(&all) < 0)
		return false;
	for (i = 0; i < carrier->count; i++) {
		struct carrier_address *address = &carrier->list[i];
		enum where where = where_is(all, address);

		lost = lost || (address->seen && where == WITHOUT_CARRIER);
		/* An address may move to another machine, too. */
		if (where != WITHOUT_CARRIER)
			address->seen = where == WITH_CARRIER;
	}
	freeifaddrs(all);
	return lost;
}
