#include "haproxy/leavers_io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "haproxy/leavers.h"
#include "haproxy/servers.h"

#define INPUT_MAX (64 * 1024)

/* The master of one HAProxy. */
struct master {
	struct masters *masters; /* borrowed */
	unsigned haproxy;
	struct leavers *leavers; /* owned */
	int fd;                  /* owned; -1: none */
	ev_io reader, writer;
	ev_timer timer;
};

struct masters {
	struct loop *loop;          /* borrowed */
	const struct settings *set; /* borrowed */
	struct masters_doors doors;
	struct servers *servers; /* owned */
	struct master **list;    /* owned, as all in it; NULL: no socket */
};

static struct ev_loop *master_ev(const struct master *master)
{
	return loop_ev(master->masters->loop);
}

static struct instant master_now(const struct master *master)
{
	return loop_now(master->masters->loop);
}

static const char *master_path(const struct master *master)
{
	return master->masters->set->haproxies[master->haproxy].master_socket;
}

/* --- what the conversation asks ------------------------------------------ */

static bool ends(const struct master *master, unsigned target)
{
	const struct masters_doors *doors = &master->masters->doors;

	return doors->ends(doors->arg, master->haproxy, target);
}

static bool on_any(void *arg)
{
	const struct master *master = arg;
	unsigned t;

	for (t = 0; t < master->masters->set->target_count; t++)
		if (ends(master, t))
			return true;
	return false;
}

static bool on_wanted(void *arg, const char *backend, const char *server)
{
	const struct master *master = arg;
	unsigned t = SERVERS_NONE;

	while ((t = servers_find(master->masters->servers, backend, server,
				 t)) != SERVERS_NONE)
		if (ends(master, t))
			return true;
	return false;
}

static void on_ended(void *arg, long pid, unsigned sessions)
{
	const struct master *master = arg;
	const struct masters_doors *doors = &master->masters->doors;

	doors->ended(doors->arg, master->haproxy, pid, sessions);
}

static void on_failed(void *arg, const char *why)
{
	const struct master *master = arg;
	const struct masters_doors *doors = &master->masters->doors;

	doors->failed(doors->arg, master->haproxy, why);
}

static void on_cleared(void *arg)
{
	const struct master *master = arg;
	const struct masters_doors *doors = &master->masters->doors;

	if (masters_clear(master->masters))
		doors->cleared(doors->arg);
}

/* --- a connection -------------------------------------------------------- */

static void master_close(struct master *master)
{
	ev_io_stop(master_ev(master), &master->reader);
	ev_io_stop(master_ev(master), &master->writer);
	if (master->fd >= 0)
		close(master->fd);
	master->fd = -1;
}

static void master_lost(struct master *master, int error)
{
	char why[200];

	snprintf(why, sizeof(why), "%s: %s", master_path(master),
		 error != 0 ? strerror(error) : "the connection was closed");
	master_close(master);
	leavers_lost(master->leavers, master_now(master), why);
}

static void master_connect(struct master *master)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s",
		 master_path(master));
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		error = errno;
		if (fd >= 0)
			close(fd);
		master_lost(master, error);
		return;
	}
	master->fd = fd;
	ev_io_set(&master->reader, fd, EV_READ);
	ev_io_set(&master->writer, fd, EV_WRITE);
	ev_io_start(master_ev(master), &master->reader);
	leavers_connected(master->leavers, master_now(master));
}

/* Returns false when the connection was lost. */
static bool master_flush(struct master *master)
{
	const char *data;
	size_t size = leavers_output(master->leavers, &data);
	ssize_t n = 0;

	if (size > 0)
		n = send(master->fd, data, size, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		master_lost(master, errno);
		return false;
	}
	if (n > 0)
		leavers_sent(master->leavers, (size_t)n);
	if (n < (ssize_t)size)
		ev_io_start(master_ev(master), &master->writer);
	else
		ev_io_stop(master_ev(master), &master->writer);
	return true;
}

static void master_read(struct master *master)
{
	char input[INPUT_MAX];
	ssize_t n = recv(master->fd, input, sizeof(input), 0);

	if (n > 0)
		leavers_input(master->leavers, master_now(master), input,
			      (size_t)n);
	else if (n == 0)
		master_lost(master, 0);
	else if (errno != EAGAIN && errno != EINTR)
		master_lost(master, errno);
}

/* --- the loop ------------------------------------------------------------ */

