#include "drill/sim/world_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_US  (100 * MS)
#define FNV_BASIS 0xcbf29ce484222325u
#define FNV_PRIME 0x100000001b3u

/* --- lines --------------------------------------------------------------- */

static void hash_line(struct world *w, const char *line)
{
	const unsigned char *c;

	for (c = (const unsigned char *)line; *c != '\0'; c++)
		w->hash = (w->hash ^ *c) * FNV_PRIME;
	w->hash = (w->hash ^ '\n') * FNV_PRIME;
}

void world_line(struct world *w, const char *fmt, ...)
{
	char line[WORLD_LINE_MAX];
	va_list ap;

	if (w->silent)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	hash_line(w, line);
	if (w->listener != NULL)
		w->listener(w->listener_arg, w->now, line);
}

void world_listen(struct world *w, world_line_fn fn, void *arg)
{
	w->listener = fn;
	w->listener_arg = arg;
	w->silent = fn == NULL;
}

void world_watch(struct world *w, world_call_fn fn, void *arg)
{
	w->watcher = fn;
	w->watcher_arg = arg;
}

uint64_t world_hash(const struct world *w)
{
	return w->hash;
}

uint64_t world_steps(const struct world *w)
{
	return w->steps;
}

void world_break(struct world *w, const char *fmt, ...)
{
	va_list ap;

	if (w->broken[0] != '\0')
		return;
	va_start(ap, fmt);
	vsnprintf(w->broken, sizeof(w->broken), fmt, ap);
	va_end(ap);
	world_line(w, "BROKEN %s", w->broken);
}

const char *world_broken(const struct world *w)
{
	return w->broken;
}

/* --- the queue ----------------------------------------------------------- */

void world_put_data(struct world *w, int kind, struct instant at, unsigned a,
		    unsigned b, uint64_t token, const void *data, size_t size)
{
	struct happening h = { .kind = kind,
			       .at = at,
			       .life = w->node.life,
			       .a = a,
			       .b = b,
			       .token = token,
			       .size = size };

	if (size > 0) {
		h.data = sim_alloc(size, 1);
		memcpy(h.data, data, size);
	}
	queue_put(&w->queue, &h);
}

void world_put(struct world *w, int kind, struct instant at, unsigned a,
	       unsigned b, uint64_t token)
{
	world_put_data(w, kind, at, a, b, token, NULL, 0);
}

struct call {
	world_call_fn fn;
	void *arg;
};

void world_call(struct world *w, struct instant at, world_call_fn fn, void *arg)
{
	struct call call = { fn, arg };

	world_put_data(w, HAPPENS_CALL, at, 0, 0, 0, &call, sizeof(call));
}

struct instant world_now(const struct world *w)
{
	return w->now;
}

uint64_t world_random(struct world *w, uint64_t bound)
{
	return rng_below(&w->rng, bound);
}

/* --- targets ------------------------------------------------------------- */

unsigned world_machine(struct world *w, const char *service, const char *name)
{
	struct machine *m;
	unsigned i, h;

	for (i = 0; i < w->machine_count; i++)
		if (strcmp(w->machines[i].name, name) == 0 &&
		    strcmp(w->machines[i].service, service) == 0)
			return i;
	if (w->machine_count == w->machine_room) {
		w->machine_room = 2 * w->machine_room + 16;
		w->machines = sim_again(w->machines, w->machine_room,
					sizeof(*w->machines));
		w->node.asks = sim_again(w->node.asks, w->machine_room,
					 sizeof(*w->node.asks));
	}
	m = &w->machines[w->machine_count];
	*m = (struct machine){ .well = w->now,
			       .heard_of = INSTANT_NONE,
			       .target = NOTE_NONE };
	w->node.asks[w->machine_count] = (struct asks){ 0 };
	snprintf(m->service, sizeof(m->service), "%s", service);
	snprintf(m->name, sizeof(m->name), "%s", name);
	fake_target_init(&m->fake, w->now);
	for (h = 0; h < SETTINGS_HAPROXIES_MAX; h++) {
		m->wrong[h] = INSTANT_NONE;
		m->heard[h] = w->now;
	}
	return w->machine_count++;
}

static void find_servers(struct world *w, struct machine *m,
			 const char *backend)
{
	unsigned h;

	for (h = 0; h < w->haproxy_set->haproxy_count; h++)
		m->servers[h] =
			backend == NULL
				? NULL
				: fake_haproxy_server(w->haproxies[h].fake,
						      backend, m->name);
}

