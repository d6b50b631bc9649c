#include "controller/core/election_state.h"
#include "drill/sim/cluster_floor.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A daemon: the driver around the election, its disk and its timer. */

struct instant daemon_clock(const struct cluster *cl, unsigned node)
{
	const struct machine *m = &cl->machines[node];

	return (struct instant){ m->offset_us + cl->now_us +
				 cl->now_us * m->ppm / 1000000 };
}

/* The first real time at which the node's clock shows @at or more. */
int64_t daemon_real_us(const struct cluster *cl, unsigned node,
		       struct instant at)
{
	const struct machine *m = &cl->machines[node];
	int64_t span_us = at.us - m->offset_us, real_us;

	if (instant_is_never(at))
		return FOREVER_US;
	real_us = span_us - span_us * m->ppm / (1000000 + m->ppm) - 1;
	while (real_us + real_us * m->ppm / 1000000 < span_us)
		real_us++;
	return real_us;
}

bool daemon_frozen(const struct cluster *cl, unsigned node)
{
	return cl->now_us < cl->machines[node].thaw_us;
}

static void arm(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	struct instant due = election_deadline(m->election);
	int64_t real_us;

	if (due.us == m->wake_for.us && m->wake_us != FOREVER_US)
		return;
	m->wake_for = due;
	real_us = daemon_real_us(cl, node, due);
	if (real_us == FOREVER_US || real_us >= m->wake_us)
		return;
	if (real_us < cl->now_us)
		real_us = cl->now_us;
	real_us += cluster_below(cl, cl->weather.timer_span_us);
	m->wake_us = real_us;
	cluster_at(cl, real_us, WHAT_WAKE, node, m->life, 0);
}

static void store(struct cluster *cl, unsigned node,
		  const struct election_action *act)
{
	struct machine *m = &cl->machines[node];
	const struct weather *w = &cl->weather;
	int64_t span_us = w->disk_span_us, took_us;

	/* As in launch() of cluster_net.c. */
	if (cl->quiet_us != FOREVER_US &&
	    span_us > cl->script->heartbeat_us / 10)
		span_us = cl->script->heartbeat_us / 10;
	took_us = w->disk_min_us + cluster_below(cl, span_us);
	if (m->slow_us > 0)
		took_us = m->slow_us / 2 + cluster_below(cl, m->slow_us);
	m->writing_size =
		hard_encode(act->store, m->writing, sizeof(m->writing));
	assert(m->writing_size > 0);
	m->store_id = act->id;
	m->stored_us = cl->now_us + took_us;
	cluster_at(cl, m->stored_us, WHAT_STORED, node, m->life, !m->fails);
}

static void tell(struct cluster *cl, unsigned node,
		 const struct election_note *note)
{
	char text[CLUSTER_TEXT_MAX];

	if (cl->trace != NULL)
		cluster_say(cl, "n%u: %s", node + 1,
			    election_note_text(note, &cl->settings[node], text,
					       sizeof(text)));
	if (note->kind == ELECTION_NOTE_WON) {
		cl->result->elections++;
		fault_document(cl, node);
	} else if (note->kind == ELECTION_NOTE_PRIMARY) {
		/* What was withdrawn in an earlier office says nothing now. */
		memset(cl->machines[node].withdrawn, 0,
		       sizeof(cl->machines[node].withdrawn));
		judge_primary(cl, node);
	} else if (note->kind == ELECTION_NOTE_TWO_LEADERS) {
		judge_wrong(cl, WRONG_TWO_LEADERS, "n%u led a term of n%u's",
			    note->node + 1, node + 1);
	} else if (note->kind == ELECTION_NOTE_DRIFTS) {
		cl->result->drifts++;
	}
}

