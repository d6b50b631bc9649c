/* What befalls the simulated world: its targets, HAProxies, disk and node. */
#include "drill/sim/world_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the disk ------------------------------------------------------------ */

void world_disk_pump(struct world *w)
{
	struct disk *d = &w->disk;

	if (d->writing || d->queue_count == 0)
		return;
	d->writing = true;
	if (d->health != DISK_HUNG)
		world_put(w, HAPPENS_COMMIT, instant_add(w->now, d->takes_us),
			  0, 0, 0);
	world_put(w, HAPPENS_PATIENCE, instant_add(w->now, DISK_PATIENCE_US), 0,
		  0, 0);
}

/* Answer what has an id and no answer yet; a failed order stays queued. */
static void answer_orders(struct world *w, size_t count, bool failed)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct disk_order *order = &w->disk.queue[i];

		if (order->id != 0 && !order->answered)
			world_put(w, HAPPENS_STORED, w->now, failed, 0,
				  order->id);
		order->answered = true;
	}
}

void world_disk_commits(struct world *w)
{
	struct disk *d = &w->disk;

	if (!d->writing || d->health == DISK_HUNG)
		return;
	if (d->health == DISK_FULL) {
		answer_orders(w, d->queue_count, true);
		world_put(w, HAPPENS_COMMIT, instant_add(w->now, 1 * SECOND), 0,
			  0, 0);
		return;
	}
	d->in_commit = d->queue_count;
	answer_orders(w, d->in_commit, false);
	disk_commit(d);
	if (d->wrong != NULL)
		world_break(w, "disk: %s", d->wrong);
	world_disk_pump(w);
}

void world_disk_patience(struct world *w)
{
	struct disk *d = &w->disk;
	size_t i;

	for (i = 0; i < d->queue_count; i++)
		if (instant_diff_us(d->queue[i].since, w->now) <
		    DISK_PATIENCE_US)
			break;
	answer_orders(w, i, true);
	if (d->queue_count > 0)
		world_put(w, HAPPENS_PATIENCE,
			  instant_add(w->now, DISK_PATIENCE_US / 4), 0, 0, 0);
}

void world_disk(struct world *w, enum disk_health health, int64_t takes_us)
{
	w->disk.health = health;
	w->disk.takes_us = takes_us;
	world_line(w, "DISK %s",
		   health == DISK_WELL   ? "well"
		   : health == DISK_FULL ? "full"
					 : "hung");
	if (w->disk.writing && health != DISK_HUNG)
		world_put(w, HAPPENS_COMMIT, instant_add(w->now, takes_us), 0,
			  0, 0);
}

/* --- targets ------------------------------------------------------------- */

/* Answers that take more than a third of the shortest timeout may be late. */
static bool in_time(const struct world *w, const struct machine *m)
{
	const struct settings *set = w->node.set;
	const struct check_settings *check;

	if (fake_fault_fails(m->fake.fault) || m->loss_percent > 0)
		return false;
	if (m->target == NOTE_NONE)
		return false;
	check = &set->services[set->targets[m->target].service].check;
	return 3 * m->fake.latency_us < check->timeout_min_us;
}

static void look_at(const struct world *w, struct machine *m)
{
	if (!in_time(w, m))
		m->well = INSTANT_NEVER;
	else if (instant_is_never(m->well))
		m->well = w->now;
}

void world_look(struct world *w)
{
	unsigned i;

	for (i = 0; i < w->machine_count; i++)
		look_at(w, &w->machines[i]);
}

static void behave(struct world *w, unsigned machine, enum fake_fault fault)
{
	struct machine *m = &w->machines[machine];
	bool was_mute = m->fake.fault == FAKE_MUTE;
	bool dies = fault == FAKE_REFUSED && m->fake.fault != FAKE_REFUSED;

	fake_target_set(&m->fake, fault, w->now);
	look_at(w, m);
	if (was_mute && fault != FAKE_MUTE)
		asks_wake(w, machine);
	if (dies && w->node.runs)
		asks_killed(w, machine);
}

void world_fail(struct world *w, unsigned target, enum fake_fault fault)
{
	unsigned machine = w->machine_of[target];

	w->machines[machine].flap = 0;
	world_line(w, "TARGET %s fault %d", w->machines[machine].name,
		   (int)fault);
	behave(w, machine, fault);
}

