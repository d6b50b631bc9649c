#include "drill/arg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The digits that @text begins with; fails when there are none or too many. */
static int digits(const char *text, int64_t *ret_value, const char **ret_end)
{
	int64_t value = 0;
	const char *p = text;

	for (; *p >= '0' && *p <= '9'; p++) {
		if (value > (INT64_MAX - 9) / 10)
			return -EINVAL;
		value = value * 10 + (*p - '0');
	}
	if (p == text)
		return -EINVAL;
	*ret_value = value;
	*ret_end = p;
	return 0;
}

int arg_number(const char *text, int64_t min, int64_t max, int64_t *ret_value,
	       struct err *err)
{
	const char *end;
	int64_t value;

	if (digits(text, &value, &end) < 0 || *end != '\0' || value < min ||
	    value > max)
		return err_set(err, -EINVAL,
			       "\"%s\" is not a number from %lld to %lld", text,
			       (long long)min, (long long)max);
	*ret_value = value;
	return 0;
}

static int read_host(const char *host, struct endpoint *endpoint)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&endpoint->addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&endpoint->addr;
	size_t len = strlen(host);
	char bare[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		endpoint->addr_len = sizeof(*in);
		return 0;
	}
	if (len < 3 || len - 2 >= sizeof(bare) || host[0] != '[' ||
	    host[len - 1] != ']')
		return -EINVAL;
	memcpy(bare, host + 1, len - 2);
	bare[len - 2] = '\0';
	if (inet_pton(AF_INET6, bare, &in6->sin6_addr) != 1)
		return -EINVAL;
	in6->sin6_family = AF_INET6;
	endpoint->addr_len = sizeof(*in6);
	return 0;
}

int arg_endpoint(const char *text, struct endpoint *ret_endpoint,
		 struct err *err)
{
	const char *colon = strrchr(text, ':');
	struct endpoint endpoint = { .addr_len = 0 };
	char host[ENDPOINT_TEXT_MAX];
	int64_t port;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		goto fail;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (read_host(host, &endpoint) < 0 ||
	    arg_number(colon + 1, 0, 65535, &port, NULL) < 0)
		goto fail;
	endpoint_set_port(&endpoint, (unsigned)port);
	*ret_endpoint = endpoint;
	return 0;
fail:
	return err_set(err, -EINVAL,
		       "\"%s\" is not ADDRESS:PORT, such as 127.0.0.1:5000 or "
		       "[::1]:5000",
		       text);
}

unsigned endpoint_port(const struct endpoint *endpoint)
{
	const struct sockaddr_in6 *in6 =
		(const struct sockaddr_in6 *)&endpoint->addr;
	const struct sockaddr_in *in =
		(const struct sockaddr_in *)&endpoint->addr;

	if (endpoint->addr.ss_family == AF_INET6)
		return ntohs(in6->sin6_port);
	return ntohs(in->sin_port);
}

void endpoint_set_port(struct endpoint *endpoint, unsigned port)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&endpoint->addr;
	struct sockaddr_in *in = (struct sockaddr_in *)&endpoint->addr;

	if (endpoint->addr.ss_family == AF_INET6)
		in6->sin6_port = htons((uint16_t)port);
	else
		in->sin_port = htons((uint16_t)port);
}

int endpoint_is_loopback(const struct endpoint *endpoint)
{
	const struct sockaddr_in6 *in6 =
		(const struct sockaddr_in6 *)&endpoint->addr;
	const struct sockaddr_in *in =
		(const struct sockaddr_in *)&endpoint->addr;

	if (endpoint->addr.ss_family == AF_INET)
		return ntohl(in->sin_addr.s_addr) >> 24 == 127;
	if (endpoint->addr.ss_family != AF_INET6)
		return 0;
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
		return in6->sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

void endpoint_print(const struct endpoint *endpoint,
		    char text[static ENDPOINT_TEXT_MAX])
{
	const struct sockaddr_in6 *in6 =
		(const struct sockaddr_in6 *)&endpoint->addr;
	const struct sockaddr_in *in =
		(const struct sockaddr_in *)&endpoint->addr;
	char host[INET6_ADDRSTRLEN] = "?";

	if (endpoint->addr.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
		snprintf(text, ENDPOINT_TEXT_MAX, "[%s]:%u", host,
			 endpoint_port(endpoint));
		return;
	}
	inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
	snprintf(text, ENDPOINT_TEXT_MAX, "%s:%u", host,
		 endpoint_port(endpoint));
}
