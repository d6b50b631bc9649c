#include "controller/daemon/responder.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "controller/daemon/listen.h"
#include "haproxy/agent.h"
#include "haproxy/servers.h"

#define ADDRESSES_MAX 4   /* that one name may have */
#define AT_ONCE       256 /* connections taken in one wake-up */
#define REST_S        0.1 /* out of descriptors: nobody is taken meanwhile */

/* A connection that has not said its question yet. */
struct caller {
	struct door *door; /* borrowed */
	int fd;            /* owned; -1: a free place */
	unsigned length;
	uint64_t number; /* the lowest is the oldest */
	ev_io reader;
	ev_timer patience;
	char text[AGENT_QUESTION_MAX];
};

/* Where one HAProxy asks. */
struct door {
	struct responder *responder; /* borrowed */
	unsigned haproxy;
	char *listen; /* owned: as in the settings */
	int fds[ADDRESSES_MAX];
	unsigned fd_count;
	ev_io acceptors[ADDRESSES_MAX];
	ev_timer rest;
	uint64_t callers_ever;
	struct caller *callers; /* owned: RESPONDER_WAITING_MAX */
};

struct doors {
	struct servers *servers; /* owned */
	struct door **list;      /* owned, as all in it; NULL: none */
	unsigned count;
};

struct responder {
	struct loop *loop; /* borrowed */
	responder_ask_fn ask;
	void *arg;
	struct doors doors;
};

struct responder_change {
	struct doors doors;
};

/* --- answering ----------------------------------------------------------- */

/* Several targets may be one server: it is up when all of them are. */
static enum agent_word word_for(const struct door *door, const char *backend,
				const char *server, const char **ret_why)
{
	const struct responder *rsp = door->responder;
	const struct servers *servers = rsp->doors.servers;
	enum agent_word word = AGENT_SILENT, said = AGENT_SILENT;
	unsigned t = SERVERS_NONE;

	while ((t = servers_find(servers, backend, server, t)) !=
	       SERVERS_NONE) {
		rsp->ask(rsp->arg, door->haproxy, t, &word, ret_why);
		if (word != AGENT_UP)
			return word;
		said = word;
	}
	return said;
}