static void order_route(struct cluster *cl, unsigned node,
			const struct election_action *act)
{
	struct machine *m = &cl->machines[node];
	unsigned at = (m->order_first + m->order_count++) % 32;

	assert(m->order_count <= 32);
	m->orders[at] = (struct sim_route){
		.id = act->id,
		.group = act->route.group[1] - '0',
		.instance = act->route.instance[0] == '\0'
				    ? 0
				    : act->route.instance[1] - '0',
		.not_after = act->not_after,
	};
	if (m->order_count == 1)
		outside_route(cl, node);
}

static void carry_out(struct cluster *cl, unsigned node,
		      const struct election_action *act)
{
	struct machine *m = &cl->machines[node];

	if (cl->floor != NULL &&
	    (act->kind == ELECTION_ROUTE || act->kind == ELECTION_WITHDRAWN ||
	     act->kind == ELECTION_OBSERVED)) {
		cl->floor->act(cl, node, act);
		return;
	}
	switch (act->kind) {
	case ELECTION_SEND:
		net_send(cl, node, act->send.to, &act->send.message);
		break;
	case ELECTION_STORE:
		store(cl, node, act);
		break;
	case ELECTION_PROMOTE:
		m->promote_id = act->id;
		m->promote_not_after = act->not_after;
		m->promote_checked = false;
		outside_promote(cl, node);
		break;
	case ELECTION_RELEASE:
		m->release_id = act->id;
		m->release_routes = act->release.routes;
		outside_release(cl, node);
		break;
	case ELECTION_ROUTE:
		order_route(cl, node, act);
		break;
	case ELECTION_COMMITTED:
		judge_committed(cl, node);
		if (cl->floor != NULL)
			cl->floor->act(cl, node, act);
		outside_mover(cl, node);
		fault_committed(cl, node);
		break;
	case ELECTION_WITHDRAWN:
		m->withdrawn[act->withdrawn.group[1] - '0'] = true;
		judge_withdrawn(cl, node, act->withdrawn.group[1] - '0');
		outside_mover(cl, node);
		break;
	case ELECTION_OBSERVED:
		break;
	case ELECTION_NOTE:
		tell(cl, node, &act->note);
		break;
	}
}

/* A standing delay may be anything from 0, so now and then it is. */
static bool hurry(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	struct instant due;

	if (cl->hurry == 0 || m->election == NULL)
		return false;
	due = m->election->stand_at;
	if (due.us == m->hurried.us)
		return false;
	m->hurried = due;
	if (instant_is_never(due) || !cluster_chance(cl, cl->hurry))
		return false;
	m->election->stand_at = m->election->now;
	return true;
}

void daemon_feed(struct cluster *cl, unsigned node, struct election_event *ev)
{
	struct machine *m = &cl->machines[node];
	struct election_event again = { .kind = ELECTION_TICK };
	unsigned i;

	ev->now = daemon_clock(cl, node);
	election_step(m->election, ev, &cl->out);
	election_page(m->election, &m->page);
	m->keeps = election_keeps(m->election);
	guard_arm(cl, node);
	for (i = 0; i < cl->out.count; i++)
		carry_out(cl, node, &cl->out.list[i]);
	if (hurry(cl, node))
		daemon_feed(cl, node, &again);
	else
		arm(cl, node);
	if (election_role(m->election) == ELECTION_LEADER)
		judge_leader(cl, node);
	if (cl->quiet_us != FOREVER_US && cl->well_us == FOREVER_US)
		judge_well(cl);
	if (cl->floor != NULL)
		cl->floor->stepped(cl, node);
}

