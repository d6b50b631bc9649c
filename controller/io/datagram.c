#include "controller/io/datagram.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A tenth of a second of a flood of small datagrams: what is due in between
 * stands behind them and must not be dropped. */
#define RECEIVE_BYTES (4 << 20)

static int open_socket(int family)
{
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int dont = IP_PMTUDISC_DONT;

	if (fd < 0)
		return -errno;
	/* Documents are longer than a frame; routers may cut them too. */
	if (family == AF_INET)
		setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &dont,
			   sizeof(dont));
	return fd;
}

/* Every setting is a wish: without it less works, not nothing. */
static void prepare_bind(int fd, sa_family_t family)
{
	int yes = 1, bytes = RECEIVE_BYTES;

	setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &yes, sizeof(yes));
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &yes, sizeof(yes));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) <
	    0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

int datagram_bind(const struct address *addr, struct err *err)
{
	char text[ADDRESS_TEXT_MAX];
	int fd = open_socket(addr->family), r = fd;

	if (fd >= 0) {
		prepare_bind(fd, addr->family);
		if (bind(fd, &addr->any, address_size(addr)) == 0)
			return fd;
		r = -errno;
		close(fd);
	}
	return err_set(err, r, "cannot listen at %s, UDP port %u: %s",
		       address_text(addr, text, sizeof(text)),
		       (unsigned)ntohs(addr->family == AF_INET6
					       ? addr->in6.sin6_port
					       : addr->in.sin_port),
		       strerror(-r));
}

uint64_t datagram_overrun(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0)
		return 0;
	return info[SK_MEMINFO_DROPS];
}

int datagram_out_open(struct datagram_out *out, struct err *err)
{
	int in = open_socket(AF_INET), in6 = open_socket(AF_INET6);

	if (in < 0 && in6 < 0)
		return err_set(err, in, "no socket for datagrams: %s",
			       strerror(-in));
	*out = (struct datagram_out){ in < 0 ? -1 : in, in6 < 0 ? -1 : in6 };
	return 0;
}

void datagram_out_close(struct datagram_out *out)
{
	if (out->in >= 0)
		close(out->in);
	if (out->in6 >= 0)
		close(out->in6);
	*out = (struct datagram_out){ -1, -1 };
}

int datagram_send(const struct datagram_out *out, const struct address *to,
		  const void *bytes, size_t size)
{
	int fd = to->family == AF_INET6 ? out->in6 : out->in;

	if (fd < 0)
		return -EAFNOSUPPORT;
	if (sendto(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL, &to->any,
		   address_size(to)) < 0)
		return -errno;
	return 0;
}
