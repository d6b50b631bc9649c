#include "controller/core/vip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define IPV4_BITS 32
#define IPV6_BITS 128

static bool is_zero(const uint8_t *bytes, unsigned count)
{
	unsigned i, any = 0;

	for (i = 0; i < count; i++)
		any |= bytes[i];
	return any == 0;
}

/* Those that a host may have of its own, and lose. */
static bool is_a_hosts(const struct vip_address *address)
{
	const uint8_t *bytes = address->bytes;

	if (address->ipv6)
		return bytes[0] != 0xff &&
		       !(is_zero(bytes, 15) && bytes[15] <= 1);
	return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
}

static bool take_prefix(const char *text, unsigned bits, uint8_t *ret_prefix)
{
	char *end;
	long prefix;

	if (*text < '0' || *text > '9')
		return false;
	prefix = strtol(text, &end, 10);
	if (*end != '\0' || prefix < 1 || prefix > (long)bits)
		return false;
	*ret_prefix = (uint8_t)prefix;
	return true;
}

int vip_parse(const char *text, struct vip_address *ret_address,
	      struct err *err)
{
	struct vip_address address = { 0 };
	size_t length = strcspn(text, "/");
	char host[VIP_TEXT_MAX];
	unsigned bits;

	if (length < sizeof(host)) {
		memcpy(host, text, length);
		host[length] = '\0';
		address.ipv6 = strchr(host, ':') != NULL;
	}
	if (length >= sizeof(host) ||
	    inet_pton(address.ipv6 ? AF_INET6 : AF_INET, host, address.bytes) !=
		    1)
		return err_set(err, -EINVAL,
			       "is no address: write it like "
			       "\"192.168.1.100/24\" or \"fd00::100/64\"");
	bits = address.ipv6 ? IPV6_BITS : IPV4_BITS;
	address.prefix = (uint8_t)bits;
	if (text[length] != '\0' &&
	    !take_prefix(text + length + 1, bits, &address.prefix))
		return err_set(err, -EINVAL, "has a prefix that is not 1 to %u",
			       bits);
	if (!is_a_hosts(&address))
		return err_set(err, -EINVAL,
			       "is no address that a host can have");
	*ret_address = address;
	return 0;
}

const char *vip_text(const struct vip_address *address, char *buf)
{
	return inet_ntop(address->ipv6 ? AF_INET6 : AF_INET, address->bytes,
			 buf, VIP_TEXT_MAX);
}

bool vip_same(const struct vip_address *a, const struct vip_address *b)
{
	return a->ipv6 == b->ipv6 &&
	       memcmp(a->bytes, b->bytes, a->ipv6 ? 16 : 4) == 0;
}