static void master_arm(struct master *master)
{
	struct instant due = leavers_deadline(master->leavers);
	int64_t span_us = 0;

	ev_timer_stop(master_ev(master), &master->timer);
	if (instant_is_never(due))
		return;
	if (!instant_is_none(due))
		span_us = instant_diff_us(master_now(master), due);
	ev_timer_set(&master->timer, span_us > 0 ? (double)span_us / 1e6 : 0.,
		     0.);
	ev_timer_start(master_ev(master), &master->timer);
}

/* Do what the conversation asks for, until it only waits. */
static void master_settle(struct master *master)
{
	for (;;) {
		switch (leavers_next(master->leavers, master_now(master))) {
		case LEAVERS_CLOSE:
			master_close(master);
			break;
		case LEAVERS_CONNECT:
			master_connect(master);
			break;
		case LEAVERS_WAIT:
			if (master->fd >= 0 && !master_flush(master))
				break;
			master_arm(master);
			return;
		}
	}
}

static void on_readable(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	master_read(w->data);
	master_settle(w->data);
}

static void on_writable(struct ev_loop *ev, ev_io *w, int events)
{
	(void)ev;
	(void)events;
	master_settle(w->data);
}

static void on_timer(struct ev_loop *ev, ev_timer *w, int events)
{
	struct master *master = w->data;

	(void)ev;
	(void)events;
	if (master->fd >= 0)
		master_read(master);
	leavers_tick(master->leavers, master_now(master));
	master_settle(master);
}

/* --- its life ------------------------------------------------------------ */

static void master_free(struct master *master)
{
	if (master == NULL)
		return;
	master_close(master);
	ev_timer_stop(master_ev(master), &master->timer);
	leavers_free(master->leavers);
	free(master);
}

static struct master *master_new(struct masters *masters, unsigned haproxy)
{
	struct master *master = calloc(1, sizeof(*master));
	const struct leavers_doors doors = { .arg = master,
					     .any = on_any,
					     .wanted = on_wanted,
					     .ended = on_ended,
					     .failed = on_failed,
					     .cleared = on_cleared };

	if (master == NULL)
		return NULL;
	master->masters = masters;
	master->haproxy = haproxy;
	master->fd = -1;
	ev_init(&master->reader, on_readable);
	ev_init(&master->writer, on_writable);
	ev_init(&master->timer, on_timer);
	master->reader.data = master;
	master->writer.data = master;
	master->timer.data = master;
	master->leavers = leavers_new(&doors);
	if (master->leavers == NULL) {
		free(master);
		return NULL;
	}
	return master;
}

struct masters *masters_new(struct loop *loop, const struct settings *set,
			    const struct masters_doors *doors)
{
	struct masters *masters = calloc(1, sizeof(*masters));
	unsigned i;

	if (masters == NULL)
		return NULL;
	masters->loop = loop;
	masters->set = set;
	masters->doors = *doors;
	masters->list =
		calloc(set->haproxy_count + 1u, sizeof(struct master *));
	masters->servers = servers_new(set);
	if (masters->list == NULL || masters->servers == NULL)
		goto fail;
	for (i = 0; i < set->haproxy_count; i++) {
		if (set->haproxies[i].master_socket == NULL)
			continue;
		masters->list[i] = master_new(masters, i);
		if (masters->list[i] == NULL)
			goto fail;
		masters_poke(masters, i);
	}
	return masters;
fail:
	masters_free(masters);
	return NULL;
}

void masters_free(struct masters *masters)
{
	unsigned i;

	if (masters == NULL)
		return;
	for (i = 0; masters->list != NULL && i < masters->set->haproxy_count;
	     i++)
		master_free(masters->list[i]);
	free(masters->list);
	servers_free(masters->servers);
	free(masters);
}

bool masters_clear(const struct masters *masters)
{
	unsigned i;

	for (i = 0; i < masters->set->haproxy_count; i++)
		if (masters->list[i] != NULL &&
		    !leavers_clear(masters->list[i]->leavers))
			return false;
	return true;
}

/* From the loop, when the present callback is over. */
void masters_poke(struct masters *masters, unsigned haproxy)
{
	struct master *master = masters->list[haproxy];

	if (master == NULL)
		return;
	leavers_poke(master->leavers, master_now(master));
	ev_feed_event(master_ev(master), &master->timer, EV_TIMER);
}