void world_slow(struct world *w, unsigned target, int64_t latency_us)
{
	struct machine *m = &w->machines[w->machine_of[target]];

	world_line(w, "TARGET %s takes %" PRId64 " us", m->name, latency_us);
	m->fake.latency_us = latency_us;
	behave(w, w->machine_of[target], m->fake.fault);
}

void world_lose(struct world *w, unsigned target, unsigned percent)
{
	struct machine *m = &w->machines[w->machine_of[target]];

	world_line(w, "TARGET %s loses %u %%", m->name, percent);
	m->loss_percent = percent;
	behave(w, w->machine_of[target], m->fake.fault);
}

void world_idle(struct world *w, unsigned target, int64_t span_us)
{
	struct machine *m = &w->machines[w->machine_of[target]];

	world_line(w, "TARGET %s closes idle connections after %" PRId64 " us",
		   m->name, span_us);
	m->idle_us = span_us;
}

void world_flaps(struct world *w, unsigned machine)
{
	struct machine *m = &w->machines[machine];

	behave(w, machine,
	       m->fake.fault == FAKE_WELL ? m->flap_fault : FAKE_WELL);
	world_put(w, HAPPENS_FLAP, instant_add(w->now, m->fake.flap_us),
		  machine, 0, m->flap);
}

void world_flap(struct world *w, unsigned target, enum fake_fault fault,
		int64_t period_us)
{
	unsigned machine = w->machine_of[target];
	struct machine *m = &w->machines[machine];

	world_line(w, "TARGET %s flaps each %" PRId64 " us", m->name,
		   period_us);
	m->flap = period_us == 0 ? 0 : ++w->token;
	m->fake.flap_us = period_us;
	m->flap_fault = fault;
	if (period_us != 0)
		world_flaps(w, machine);
	else
		behave(w, machine, FAKE_WELL);
}

/* --- HAProxies ----------------------------------------------------------- */

static void forget_operators(struct world *w, unsigned haproxy)
{
	unsigned i;

	for (i = 0; i < w->machine_count; i++) {
		w->machines[i].operated[haproxy] = false;
		w->machines[i].by_operator[haproxy] = false;
		w->machines[i].light[haproxy] = false;
	}
}

/* Whether it is written down, or will be thought, that we have it out. */
static bool is_ours(const struct world *w, unsigned haproxy, unsigned target)
{
	const struct settings *set = w->node.set;
	bool weight_only = false;

	if (w->node.runs &&
	    ctl_claimed(w->node.ctl, haproxy, target, &weight_only) &&
	    !weight_only)
		return true;
	return disk_has_claim(&w->disk, set, haproxy, target, &weight_only) &&
	       !weight_only;
}

/* What an operator took out is his only as far as it can be told: not where
 * our own doing is on record and the moment of his was missed. */
static void blur(struct world *w, unsigned haproxy)
{
	unsigned i;

	for (i = 0; i < w->node.set->target_count; i++) {
		struct machine *m = &w->machines[w->machine_of[i]];

		if (m->operated[haproxy] && is_ours(w, haproxy, i))
			m->operated[haproxy] = false;
	}
}

/* What the disk did not keep is nobody's after a kill: an operator has to look
 * after it. */
static void lose(struct world *w, unsigned haproxy)
{
	const struct settings *set = w->node.set;
	unsigned i;

	for (i = 0; i < set->target_count; i++) {
		struct machine *m = &w->machines[w->machine_of[i]];
		bool weight = false, kept_weight = true, kept;

		if (m->servers[haproxy] == NULL ||
		    !w->haproxies[haproxy].runs ||
		    !ctl_claimed(w->node.ctl, haproxy, i, &weight))
			continue;
		kept = disk_has_claim(&w->disk, set, haproxy, i, &kept_weight);
		if (!kept)
			m->light[haproxy] = true;
		if (!weight && kept_weight)
			m->operated[haproxy] =
				server_is(m->servers[haproxy]) != SERVER_READY;
	}
}

static void blur_all(struct world *w)
{
	unsigned h;

	for (h = 0; h < w->haproxy_set->haproxy_count; h++)
		blur(w, h);
}

