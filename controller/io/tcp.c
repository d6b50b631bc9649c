#include "controller/io/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/core/instant.h"

#define USER_TIMEOUT_MIN_MS 1000

int tcp_set_options(int fd, int64_t span_us)
{
	unsigned timeout_ms = (unsigned)(span_us / MS);
	int on = 1;

	if (timeout_ms < USER_TIMEOUT_MIN_MS)
		timeout_ms = USER_TIMEOUT_MIN_MS;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms,
		       sizeof(timeout_ms)) < 0)
		return -errno;
	return 0;
}

void tcp_close_reset(int fd)
{
	const struct linger reset = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(fd);
}

int tcp_look(int fd, struct tcp_facts *ret_facts)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return -errno;
	*ret_facts = (struct tcp_facts){
		.connected = info.tcpi_state != TCP_SYN_SENT,
		.acknowledged = info.tcpi_unacked == 0,
		.retransmits = info.tcpi_total_retrans,
	};
	return 0;
}

int tcp_take_error(int fd)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		error = errno;
	return error;
}
