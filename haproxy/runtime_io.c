#include "haproxy/runtime_io.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "haproxy/runtime.h"

#define INPUT_MAX (64 * 1024)

/* One HAProxy. */
struct link {
	struct haproxies *owner;              /* borrowed */
	const struct haproxy_settings *where; /* borrowed from the settings */
	struct runtime *runtime;              /* owned */
	int fd;                               /* owned; -1 when there is none */
	ev_io reader, writer;
	ev_timer timer;
};

struct haproxies {
	struct loop *loop;          /* borrowed */
	const struct settings *set; /* borrowed */
	struct servers *servers;    /* owned */
	struct link **links;        /* owned; as many as in the settings */
	haproxies_event_fn event;
	haproxies_done_fn done;
	void *arg;
	char input[INPUT_MAX];
};

static void link_settle(struct link *link);

static struct instant link_now(const struct link *link)
{
	return loop_now(link->owner->loop);
}

static struct ev_loop *link_ev(const struct link *link)
{
	return loop_ev(link->owner->loop);
}

/* --- a connection -------------------------------------------------------- */

static void link_close(struct link *link)
{
	ev_io_stop(link_ev(link), &link->reader);
	ev_io_stop(link_ev(link), &link->writer);
	if (link->fd >= 0)
		close(link->fd);
	link->fd = -1;
}

static void link_lost(struct link *link, const char *why)
{
	link_close(link);
	runtime_lost(link->runtime, link_now(link), why);
}

static void link_refused(struct link *link, int error)
{
	char why[EVENT_TEXT_MAX];

	snprintf(why, sizeof(why), "cannot connect to %s: %s",
		 link->where->socket, strerror(error));
	link_lost(link, why);
}

static void link_connected(struct link *link, int fd)
{
	link->fd = fd;
	ev_io_set(&link->reader, fd, EV_READ);
	ev_io_set(&link->writer, fd, EV_WRITE);
	ev_io_start(link_ev(link), &link->reader);
	runtime_connected(link->runtime, link_now(link));
}

/* Connecting to a UNIX socket never waits: it succeeds, is refused, or fails
 * with EAGAIN because nobody accepts. */
static void link_connect(struct link *link)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(link->where->socket) >= sizeof(addr.sun_path)) {
		link_refused(link, ENAMETOOLONG);
		return;
	}
	strcpy(addr.sun_path, link->where->socket);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		link_refused(link, errno);
		if (fd >= 0)
			close(fd);
		return;
	}
	link_connected(link, fd);
}

/* Send what there is to be sent.  Returns false when the link was lost. */
static bool link_flush(struct link *link)
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

static void link_read(struct link *link)
{
	char *input = link->owner->input;
	ssize_t n = recv(link->fd, input, INPUT_MAX, 0);

	if (n > 0)
		runtime_input(link->runtime, link_now(link), input, (size_t)n);
	else if (n == 0)
		link_lost(link, "HAProxy closed the connection");
	else if (errno != EAGAIN && errno != EINTR)
		link_lost(link, strerror(errno));
}

/* --- the loop ------------------------------------------------------------ */

static void link_arm(struct link *link)
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
static void link_settle(struct link *link)
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
	struct link *link = w->data;

	(void)ev;
	(void)events;
	if (link->fd >= 0)
		link_read(link);
	runtime_tick(link->runtime, link_now(link));
	link_settle(link);
}

/* Come back as soon as the present callback is over. */
static void link_wake(struct link *link)
{
	ev_feed_event(link_ev(link), &link->timer, EV_TIMER);
}

static void on_seen(void *arg, const struct haproxy_seen *seen)
{
	struct link *link = arg;

	link->owner->event(link->owner->arg, seen);
}

static void on_done(void *arg, uint64_t id, const char *failed, int64_t took_us)
{
	struct link *link = arg;

	link->owner->done(link->owner->arg, id, failed, took_us);
}

/* --- all of them --------------------------------------------------------- */

static void link_free(struct link *link)
{
	if (link == NULL)
		return;
	link_close(link);
	ev_timer_stop(link_ev(link), &link->timer);
	runtime_free(link->runtime);
	free(link);
}

static struct link *link_new(struct haproxies *owner,
			     const struct servers *servers,
			     const struct settings *set, unsigned haproxy)
{
	struct link *link = calloc(1, sizeof(*link));

	if (link == NULL)
		return NULL;
	link->owner = owner;
	link->where = &set->haproxies[haproxy];
	link->fd = -1;
	ev_init(&link->reader, on_readable);
	ev_init(&link->writer, on_writable);
	ev_init(&link->timer, on_timer);
	link->reader.data = link;
	link->writer.data = link;
	link->timer.data = link;
	link->runtime = runtime_new(servers, haproxy, on_seen, on_done, link);
	if (link->runtime == NULL) {
		link_free(link);
		return NULL;
	}
	return link;
}