void world_map_targets(struct world *w, const struct settings *set)
{
	unsigned i, m;

	free(w->machine_of);
	w->machine_of = sim_alloc(set->target_count, sizeof(*w->machine_of));
	for (i = 0; i < w->machine_count; i++)
		w->machines[i].target = NOTE_NONE;
	for (i = 0; i < set->target_count; i++) {
		const struct service_settings *svc =
			&set->services[set->targets[i].service];
		const char *name = set->targets[i].name;

		/* Mostly they keep their order. */
		m = i;
		if (m >= w->machine_count ||
		    strcmp(w->machines[m].name, name) != 0 ||
		    strcmp(w->machines[m].service, svc->name) != 0)
			m = world_machine(w, svc->name, name);
		w->machine_of[i] = m;
		w->machines[m].target = i;
		find_servers(w, &w->machines[m], svc->backend);
	}
}

unsigned world_target(const struct world *w, const char *name)
{
	unsigned i;

	for (i = 0; i < w->node.set->target_count; i++)
		if (strcmp(w->node.set->targets[i].name, name) == 0)
			return i;
	return NOTE_NONE;
}

unsigned world_haproxy(const struct world *w, const char *name)
{
	return settings_find_haproxy(w->haproxy_set, name);
}

/* --- life ---------------------------------------------------------------- */

struct world *world_new(const struct settings *set,
			const struct settings *haproxy_set, uint64_t seed)
{
	struct world *w = sim_alloc(1, sizeof(*w));
	unsigned h, i;

	w->now = (struct instant){ 1000 * SECOND };
	w->hash = FNV_BASIS;
	w->set = set;
	w->haproxy_set = haproxy_set;
	rng_init(&w->rng, seed);
	queue_init(&w->queue);
	disk_init(&w->disk);
	for (h = 0; h < haproxy_set->haproxy_count; h++) {
		w->haproxies[h].fake = fake_haproxy_new(haproxy_set, w->now);
		w->haproxies[h].runs = true;
		w->haproxies[h].excused = w->now;
		if (w->haproxies[h].fake == NULL)
			abort();
	}
	world_map_targets(w, haproxy_set);
	for (i = 0; i < w->machine_count; i++)
		for (h = 0; h < haproxy_set->haproxy_count; h++) {
			struct fake_server *s = w->machines[i].servers[h];

			if (s == NULL)
				continue;
			s->configured_weight = 100;
			s->weight = 100;
		}
	return w;
}

void world_free(struct world *w)
{
	unsigned h;

	if (w == NULL)
		return;
	if (w->node.runs)
		node_end(w, true);
	rules_done(w);
	for (h = 0; h < w->haproxy_set->haproxy_count; h++)
		fake_haproxy_free(w->haproxies[h].fake);
	queue_done(&w->queue);
	disk_done(&w->disk);
	free(w->machines);
	free(w->machine_of);
	free(w->node.asks);
	free(w);
}

static void to_world(struct world *w, const struct happening *h)
{
	struct call call;

	switch ((enum happening_kind)h->kind) {
	case HAPPENS_CALL:
		memcpy(&call, h->data, sizeof(call));
		call.fn(w, call.arg);
		break;
	case HAPPENS_FLAP:
		if (w->machines[h->a].flap == h->token)
			world_flaps(w, h->a);
		break;
	case HAPPENS_REPLY:
		asks_reply(w, h);
		break;
	case HAPPENS_AGENT:
		agents_ask(w, h);
		break;
	case HAPPENS_COMMIT:
		if (h->life == w->node.life)
			world_disk_commits(w);
		break;
	case HAPPENS_PATIENCE:
		if (h->life == w->node.life)
			world_disk_patience(w);
		break;
	default:
		link_world(w, h);
		break;
	}
}

/* While the daemon is frozen, what is for it waits: streams in their order,
 * the rest in any, as a loop that wakes up finds it. */
static bool postponed(struct world *w, struct happening *h)
{
	bool stream = h->kind >= HAPPENS_CONNECTED;

	if (!world_frozen(w))
		return false;
	h->at = w->node.frozen;
	if (!stream)
		h->at = instant_add(h->at, (int64_t)rng_below(&w->rng, 200));
	queue_put(&w->queue, h);
	return true;
}

static void happen(struct world *w)
{
	struct happening h = queue_take(&w->queue);

	w->now = h.at;
	if (h.kind < HAPPENS_TO_NODE) {
		to_world(w, &h);
	} else if (w->node.runs && h.life == w->node.life) {
		if (postponed(w, &h))
			return;
		node_hear(w, &h);
	}
	node_flush(w);
	free(h.data);
}

bool world_run(struct world *w, struct instant until)
{
	if (!w->node.runs && w->node.life == 0)
		world_start(w);
	while (w->broken[0] == '\0' &&
	       !instant_before(until, queue_next(&w->queue))) {
		happen(w);
		if (w->watcher != NULL)
			w->watcher(w, w->watcher_arg);
		if (instant_reached(w->now, w->rules.next)) {
			rules_check(w);
			w->rules.next = instant_add(w->now, RULES_US);
		}
	}
	if (w->broken[0] == '\0')
		w->now = until;
	return w->broken[0] == '\0';
}
