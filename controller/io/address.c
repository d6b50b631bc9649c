#include "controller/io/address.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

bool address_parse(const char *text, uint16_t port, struct address *ret_addr)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST,
					.ai_socktype = SOCK_STREAM };
	struct addrinfo *list;
	bool fits;

	if (getaddrinfo(text, NULL, &hints, &list) != 0)
		return false;
	fits = list->ai_addrlen <= sizeof(*ret_addr);
	if (fits) {
		memset(ret_addr, 0, sizeof(*ret_addr));
		memcpy(&ret_addr->any, list->ai_addr, list->ai_addrlen);
		address_set_port(ret_addr, port);
	}
	freeaddrinfo(list);
	return fits;
}

void address_set_port(struct address *addr, uint16_t port)
{
	if (addr->family == AF_INET6)
		addr->in6.sin6_port = htons(port);
	else
		addr->in.sin_port = htons(port);
}

socklen_t address_size(const struct address *addr)
{
	return addr->family == AF_INET6 ? sizeof(addr->in6) : sizeof(addr->in);
}

bool address_same(const struct address *a, const struct address *b)
{
	if (a->family != b->family)
		return false;
	if (a->family == AF_INET6)
		return a->in6.sin6_port == b->in6.sin6_port &&
		       a->in6.sin6_scope_id == b->in6.sin6_scope_id &&
		       memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr,
			      sizeof(a->in6.sin6_addr)) == 0;
	return a->in.sin_port == b->in.sin_port &&
	       a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
}

const char *address_text(const struct address *addr, char *buf, size_t size)
{
	if (getnameinfo(&addr->any, address_size(addr), buf, (socklen_t)size,
			NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(buf, size, "?");
	return buf;
}
