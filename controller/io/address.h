/* Network addresses: IPv4 and IPv6, as the kernel wants them and as text. */
#ifndef BASCULE_IO_ADDRESS_H
#define BASCULE_IO_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ADDRESS_TEXT_MAX 64

struct address {
	union {
		sa_family_t family; /* AF_UNSPEC: none */
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	};
};

/* Parse a numeric address, IPv6 without brackets, also with a zone
 * ("fe80::1%eth0").  Returns false for anything else, names included; asks
 * nobody. */
bool address_parse(const char *text, uint16_t port, struct address *ret_addr);

void address_set_port(struct address *addr, uint16_t port);

/* Bytes for connect() and bind(). */
socklen_t address_size(const struct address *addr);

bool address_same(const struct address *a, const struct address *b);

/* Without the port.  Returns @buf. */
const char *address_text(const struct address *addr, char *buf, size_t size);

#endif