/* How long the daemon may take to be back at a HAProxy after that: it looks
 * for a new process each 50 ms, for a lost one each 5 s, and tries again what
 * was refused after a minute at the latest. */
static int64_t grace_us(enum world_haproxy_fault fault)
{
	switch (fault) {
	case HAPROXY_RELOAD:
		return 1 * SECOND;
	case HAPROXY_PERMIT:
		return 62 * SECOND;
	default:
		return 8 * SECOND;
	}
}

void world_haproxy_fault(struct world *w, unsigned haproxy,
			 enum world_haproxy_fault fault)
{
	static const char *const names[] = {
		[HAPROXY_RELOAD] = "reload", [HAPROXY_KILL] = "kill",
		[HAPROXY_START] = "start",   [HAPROXY_HANG] = "hang",
		[HAPROXY_GO_ON] = "go on",   [HAPROXY_FORBID] = "forbid",
		[HAPROXY_PERMIT] = "permit",
	};
	struct sim_haproxy *h = &w->haproxies[haproxy];
	bool was_away = h->hangs && fault == HAPROXY_RELOAD;

	world_line(w, "HAPROXY %s %s", w->haproxy_set->haproxies[haproxy].name,
		   names[fault]);
	switch (fault) {
	case HAPROXY_RELOAD:
		if (!h->runs)
			break;
		fake_haproxy_reload(h->fake, w->now);
		agents_fresh(w, haproxy);
		h->hangs = false;
		forget_operators(w, haproxy);
		break;
	case HAPROXY_KILL:
		fake_haproxy_kill(h->fake);
		h->runs = false;
		forget_operators(w, haproxy);
		break;
	case HAPROXY_START:
		if (h->runs)
			break;
		fake_haproxy_start(h->fake, w->now);
		agents_fresh(w, haproxy);
		forget_operators(w, haproxy);
		h->runs = true;
		h->hangs = false;
		break;
	case HAPROXY_HANG:
	case HAPROXY_GO_ON:
		h->hangs = fault == HAPROXY_HANG && h->runs;
		fake_haproxy_hang(h->fake, w->now, h->hangs);
		break;
	default:
		h->forbids = fault == HAPROXY_FORBID;
		fake_haproxy_forbid(h->fake, h->forbids);
		break;
	}
	blur(w, haproxy);
	if (was_away)
		fault = HAPROXY_START;
	/* Who is frozen looks later. */
	h->excused = instant_max(
		h->excused, instant_add(instant_max(w->now, w->node.frozen),
					grace_us(fault)));
	link_drain(w, haproxy);
}

/* Whether the daemon sees what happens to the server. */
static bool watches(const struct world *w, unsigned haproxy, unsigned target,
		    enum server_state was)
{
	const struct sim_haproxy *h = &w->haproxies[haproxy];

	return w->node.runs && !world_frozen(w) && h->runs && !h->hangs &&
	       instant_reached(w->now, h->excused) &&
	       ctl_server(w->node.ctl, haproxy, target) == was;
}

void world_operate(struct world *w, unsigned haproxy, unsigned target,
		   enum server_state state)
{
	struct machine *m = &w->machines[w->machine_of[target]];
	struct fake_server *server = m->servers[haproxy];
	enum server_state was;
	char command[200];

	if (server == NULL)
		return;
	was = server_is(server);
	snprintf(command, sizeof(command), "set server %s/%s state %s",
		 server->backend, server->name,
		 state == SERVER_MAINT   ? "maint"
		 : state == SERVER_DRAIN ? "drain"
					 : "ready");
	world_line(w, "OPERATOR %s", command);
	fake_haproxy_operate(w->haproxies[haproxy].fake, w->now, command);
	if (server_is(server) != state)
		return;
	m->by_operator[haproxy] = state != SERVER_READY;
	if (state == SERVER_READY)
		m->operated[haproxy] = false;
	else if (was == SERVER_READY)
		m->operated[haproxy] = !is_ours(w, haproxy, target) ||
				       watches(w, haproxy, target, was);
	else if (was != state && watches(w, haproxy, target, was))
		m->operated[haproxy] = true;
}

