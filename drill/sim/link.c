/* The runtime sockets: bytes between the daemon and the HAProxies. */
#include "drill/sim/world_state.h"

#include <stdlib.h>
#include <string.h>

#define CHUNK 4096

enum server_state server_is(const struct fake_server *server)
{
	if (!fake_haproxy_has(server))
		return SERVER_ABSENT;
	if ((server->admin & 0x67u) != 0 || server->agent_down)
		return SERVER_MAINT;
	return (server->admin & 0x18u) != 0 ? SERVER_DRAIN : SERVER_READY;
}

/* --- HAProxy's side ------------------------------------------------------ */

static void say(struct world *w, unsigned haproxy, int conn)
{
	struct sim_haproxy *h = &w->haproxies[haproxy];
	uint64_t generation = h->generation[conn];
	struct instant at = instant_add(w->now, LINK_US);
	char data[CHUNK];
	bool eof = false;
	size_t n;

	do {
		n = fake_haproxy_read(h->fake, conn, data, sizeof(data), &eof);
		if (n > 0)
			world_put_data(w, HAPPENS_INPUT, at, haproxy, 0,
				       generation, data, n);
	} while (n == sizeof(data));
	if (!eof)
		return;
	world_put(w, HAPPENS_LOST, at, haproxy, 0, generation);
	fake_haproxy_close(h->fake, conn);
	h->open[conn] = false;
}

void link_drain(struct world *w, unsigned haproxy)
{
	int i;

	for (i = 0; i < HAPROXY_CONNS_MAX; i++)
		if (w->haproxies[haproxy].open[i])
			say(w, haproxy, i);
}

static void accept_link(struct world *w, const struct happening *what)
{
	struct sim_haproxy *h = &w->haproxies[what->a];
	int conn;

	if (!w->node.runs || what->life != w->node.life)
		return;
	conn = fake_haproxy_connect(h->fake);

	if (conn >= 0) {
		h->open[conn] = true;
		h->generation[conn] = what->token;
	}
	world_put(w, HAPPENS_CONNECTED, instant_add(w->now, LINK_US), what->a,
		  conn < 0 ? NOTE_NONE : (unsigned)conn, what->token);
}

struct rules_before *link_snapshot(const struct world *w, unsigned haproxy)
{
	struct rules_before *before =
		sim_alloc(w->machine_count, sizeof(*before));
	unsigned i;

	for (i = 0; i < w->machine_count; i++)
		if (w->machines[i].servers[haproxy] != NULL)
			before[i].state =
				server_is(w->machines[i].servers[haproxy]);
	return before;
}

static void take(struct world *w, const struct happening *what)
{
	struct sim_haproxy *h = &w->haproxies[what->a];
	struct rules_before *before = NULL;

	if (memmem(what->data, what->size, "set server", 10) != NULL)
		before = link_snapshot(w, what->a);
	fake_haproxy_write(h->fake, w->now, (int)what->b, what->data,
			   what->size);
	if (before != NULL && !h->hangs)
		rules_commanded(w, what->a, before,
				what->life != w->node.life || !w->node.runs);
	free(before);
	say(w, what->a, (int)what->b);
}

void link_world(struct world *w, const struct happening *what)
{
	struct sim_haproxy *h = &w->haproxies[what->a];

	if (what->kind == HAPPENS_CONNECT) {
		accept_link(w, what);
		return;
	}
	if (!h->open[what->b] || h->generation[what->b] != what->token)
		return;
	if (what->kind == HAPPENS_WRITE) {
		take(w, what);
		return;
	}
	/* What it has not read yet it reads when it goes on. */
	if (h->hangs) {
		world_put(w, HAPPENS_CLOSE, instant_add(w->now, 10 * MS),
			  what->a, what->b, what->token);
		return;
	}
	fake_haproxy_close(h->fake, (int)what->b);
	h->open[what->b] = false;
}

/* --- the daemon's side --------------------------------------------------- */

static void on_seen(void *arg, const struct haproxy_seen *seen)
{
	struct link *link = arg;
	struct event ev = { .kind = EVENT_HAPROXY_SEEN };

	ev.haproxy = *seen;
	if (seen->kind == HAPROXY_SERVER && seen->state != SERVER_READY)
		link->world->machines[link->world->machine_of[seen->target]]
			.heard[seen->haproxy] = link->world->now;
	node_feed(link->world, &ev);
}