static void links_free(struct link **links, unsigned count)
{
	unsigned i;

	for (i = 0; links != NULL && i < count; i++)
		link_free(links[i]);
	free(links);
}

int haproxies_new(struct haproxies **ret_haproxies, struct loop *loop,
		  const struct settings *set, haproxies_event_fn event,
		  haproxies_done_fn done, void *arg, struct err *err)
{
	struct haproxies *hs = calloc(1, sizeof(*hs));
	unsigned i;

	if (hs == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	hs->loop = loop;
	hs->set = set;
	hs->event = event;
	hs->done = done;
	hs->arg = arg;
	hs->servers = servers_new(set);
	hs->links = calloc(set->haproxy_count + 1, sizeof(struct link *));
	if (hs->servers == NULL || hs->links == NULL)
		goto fail;
	for (i = 0; i < set->haproxy_count; i++) {
		hs->links[i] = link_new(hs, hs->servers, set, i);
		if (hs->links[i] == NULL)
			goto fail;
		link_wake(hs->links[i]);
	}
	*ret_haproxies = hs;
	return 0;
fail:
	haproxies_free(hs);
	return err_set(err, -ENOMEM, "out of memory");
}

void haproxies_free(struct haproxies *hs)
{
	if (hs == NULL)
		return;
	links_free(hs->links, hs->set->haproxy_count);
	servers_free(hs->servers);
	free(hs);
}

void haproxies_order(struct haproxies *hs, uint64_t id,
		     const struct server_order *order)
{
	struct link *link = hs->links[order->haproxy];

	runtime_order(link->runtime, link_now(link), id, order);
	link_wake(link);
}

/* --- a reload ------------------------------------------------------------ */

static bool text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Where the link to @where is, or NULL: the same HAProxy at the same place. */
static struct link **link_find(struct haproxies *hs,
			       const struct haproxy_settings *where)
{
	const struct haproxy_settings *have;
	unsigned i;

	for (i = 0; i < hs->set->haproxy_count; i++) {
		have = &hs->set->haproxies[i];
		if (hs->links[i] != NULL &&
		    text_same(have->name, where->name) &&
		    text_same(have->socket, where->socket) &&
		    text_same(have->host, where->host) &&
		    have->port == where->port)
			return &hs->links[i];
	}
	return NULL;
}

/* All that new settings need: for each HAProxy either a link or, where one is
 * there, room for its views. */
struct change {
	struct servers *servers; /* owned */
	struct link **links;     /* owned, as all in it */
	unsigned link_count;
	struct runtime_views **views; /* owned, as all in it */
	unsigned view_count;
};

static void change_free(struct change *change)
{
	unsigned i;

	for (i = 0; change->views != NULL && i < change->view_count; i++)
		runtime_views_free(change->views[i]);
	free(change->views);
	links_free(change->links, change->link_count);
	servers_free(change->servers);
}

static bool change_make(struct haproxies *hs, const struct settings *set,
			struct change *change)
{
	unsigned i;

	change->link_count = change->view_count = set->haproxy_count;
	change->servers = servers_new(set);
	change->links = calloc(set->haproxy_count + 1, sizeof(struct link *));
	change->views =
		calloc(set->haproxy_count + 1, sizeof(struct runtime_views *));
	if (change->servers == NULL || change->links == NULL ||
	    change->views == NULL)
		return false;
	for (i = 0; i < set->haproxy_count; i++) {
		if (link_find(hs, &set->haproxies[i]) != NULL)
			change->views[i] = runtime_views_new(change->servers);
		else
			change->links[i] =
				link_new(hs, change->servers, set, i);
		if (change->views[i] == NULL && change->links[i] == NULL)
			return false;
	}
	return true;
}

/* Afterwards @change holds what was used until now. */
static void change_apply(struct haproxies *hs, const struct settings *set,
			 struct change *change)
{
	struct servers *servers = hs->servers;
	struct link **links = hs->links, **old, *link;
	unsigned i;

	for (i = 0; i < set->haproxy_count; i++) {
		old = link_find(hs, &set->haproxies[i]);
		if (change->views[i] != NULL && old != NULL) {
			link = change->links[i] = *old;
			*old = NULL;
			link->where = &set->haproxies[i];
			runtime_move(link->runtime, change->views[i], i,
				     link_now(link));
		}
		link_wake(change->links[i]);
	}
	hs->servers = change->servers;
	hs->links = change->links;
	change->servers = servers;
	change->links = links;
	change->link_count = hs->set->haproxy_count;
	hs->set = set;
}

int haproxies_reload(struct haproxies *hs, const struct settings *set,
		     struct err *err)
{
	struct change change = { 0 };
	bool made = change_make(hs, set, &change);

	if (made)
		change_apply(hs, set, &change);
	change_free(&change);
	return made ? 0 : err_set(err, -ENOMEM, "out of memory");
}
