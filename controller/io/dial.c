#include "controller/io/dial.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "controller/io/tcp.h"

int dial_to_init(struct dial_to *to, struct resolver *resolver,
		 const char *host, uint16_t port, struct err *err)
{
	memset(to, 0, sizeof(*to));
	to->port = port;
	if (address_parse(host, port, &to->address))
		return 0;
	return resolver_watch(resolver, host, &to->name, err);
}

void dial_to_done(struct dial_to *to)
{
	resolver_unwatch(to->name);
	to->name = NULL;
}

unsigned dial_to_count(const struct dial_to *to)
{
	const struct address *list;

	return to->name == NULL ? 1 : resolver_addresses(to->name, &list);
}

struct address dial_address(const struct dial *dial)
{
	const struct address *list;
	struct address addr = dial->to->address;
	unsigned count;

	if (dial->to->name == NULL)
		return addr;
	count = resolver_addresses(dial->to->name, &list);
	if (count == 0)
		return addr;
	addr = list[((unsigned)dial->first + dial->tried) % count];
	address_set_port(&addr, dial->to->port);
	return addr;
}

void dial_stop(struct dial *dial)
{
	struct ev_loop *ev = loop_ev(dial->loop);

	ev_io_stop(ev, &dial->io);
	ev_timer_stop(ev, &dial->share);
	if (dial->fd >= 0)
		close(dial->fd);
	dial->fd = -1;
}

/* Hand over what is connected and begin with this address the next time. */
static void dial_connected(struct dial *dial)
{
	int fd = dial->fd;

	dial->fd = -1;
	dial_stop(dial);
	dial->first = (uint8_t)(dial->first + dial->tried);
	dial->tried = 0;
	dial->fn(dial->arg, fd);
}

/* Returns 0 when connected or under way. */
static int dial_open(struct dial *dial, bool *ret_connected)
{
	struct address addr = dial_address(dial);
	int r;

	dial->fd = socket(addr.family,
			  SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (dial->fd < 0)
		return -errno;
	r = tcp_set_options(dial->fd, dial->span_us);
	if (r < 0)
		return r;
	*ret_connected = connect(dial->fd, &addr.any, address_size(&addr)) == 0;
	return *ret_connected || errno == EINPROGRESS ? 0 : -errno;
}

static void dial_wait(struct dial *dial, unsigned left)
{
	struct ev_loop *ev = loop_ev(dial->loop);

	ev_io_set(&dial->io, dial->fd, EV_WRITE);
	ev_io_start(ev, &dial->io);
	if (left < 2)
		return;
	ev_timer_set(&dial->share, (double)dial->span_us / 1e6 / left, 0.);
	ev_timer_start(ev, &dial->share);
}

/* Go on with the address at `tried`. */
static void dial_go(struct dial *dial)
{
	unsigned count = dial_to_count(dial->to);
	bool connected = false;
	int r;

	for (; dial->tried < count; dial->tried++) {
		r = dial_open(dial, &connected);
		if (r == 0 && connected) {
			dial_connected(dial);
			return;
		}
		if (r == 0) {
			dial_wait(dial, count - dial->tried);
			return;
		}
		dial->error = r;
		dial_stop(dial);
	}
	if (dial->to->name != NULL)
		resolver_hurry(dial->to->name);
	dial->fn(dial->arg, dial->error);
}

static void dial_next(struct dial *dial, int error)
{
	dial->error = error;
	dial_stop(dial);
	dial->tried++;
	dial_go(dial);
}

static void dial_ready(struct dial *dial)
{
	int error = tcp_take_error(dial->fd);

	if (error == 0)
		dial_connected(dial);
	else
		dial_next(dial, -error);
}

static void on_io(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	dial_ready(w->data);
}

static void on_share(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	if (!dial_look(w->data))
		dial_next(w->data, -ETIMEDOUT);
}

void dial_init(struct dial *dial, struct loop *loop, const struct dial_to *to,
	       dial_fn fn, void *arg)
{
	memset(dial, 0, sizeof(*dial));
	dial->loop = loop;
	dial->to = to;
	dial->fn = fn;
	dial->arg = arg;
	dial->fd = -1;
	ev_init(&dial->io, on_io);
	dial->io.data = dial;
	ev_init(&dial->share, on_share);
	dial->share.data = dial;
}

void dial_start(struct dial *dial, int64_t span_us)
{
	unsigned count = dial_to_count(dial->to);

	dial->span_us = span_us;
	dial->tried = 0;
	dial->first = count > 0 ? (uint8_t)(dial->first % count) : 0;
	dial->error = -ENETUNREACH;
	dial_go(dial);
}

bool dial_look(struct dial *dial)
{
	struct pollfd look = { .fd = dial->fd, .events = POLLOUT };

	if (dial->fd < 0 || poll(&look, 1, 0) <= 0)
		return false;
	dial_ready(dial);
	return true;
}