void world_tidy(struct world *w, unsigned haproxy, unsigned target)
{
	struct machine *m = &w->machines[w->machine_of[target]];
	struct fake_server *server = m->servers[haproxy];

	if (server == NULL)
		return;
	/* His drain of what we had out already is his once it was seen. */
	if (m->operated[haproxy] || m->by_operator[haproxy])
		world_operate(w, haproxy, target, SERVER_READY);
	if (m->light[haproxy])
		server->weight = server->configured_weight;
	m->light[haproxy] = false;
}

enum server_state world_server(const struct world *w, unsigned haproxy,
			       unsigned target, unsigned *ret_weight_percent)
{
	const struct machine *m = &w->machines[w->machine_of[target]];
	const struct fake_server *server = m->servers[haproxy];

	if (server == NULL || !w->haproxies[haproxy].runs)
		return SERVER_ABSENT;
	*ret_weight_percent = server->weight * 100 / server->configured_weight;
	return server_is(server);
}

/* --- the node ------------------------------------------------------------ */

void world_freeze(struct world *w, int64_t span_us)
{
	unsigned h;

	if (!w->node.runs)
		return;
	world_line(w, "NODE frozen for %" PRId64 " us", span_us);
	blur_all(w);
	w->node.frozen =
		instant_max(w->node.frozen, instant_add(w->now, span_us));
	for (h = 0; h < w->haproxy_set->haproxy_count; h++)
		if (instant_before(w->now, w->haproxies[h].excused))
			w->haproxies[h].excused = instant_max(
				w->haproxies[h].excused,
				instant_add(w->node.frozen, 8 * SECOND));
}

bool world_frozen(const struct world *w)
{
	return w->node.runs && instant_before(w->now, w->node.frozen);
}

void world_kill(struct world *w)
{
	unsigned h;

	if (!w->node.runs)
		return;
	world_line(w, "NODE killed");
	blur_all(w);
	for (h = 0; h < w->haproxy_set->haproxy_count; h++)
		lose(w, h);
	node_end(w, true);
}

void world_stop(struct world *w)
{
	unsigned h;

	if (!w->node.runs || world_frozen(w))
		return;
	world_line(w, "NODE stopped");
	blur_all(w);
	for (h = 0;
	     w->disk.health != DISK_WELL && h < w->haproxy_set->haproxy_count;
	     h++)
		lose(w, h);
	node_end(w, false);
}

void world_start(struct world *w)
{
	if (w->node.runs)
		return;
	world_line(w, "NODE started");
	node_start(w);
}

static void reload_late(struct world *w, void *arg)
{
	(void)arg;
	world_reload(w, w->set);
}

void world_reload(struct world *w, const struct settings *set)
{
	world_line(w, "SETTINGS %u services, %u targets", set->service_count,
		   set->target_count);
	blur_all(w);
	w->set = set;
	/* A signal waits for who is stopped. */
	if (world_frozen(w))
		world_call(w, w->node.frozen, reload_late, NULL);
	else if (w->node.runs)
		node_reload(w, set);
}

void world_set_clock(struct world *w, int64_t by_us)
{
	world_line(w, "CLOCK set by %" PRId64 " us", by_us);
	w->wall_by_us += by_us;
}

void world_reset(struct world *w, unsigned target)
{
	struct event ev = { .kind = EVENT_ADMIN };

	if (!w->node.runs || world_frozen(w))
		return;
	ev.admin.kind = ADMIN_RESET;
	ev.admin.token = 1;
	ev.admin.maintenance.target = target;
	node_feed(w, &ev);
}

void world_maintain(struct world *w, const struct maintenance *m)
{
	struct event ev = { .kind = EVENT_ADMIN };

	if (!w->node.runs || world_frozen(w))
		return;
	ev.admin.token = 1;
	ev.admin.maintenance = *m;
	node_feed(w, &ev);
}

void world_learn(struct world *w, const struct self_facts *facts)
{
	struct event ev = { .kind = EVENT_SELF };

	if (!w->node.runs || world_frozen(w))
		return;
	ev.self = *facts;
	node_feed(w, &ev);
}

const struct ctl *world_ctl(const struct world *w)
{
	return w->node.runs ? w->node.ctl : NULL;
}

const struct settings *world_settings(const struct world *w)
{
	return w->node.set;
}

const struct disk *world_the_disk(const struct world *w)
{
	return &w->disk;
}

unsigned world_notes(const struct world *w, enum note_kind kind)
{
	return w->notes[kind];
}
