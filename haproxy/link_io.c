#include "haproxy/link_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "controller/io/dial.h"

#define INPUT_MAX (64 * 1024)

struct runtime_link {
	struct loop *loop;                    /* borrowed */
	const struct haproxy_settings *where; /* borrowed from the settings */
	struct runtime *runtime;              /* owned */
	int fd;                               /* owned; -1: none */
	struct dial_to to;                    /* for TCP */
	struct dial dial;
	struct resolver_waiter waiter; /* for the first address of a name */
	ev_io reader, writer;
	ev_timer timer;
};

static struct instant link_now(const struct runtime_link *link)
{
	return loop_now(link->loop);
}

static struct ev_loop *link_ev(const struct runtime_link *link)
{
	return loop_ev(link->loop);
}

/* --- a connection -------------------------------------------------------- */

static bool is_tcp(const struct runtime_link *link)
{
	return link->where->socket == NULL;
}

static void link_close(struct runtime_link *link)
{
	ev_io_stop(link_ev(link), &link->reader);
	ev_io_stop(link_ev(link), &link->writer);
	resolver_leave(&link->waiter);
	if (is_tcp(link))
		dial_stop(&link->dial);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

static void link_lost(struct runtime_link *link, const char *why)
{
	link_close(link);
	runtime_lost(link->runtime, link_now(link), why);
}

static void link_refused(struct runtime_link *link, const char *reason)
{
	char why[EVENT_TEXT_MAX];

	if (is_tcp(link))
		snprintf(why, sizeof(why), "cannot connect to %s port %u: %s",
			 link->where->host, link->where->port, reason);
	else
		snprintf(why, sizeof(why), "cannot connect to %s: %s",
			 link->where->socket, reason);
	link_lost(link, why);
}

static void link_connected(struct runtime_link *link, int fd)
{
	link->fd = fd;
	ev_io_set(&link->reader, fd, EV_READ);
	ev_io_set(&link->writer, fd, EV_WRITE);
	ev_io_start(link_ev(link), &link->reader);
	runtime_connected(link->runtime, link_now(link));
}

/* Connecting to a UNIX socket never waits: it succeeds, is refused, or fails
 * with EAGAIN because nobody accepts. */
static void link_connect_unix(struct runtime_link *link)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(link->where->socket) >= sizeof(addr.sun_path)) {
		link_refused(link, strerror(ENAMETOOLONG));
		return;
	}
	strcpy(addr.sun_path, link->where->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		link_refused(link, strerror(errno));
		if (fd >= 0)
			close(fd);
		return;
	}
	link_connected(link, fd);
}

/* May come from within link_settle(): what follows is left to the wake-up. */
static void on_dialled(void *arg, int fd)
{
	struct runtime_link *link = arg;
	const char *why = NULL;

	if (fd < 0 && link->to.name != NULL && dial_to_count(&link->to) == 0)
		why = resolver_why(link->to.name);
	if (fd < 0)
		link_refused(link, why != NULL ? why : strerror(-fd));
	else
		link_connected(link, fd);
	runtime_link_wake(link);
}

static void link_dial(void *arg)
{
	struct runtime_link *link = arg;

	dial_start(&link->dial, RUNTIME_ANSWER_US);
}

static void link_connect(struct runtime_link *link)
{
	if (!is_tcp(link))
		link_connect_unix(link);
	else if (link->to.name != NULL && resolver_pending(link->to.name))
		resolver_wait(link->to.name, &link->waiter);
	else
		link_dial(link);
}

/* Send what there is to be sent.  Returns false when the link was lost. */
static bool link_flush(struct runtime_link *link)
{
	const char *data;
	size_t size = runtime_output(link->runtime, link_now(link), &data);
	ssize_t n;

	if (size == 0) {
		ev_io_stop(link_ev(link), &link->writer);
		return true;
	}
	n = send(link->fd, data, size, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		link_lost(link, strerror(errno));
		return false;
	}
	if (n > 0)
		runtime_sent(link->runtime, (size_t)n);
	if (n < (ssize_t)size)
		ev_io_start(link_ev(link), &link->writer);
	return true;
}

