#include "drill/sim/cluster_world.h"

/* The guard process, and the stop hook for when it is dead as well. */

/* Set its timer; it is never set later, so that it may fire too early. */
void guard_arm(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	struct instant due;
	int64_t real_us;

	if (!m->guard_alive)
		return;
	due = guard_deadline(&m->guard, &m->page);
	if (!instant_before(due, m->guard_for))
		return;
	m->guard_for = due;
	real_us = daemon_real_us(cl, node, due);
	if (real_us < cl->now_us)
		real_us = cl->now_us;
	cluster_at(cl, real_us + cluster_below(cl, 500), WHAT_GUARD_WAKE, node,
		   m->guard_life, 0);
}

void guard_begin(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	guard_init(&m->guard, election_release_budget_us(&cl->settings[node]));
	m->guard_alive = true;
	m->guard_life++;
	m->guard_for = INSTANT_NEVER;
	m->guard_sent = 0;
	m->resigned = false;
}

static void resign(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	struct message msg;
	unsigned i;

	m->resigned = true;
	for (i = 0; i < cl->script->nodes; i++) {
		if (i == node)
			continue;
		guard_resign(&m->page, daemon_clock(cl, node), m->guard_sent++,
			     &msg);
		net_send(cl, node, i, &msg);
	}
}

/* A release may take R, and until the lease or the routing lease ends. */
static int64_t whole_budget_us(const struct cluster *cl, unsigned node,
			       int64_t took_us)
{
	const struct machine *m = &cl->machines[node];
	struct instant end = INSTANT_NEVER;
	int64_t real_us;

	if (!instant_is_none(m->page.lease_end))
		end = m->page.lease_end;
	if (!instant_is_none(m->page.routing_end))
		end = instant_min(end, m->page.routing_end);
	real_us = daemon_real_us(cl, node, end);
	if (real_us == FOREVER_US || real_us - 1 < cl->now_us + took_us ||
	    real_us > cl->now_us +
			      election_release_budget_us(&cl->settings[node]))
		return took_us;
	return real_us - 1 - cl->now_us;
}

/* Kill, release and a late timer together stay within R / 2. */
static void act(struct cluster *cl, unsigned node, enum guard_action what)
{
	struct machine *m = &cl->machines[node];
	int64_t budget_us = election_release_budget_us(&cl->settings[node]);
	bool full = cluster_chance(cl, cl->weather.full_release);
	int64_t part_us = full ? budget_us * 2 / 9 : budget_us / 40;
	int64_t took_us = part_us / 2 + cluster_below(cl, part_us / 2);

	if (what == GUARD_KILL) {
		cluster_say(cl, "n%u's guard acts", node + 1);
		if (!RULE(KILL_FIRST))
			outside_clear(cl, node, true);
		cluster_at(cl, cl->now_us + took_us, WHAT_GUARD_KILLED, node,
			   m->guard_life, 0);
	} else if (what == GUARD_RELEASE) {
		if (full)
			took_us = whole_budget_us(cl, node, took_us);
		cluster_at(cl, cl->now_us + took_us, WHAT_GUARD_RELEASED, node,
			   m->guard_life, 0);
	} else if (what == GUARD_RESIGN) {
		cluster_say(cl, "n%u's guard resigns", node + 1);
		cluster_at(cl, cl->now_us, WHAT_GUARD_RESIGN, node,
			   m->guard_life, 0);
	} else if (what == GUARD_END) {
		m->guard_alive = false;
	}
}

static void feed(struct cluster *cl, unsigned node, enum guard_event ev)
{
	struct machine *m = &cl->machines[node];

	act(cl, node,
	    guard_step(&m->guard, ev, &m->page, daemon_clock(cl, node)));
}

static void wake(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	m->guard_for = INSTANT_NEVER;
	if (instant_reached(daemon_clock(cl, node),
			    guard_deadline(&m->guard, &m->page)))
		feed(cl, node, GUARD_TICK);
	else
		guard_arm(cl, node);
}

/* Without the rule that it acts the mutant's guard still has to end. */
static void pipe_closed(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	feed(cl, node, GUARD_PIPE_CLOSED);
	if (!RULE(GUARD))
		m->guard_alive = false;
}

static void new_guard(struct cluster *cl, unsigned node)
{
	if (cl->machines[node].guard_alive ||
	    cl->machines[node].election == NULL)
		return;
	guard_begin(cl, node);
	guard_arm(cl, node);
	daemon_local(cl, node, ELECTION_GUARDLESS, false);
}

/* The stop hook; or, at the last moment, whatever else is in time. */
static void stop_hook(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	if (!m->hook_pending && !m->unreleased)
		return;
	outside_kill_children(cl, node);
	outside_clear(cl, node, true);
	m->hook_pending = false;
	m->unreleased = false;
}

void guard_happens(struct cluster *cl, const struct happening *h)
{
	struct machine *m = &cl->machines[h->node];

	if (h->what == WHAT_STOP_HOOK || h->what == WHAT_GUARD_NEW) {
		if (h->what == WHAT_STOP_HOOK)
			stop_hook(cl, h->node);
		else
			new_guard(cl, h->node);
		return;
	}
	if (h->life != m->guard_life || !m->guard_alive)
		return;
	switch ((enum what)h->what) {
	case WHAT_GUARD_WAKE:
		wake(cl, h->node);
		break;
	case WHAT_GUARD_PIPE:
		pipe_closed(cl, h->node);
		break;
	case WHAT_GUARD_KILLED:
		daemon_die(cl, h->node);
		outside_kill_children(cl, h->node);
		feed(cl, h->node, GUARD_KILLED);
		if (!m->stays_dead)
			cluster_at(cl, cl->now_us + 100 * MS, WHAT_START,
				   h->node, 0, 0);
		break;
	case WHAT_GUARD_RELEASED:
		if (RULE(KILL_FIRST))
			outside_clear(cl, h->node, true);
		feed(cl, h->node, GUARD_RELEASED);
		break;
	case WHAT_GUARD_RESIGN:
		resign(cl, h->node);
		if (m->guard_sent < 3 * (cl->script->nodes - 1))
			cluster_at(
				cl, cl->now_us + cl->script->heartbeat_us / 4,
				WHAT_GUARD_RESIGN, h->node, m->guard_life, 0);
		else
			m->guard_alive = false;
		break;
	default:
		break;
	}
}