/* One line was read.  An answer always fits into a fresh socket. */
static void answer(const struct door *door, int fd, char *line)
{
	const char *backend, *server, *why = "";
	char text[AGENT_ANSWER_MAX];
	enum agent_word word;
	size_t size;

	if (!agent_question(line, &backend, &server))
		return;
	word = word_for(door, backend, server, &why);
	size = agent_answer(word, why, text);
	if (size > 0)
		(void)!send(fd, text, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* Read what is there after the first @length bytes in @text, and answer when
 * the question is whole.  Returns whether the connection is still of use. */
static bool listen_to(const struct door *door, int fd, char *text,
		      unsigned *length)
{
	ssize_t n = recv(fd, text + *length, AGENT_QUESTION_MAX - 1 - *length,
			 MSG_DONTWAIT);
	char *end;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false;
	*length += (unsigned)n;
	text[*length] = '\0';
	end = strchr(text, '\n');
	if (end == NULL)
		return strlen(text) == *length &&
		       *length < AGENT_QUESTION_MAX - 1;
	*end = '\0';
	answer(door, fd, text);
	return false;
}

/* --- those who have not asked yet ----------------------------------------- */

static struct ev_loop *door_ev(const struct door *door)
{
	return loop_ev(door->responder->loop);
}

static void caller_close(struct caller *caller)
{
	if (caller->fd < 0)
		return;
	ev_io_stop(door_ev(caller->door), &caller->reader);
	ev_timer_stop(door_ev(caller->door), &caller->patience);
	close(caller->fd);
	caller->fd = -1;
}

static void on_caller(struct ev_loop *ev, ev_io *w, int events)
{
	struct caller *caller = w->data;

	(void)ev;
	(void)events;
	if (!listen_to(caller->door, caller->fd, caller->text, &caller->length))
		caller_close(caller);
}

static void on_impatient(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	caller_close(w->data);
}

/* A free place, or that of the oldest. */
static struct caller *place(struct door *door)
{
	struct caller *oldest = &door->callers[0];
	unsigned i;

	for (i = 0; i < RESPONDER_WAITING_MAX; i++) {
		if (door->callers[i].fd < 0)
			return &door->callers[i];
		if (door->callers[i].number < oldest->number)
			oldest = &door->callers[i];
	}
	caller_close(oldest);
	return oldest;
}

static void wait_for(struct door *door, int fd, const char *text,
		     unsigned length)
{
	struct caller *caller = place(door);

	caller->fd = fd;
	caller->number = ++door->callers_ever;
	caller->length = length;
	memcpy(caller->text, text, length);
	ev_io_init(&caller->reader, on_caller, fd, EV_READ);
	ev_timer_init(&caller->patience, on_impatient,
		      (double)RESPONDER_PATIENCE_US / 1e6, 0.);
	caller->reader.data = caller;
	caller->patience.data = caller;
	ev_io_start(door_ev(door), &caller->reader);
	ev_timer_start(door_ev(door), &caller->patience);
}

/* --- the door ------------------------------------------------------------ */

static void door_open(struct door *door)
{
	unsigned i;

	for (i = 0; i < door->fd_count; i++)
		ev_io_start(door_ev(door), &door->acceptors[i]);
}

static void door_shut(struct door *door)
{
	unsigned i;

	for (i = 0; i < door->fd_count; i++)
		ev_io_stop(door_ev(door), &door->acceptors[i]);
}

static void on_rested(struct ev_loop *ev, ev_timer *w, int events)
{
	(void)ev;
	(void)events;
	door_open(w->data);
}

/* Mostly the question is there already when a connection is taken. */
static void on_visitor(struct ev_loop *ev, ev_io *w, int events)
{
	struct door *door = w->data;
	char text[AGENT_QUESTION_MAX];
	unsigned i, length;
	int fd;

	(void)events;
	for (i = 0; i < AT_ONCE; i++) {
		fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0)
			break;
		length = 0;
		if (listen_to(door, fd, text, &length))
			wait_for(door, fd, text, length);
		else
			close(fd);
	}
	if (i == AT_ONCE || errno == EAGAIN || errno == EINTR ||
	    errno == ECONNABORTED)
		return;
	door_shut(door);
	ev_timer_set(&door->rest, REST_S, 0.);
	ev_timer_start(ev, &door->rest);
}

static void door_free(struct door *door)
{
	unsigned i;

	if (door == NULL)
		return;
	door_shut(door);
	ev_timer_stop(door_ev(door), &door->rest);
	for (i = 0; door->callers != NULL && i < RESPONDER_WAITING_MAX; i++)
		caller_close(&door->callers[i]);
	for (i = 0; i < door->fd_count; i++)
		close(door->fds[i]);
	free(door->callers);
	free(door->listen);
	free(door);
}

static int door_listen(struct door *door, const struct settings *set,
		       const struct haproxy_settings *where, struct err *err)
{
	unsigned i;
	int n = listen_tcp_all("agent_listen", where->agent_host,
			       where->agent_port, door->fds, ADDRESSES_MAX,
			       err);

	if (n < 0) {
		err_wrap(err, "%s:%u", set->file, where->line);
		return n;
	}
	door->fd_count = (unsigned)n;
	for (i = 0; i < door->fd_count; i++) {
		ev_io_init(&door->acceptors[i], on_visitor, door->fds[i],
			   EV_READ);
		door->acceptors[i].data = door;
	}
	return 0;
}

/* It is not open yet. */
static int door_new(struct door **ret_door, struct responder *rsp,
		    const struct settings *set, unsigned haproxy,
		    struct err *err)
{
	const struct haproxy_settings *where = &set->haproxies[haproxy];
	struct door *door = calloc(1, sizeof(*door));
	unsigned i;
	int r = -ENOMEM;

	if (door == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	door->responder = rsp;
	door->haproxy = haproxy;
	ev_timer_init(&door->rest, on_rested, REST_S, 0.);
	door->rest.data = door;
	door->listen = strdup(where->agent_listen);
	door->callers = calloc(RESPONDER_WAITING_MAX, sizeof(*door->callers));
	if (door->listen == NULL || door->callers == NULL) {
		err_set(err, r, "out of memory");
		goto fail;
	}
	for (i = 0; i < RESPONDER_WAITING_MAX; i++) {
		door->callers[i].door = door;
		door->callers[i].fd = -1;
	}
	r = door_listen(door, set, where, err);
	if (r < 0)
		goto fail;
	*ret_door = door;
	return 0;
fail:
	door_free(door);
	return r;
}

/* --- its life ------------------------------------------------------------ */

static void doors_done(struct doors *doors)
{
	unsigned i;

	for (i = 0; doors->list != NULL && i < doors->count; i++)
		door_free(doors->list[i]);
	free(doors->list);
	servers_free(doors->servers);
}

/* Where the door for @listen is, or NULL. */
static struct door **door_at(struct doors *doors, const char *listen)
{
	unsigned i;

	for (i = 0; i < doors->count; i++)
		if (doors->list[i] != NULL &&
		    strcmp(doors->list[i]->listen, listen) == 0)
			return &doors->list[i];
	return NULL;
}

/* Make what @set needs and @rsp has not. */
static int doors_make(struct doors *doors, struct responder *rsp,
		      const struct settings *set, struct err *err)
{
	const char *listen;
	unsigned i;
	int r;

	doors->servers = servers_new(set);
	doors->list = calloc(set->haproxy_count + 1u, sizeof(struct door *));
	if (doors->servers == NULL || doors->list == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	doors->count = set->haproxy_count;
	for (i = 0; i < doors->count; i++) {
		listen = set->haproxies[i].agent_listen;
		if (listen == NULL || door_at(&rsp->doors, listen) != NULL)
			continue;
		r = door_new(&doors->list[i], rsp, set, i, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int responder_prepare(struct responder *rsp, const struct settings *set,
		      struct responder_change **ret_change, struct err *err)
{
	struct responder_change *change = calloc(1, sizeof(*change));
	int r;

	if (change == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	r = doors_make(&change->doors, rsp, set, err);
	if (r < 0) {
		responder_drop(change);
		return r;
	}
	*ret_change = change;
	return 0;
}

void responder_drop(struct responder_change *change)
{
	if (change == NULL)
		return;
	doors_done(&change->doors);
	free(change);
}

void responder_apply(struct responder *rsp, struct responder_change *change,
		     const struct settings *set)
{
	struct doors was = rsp->doors;
	struct door **old;
	unsigned i;

	rsp->doors = change->doors;
	change->doors = was;
	for (i = 0; i < rsp->doors.count; i++) {
		const char *listen = set->haproxies[i].agent_listen;

		if (listen == NULL)
			continue;
		old = door_at(&change->doors, listen);
		if (old != NULL && rsp->doors.list[i] == NULL) {
			rsp->doors.list[i] = *old;
			*old = NULL;
		}
		rsp->doors.list[i]->haproxy = i;
		door_open(rsp->doors.list[i]);
	}
	responder_drop(change);
}

int responder_new(struct responder **ret_responder, struct loop *loop,
		  const struct settings *set, responder_ask_fn ask, void *arg,
		  struct err *err)
{
	struct responder *rsp = calloc(1, sizeof(*rsp));
	struct responder_change *change;
	int r;

	if (rsp == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	rsp->loop = loop;
	rsp->ask = ask;
	rsp->arg = arg;
	r = responder_prepare(rsp, set, &change, err);
	if (r < 0) {
		free(rsp);
		return r;
	}
	responder_apply(rsp, change, set);
	*ret_responder = rsp;
	return 0;
}

void responder_free(struct responder *rsp)
{
	if (rsp == NULL)
		return;
	doors_done(&rsp->doors);
	free(rsp);
}