static void link_read(struct runtime_link *link)
{
	char input[INPUT_MAX];
	ssize_t n = recv(link->fd, input, sizeof(input), 0);

	if (n > 0)
		runtime_input(link->runtime, link_now(link), input, (size_t)n);
	else if (n == 0)
		link_lost(link, "HAProxy closed the connection");
	else if (errno != EAGAIN && errno != EINTR)
		link_lost(link, strerror(errno));
}

/* --- the loop ------------------------------------------------------------ */

static void link_arm(struct runtime_link *link)
{
	struct instant due = runtime_deadline(link->runtime);
	int64_t span_us;

	ev_timer_stop(link_ev(link), &link->timer);
	if (instant_is_never(due))
		return;
	span_us =
		instant_is_none(due) ? 0 : instant_diff_us(link_now(link), due);
	ev_timer_set(&link->timer, span_us > 0 ? (double)span_us / 1e6 : 0.,
		     0.);
	ev_timer_start(link_ev(link), &link->timer);
}

/* Do what the conversation asks for, until it only waits. */
static void link_settle(struct runtime_link *link)
{
	for (;;) {
		switch (runtime_next(link->runtime, link_now(link))) {
		case RUNTIME_CLOSE:
			link_close(link);
			break;
		case RUNTIME_CONNECT:
			link_connect(link);
			break;
		case RUNTIME_WAIT:
			if (!link_flush(link))
				break;
			link_arm(link);
			return;
		}
	}
}

static void on_readable(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	link_read(w->data);
	link_settle(w->data);
}

static void on_writable(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	link_settle(w->data);
}

/* An answer that lies in the socket is not late, we are: read first. */
static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
	struct runtime_link *link = w->data;

	(void)ev;
	(void)events;
	if (link->fd >= 0)
		link_read(link);
	runtime_tick(link->runtime, link_now(link));
	link_settle(link);
}

void runtime_link_wake(struct runtime_link *link)
{
	ev_feed_event(link_ev(link), &link->timer, EV_TIMER);
}

/* --- its life ------------------------------------------------------------ */

static void link_init(struct runtime_link *link)
{
	link->fd = -1;
	ev_init(&link->reader, on_readable);
	ev_init(&link->writer, on_writable);
	ev_init(&link->timer, on_timer);
	link->reader.data = link;
	link->writer.data = link;
	link->timer.data = link;
	link->waiter.fn = link_dial;
	link->waiter.arg = link;
	dial_init(&link->dial, link->loop, &link->to, on_dialled, link);
}

struct runtime_link *runtime_link_new(const struct runtime_link_owner *owner,
				      const struct servers *servers,
				      const struct haproxy_settings *where,
				      unsigned haproxy)
{
	struct runtime_link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->loop = owner->loop;
	link->where = where;
	link_init(link);
	link->runtime = runtime_new(servers, haproxy, owner->seen, owner->done,
				    owner->arg);
	if (link->runtime == NULL)
		goto fail;
	runtime_on_hint(link->runtime, owner->hint, owner->arg);
	runtime_find(link->runtime, &owner->places);
	if (is_tcp(link) && dial_to_init(&link->to, owner->resolver,
					 where->host, where->port, NULL) < 0)
		goto fail;
	return link;
fail:
	runtime_link_free(link);
	return NULL;
}

void runtime_link_free(struct runtime_link *link)
{
	if (link == NULL)
		return;
	link_close(link);
	dial_to_done(&link->to);
	ev_timer_stop(link_ev(link), &link->timer);
	runtime_free(link->runtime);
	free(link);
}

const struct haproxy_settings *
runtime_link_where(const struct runtime_link *link)
{
	return link->where;
}

void runtime_link_order(struct runtime_link *link, uint64_t id,
			const struct server_order *order)
{
	runtime_order(link->runtime, link_now(link), id, order);
	runtime_link_wake(link);
}

void runtime_link_remove(struct runtime_link *link, struct removals *removals,
			 runtime_removed_fn removed, void *arg)
{
	runtime_remove(link->runtime, removals, removed, arg);
	runtime_link_wake(link);
}

void runtime_link_move(struct runtime_link *link, struct runtime_views *views,
		       const struct haproxy_settings *where, unsigned haproxy)
{
	link->where = where;
	runtime_move(link->runtime, views, haproxy, link_now(link));
	runtime_link_wake(link);
}
