#include "checks/tripwire_io.h"

#include <errno.h>
#include <sys/socket.h>

#include "controller/io/tcp.h"

/* By a reset, as HAProxy ends its checks: thousands of checks a second would
 * leave as many closed connections waiting. */
void tripwire_drop(struct tripwire *wire)
{
	if (wire->fd < 0)
		return;
	ev_io_stop(loop_ev(checks_loop(wire->probe->checks)), &wire->io);
	tcp_close_reset(wire->fd);
	wire->fd = -1;
}

static void tripwire_tell(struct tripwire *wire, int error)
{
	tripwire_drop(wire);
	probe_hint(wire->probe,
		   error != 0 ? HINT_TETHER_RESET : HINT_TETHER_CLOSED, error);
}

/* A greeting is no end; one that does not end waits for the next wake-up. */
static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	struct tripwire *wire = w->data;
	char *buf = checks_scratch(wire->probe->checks);
	ssize_t n = recv(wire->fd, buf, PROBE_SCRATCH, MSG_DONTWAIT);

	(void)ev;
	(void)events;
	if (n == 0)
		tripwire_tell(wire, 0);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		tripwire_tell(wire, errno);
}

void tripwire_init(struct tripwire *wire, struct probe *probe)
{
	wire->probe = probe;
	wire->fd = -1;
	ev_init(&wire->io, on_io);
	wire->io.data = wire;
}

void tripwire_hold(struct tripwire *wire, int fd)
{
	tripwire_drop(wire);
	if (!wire->probe->plan->check->tether) {
		tcp_close_reset(fd);
		return;
	}
	wire->fd = fd;
	ev_io_set(&wire->io, fd, EV_READ);
	ev_io_start(loop_ev(checks_loop(wire->probe->checks)), &wire->io);
}