void daemon_start(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	struct election_event ev = { .kind = ELECTION_START };
	struct election_settings *set = &cl->settings[node];
	static struct hard_state hard;

	if (m->election != NULL || m->stays_dead)
		return;
	if (cl->now_us < m->start_us) {
		cluster_at(cl, m->start_us, WHAT_START, node, 0, 0);
		return;
	}
	if (m->guard_alive || m->hook_pending) {
		cluster_at(cl, cl->now_us + 5 * MS, WHAT_START, node, 0, 0);
		return;
	}
	set->lease_us = m->lease_us;
	set->routing_lease_us = m->lease_us * cl->script->routing_lease_us /
				cl->script->lease_us;
	m->election = election_new(set, rng_next(&cl->rng));
	assert(m->election != NULL);
	m->life++;
	m->thaw_us = 0;
	m->wake_us = FOREVER_US;
	m->mover_us = FOREVER_US;
	m->order_count = 0;
	m->store_id = 0;
	m->freeze_act_us = 0;
	m->obstacles = 0;
	m->hurried = INSTANT_NEVER;
	memset(m->withdrawn, 0, sizeof(m->withdrawn));
	cluster_say(cl, "n%u starts", node + 1);
	guard_begin(cl, node);
	if (m->disk_size > 0) {
		int r = hard_decode(m->disk, m->disk_size, &hard, NULL);

		assert(r == 0);
		(void)r;
		ev.start.stored = &hard;
	}
	m->keeps = m->keeps && ev.start.stored != NULL &&
		   hard.document.maintenance == KEEP_ON;
	ev.start.boot = rng_next(&cl->rng) | 1;
	if (cl->floor != NULL)
		cl->floor->start(cl, node);
	daemon_feed(cl, node, &ev);
}

/* The process is gone; what it was writing may be on disk or not. */
void daemon_die(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	if (m->election == NULL)
		return;
	cluster_say(cl, "n%u dies", node + 1);
	if (m->store_id != 0 && cluster_chance(cl, 500) && !m->fails) {
		memcpy(m->disk, m->writing, m->writing_size);
		m->disk_size = m->writing_size;
	}
	m->store_id = 0;
	if (m->unreleased) { /* somebody does it in time: the claim's (c) */
		outside_kill_children(cl, node);
		outside_clear(cl, node, true);
		m->unreleased = false;
	}
	election_free(m->election);
	m->election = NULL;
	m->life++;
	if (cl->floor != NULL)
		cl->floor->die(cl, node);
}

void daemon_local(struct cluster *cl, unsigned node, unsigned obstacle, bool on)
{
	struct machine *m = &cl->machines[node];

	m->obstacles = on ? m->obstacles | obstacle : m->obstacles & ~obstacle;
	if (m->election != NULL)
		cluster_at(cl, cl->now_us + cluster_below(cl, 2000), WHAT_LOCAL,
			   node, m->life, 0);
}

static void stored(struct cluster *cl, unsigned node, bool done)
{
	struct machine *m = &cl->machines[node];
	struct election_event ev = { .kind = done ? ELECTION_STORED
						  : ELECTION_STORE_FAILED,
				     .id = m->store_id };

	if (done) {
		memcpy(m->disk, m->writing, m->writing_size);
		m->disk_size = m->writing_size;
	}
	m->store_id = 0;
	daemon_feed(cl, node, &ev);
}

void daemon_happens(struct cluster *cl, const struct happening *h)
{
	struct machine *m = &cl->machines[h->node];
	struct election_event ev = { .kind = ELECTION_TICK };

	if (h->what == WHAT_START) {
		daemon_start(cl, h->node);
		return;
	}
	if (h->life != m->life || m->election == NULL ||
	    (h->what == WHAT_WAKE && h->at_us != m->wake_us))
		return;
	if (daemon_frozen(cl, h->node)) {
		if (h->what == WHAT_WAKE)
			m->wake_us = m->thaw_us;
		cluster_at(cl, m->thaw_us, (enum what)h->what, h->node, h->life,
			   h->arg);
		return;
	}
	if (h->what == WHAT_STORED) {
		stored(cl, h->node, h->arg != 0);
	} else if (h->what == WHAT_LOCAL) {
		ev.kind = ELECTION_LOCAL;
		ev.obstacles = m->obstacles;
		daemon_feed(cl, h->node, &ev);
	} else {
		m->wake_us = FOREVER_US;
		if (instant_reached(daemon_clock(cl, h->node),
				    election_deadline(m->election)))
			daemon_feed(cl, h->node, &ev);
		else
			arm(cl, h->node);
	}
}