static void on_done(void *arg, uint64_t id, const char *failed, int64_t took_us)
{
	struct link *link = arg;
	struct event ev = { .kind = EVENT_ACTION_DONE };

	(void)took_us;
	ev.action.id = id;
	if (failed != NULL) {
		ev.kind = EVENT_ACTION_FAILED;
		strncpy(ev.action.text, failed, EVENT_TEXT_MAX - 1);
	}
	node_feed(link->world, &ev);
}

void link_init(struct world *w, unsigned haproxy)
{
	struct link *link = &w->node.links[haproxy];

	*link = (struct link){ .world = w, .haproxy = haproxy, .conn = -1 };
	link->tick_at = INSTANT_NEVER;
	link->rt =
		runtime_new(w->node.servers, haproxy, on_seen, on_done, link);
	if (link->rt == NULL)
		abort();
}

static void hang_up(struct world *w, struct link *link)
{
	if (link->conn >= 0)
		world_put(w, HAPPENS_CLOSE, instant_add(w->now, LINK_US),
			  link->haproxy, (unsigned)link->conn,
			  link->generation);
	link->conn = -1;
	link->generation = 0;
}

void link_done(struct world *w, unsigned haproxy)
{
	struct link *link = &w->node.links[haproxy];
	struct sim_haproxy *h = &w->haproxies[haproxy];
	unsigned i;

	for (i = 0; i < HAPROXY_CONNS_MAX; i++)
		if (h->open[i])
			world_put(w, HAPPENS_CLOSE,
				  instant_add(w->now, LINK_US), haproxy, i,
				  h->generation[i]);
	runtime_free(link->rt);
	link->rt = NULL;
}

static void send_output(struct world *w, struct link *link)
{
	const char *data;
	size_t size = runtime_output(link->rt, w->now, &data);

	if (size == 0 || link->conn < 0)
		return;
	world_put_data(w, HAPPENS_WRITE, instant_add(w->now, LINK_US),
		       link->haproxy, (unsigned)link->conn, link->generation,
		       data, size);
	runtime_sent(link->rt, size);
}

static void arm(struct world *w, struct link *link)
{
	struct instant due = runtime_deadline(link->rt);

	if (instant_is_none(due) || instant_before(due, w->now))
		due = w->now;
	if (instant_is_never(due)) {
		link->tick = 0;
		link->tick_at = due;
		return;
	}
	if (link->tick != 0 && link->tick_at.us == due.us)
		return;
	link->tick = ++w->token;
	link->tick_at = due;
	world_put(w, HAPPENS_TICK, due, link->haproxy, 0, link->tick);
}

void link_pump(struct world *w, unsigned haproxy)
{
	struct link *link = &w->node.links[haproxy];
	enum runtime_step step;

	while ((step = runtime_next(link->rt, w->now)) != RUNTIME_WAIT) {
		hang_up(w, link);
		if (step == RUNTIME_CLOSE)
			continue;
		link->generation = ++w->token;
		world_put(w, HAPPENS_CONNECT, instant_add(w->now, LINK_US),
			  haproxy, 0, link->generation);
	}
	send_output(w, link);
	arm(w, link);
}

/* Nobody wants that connection any more. */
static void unwanted(struct world *w, const struct happening *what)
{
	if (what->kind == HAPPENS_CONNECTED && what->b != NOTE_NONE)
		world_put(w, HAPPENS_CLOSE, instant_add(w->now, LINK_US),
			  what->a, what->b, what->token);
}

static void connected(struct world *w, struct link *link,
		      const struct happening *what)
{
	if (what->b == NOTE_NONE) {
		link->generation = 0;
		runtime_lost(link->rt, w->now, "connection refused");
		return;
	}
	link->conn = (int)what->b;
	runtime_connected(link->rt, w->now);
}

void link_node(struct world *w, const struct happening *what)
{
	struct link *link = &w->node.links[what->a];

	if (what->kind == HAPPENS_TICK) {
		if (link->tick != what->token)
			return;
		link->tick = 0;
		runtime_tick(link->rt, w->now);
	} else if (link->generation != what->token) {
		unwanted(w, what);
		return;
	} else if (what->kind == HAPPENS_CONNECTED) {
		connected(w, link, what);
	} else if (what->kind == HAPPENS_INPUT) {
		runtime_input(link->rt, w->now, what->data, what->size);
	} else {
		link->conn = -1;
		link->generation = 0;
		runtime_lost(link->rt, w->now, "closed");
	}
	link->ordered = true;
}
