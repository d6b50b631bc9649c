#include "drill/sim/cluster_floor.h"

#include <stdio.h>
#include <string.h>

/* What a node does outside: the promote hook and the address that it adds,
 * the release, the routes, and whoever moves groups while it is primary. */

/* Frozen between check and act: the act comes when it thaws. */
static bool outside_freezes(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	if (m->freeze_act_us == 0 || !m->guard_alive ||
	    m->guard.stage != GUARD_WATCHING)
		return false;
	m->thaw_us = cl->now_us + m->freeze_act_us;
	m->freeze_act_us = 0;
	cluster_say(cl, "n%u is frozen between check and act", node + 1);
	return true;
}

void outside_promote(struct cluster *cl, unsigned node)
{
	cluster_at(cl, cl->now_us + cluster_below(cl, 500), WHAT_PROMOTE, node,
		   cl->machines[node].life, 0);
}

static void promoted(struct cluster *cl, unsigned node, bool done)
{
	struct election_event ev = { .kind = done ? ELECTION_PROMOTED
						  : ELECTION_PROMOTE_FAILED,
				     .id = cl->machines[node].promote_id };

	daemon_feed(cl, node, &ev);
}

/* The clock is read right before the hook is started. */
static void promote(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	int64_t span_us = cluster_below(cl, cl->weather.promote_span_us) + 1;
	bool fails = cl->quiet_us == FOREVER_US &&
		     cluster_chance(cl, cl->weather.failing_promote);

	if (m->promote_id == 0)
		return;
	if (!m->promote_checked) {
		if (!instant_before(daemon_clock(cl, node),
				    m->promote_not_after)) {
			promoted(cl, node, false);
			return;
		}
		m->promote_checked = true;
		if (outside_freezes(cl, node)) {
			cluster_at(cl, m->thaw_us, WHAT_PROMOTE, node, m->life,
				   0);
			return;
		}
	}
	m->child = true;
	m->child_life++;
	cluster_at(cl, cl->now_us + cluster_below(cl, span_us), WHAT_ADD, node,
		   m->child_life, 0);
	cluster_at(cl, cl->now_us + span_us, WHAT_PROMOTED, node, m->life,
		   !fails);
}

void outside_kill_children(struct cluster *cl, unsigned node)
{
	cl->machines[node].child = false;
	cl->machines[node].child_life++;
}

void outside_clear(struct cluster *cl, unsigned node, bool routes)
{
	struct machine *m = &cl->machines[node];

	if (m->active)
		cluster_say(cl, "n%u is not active any more", node + 1);
	m->active = false;
	if (routes && !m->keeps)
		memset(m->routes, 0, sizeof(m->routes));
	if (routes && !m->keeps && cl->floor != NULL)
		cl->floor->clear(cl, node);
}

/* Slow work counts as a fault: none after the last one. */
static bool takes_all(struct cluster *cl)
{
	return cl->quiet_us == FOREVER_US &&
	       cluster_chance(cl, cl->weather.full_release);
}

/* R / 2 is the daemon's: later the guard does it. */
void outside_release(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	int64_t budget_us = election_release_budget_us(&cl->settings[node]);
	int64_t took_us = cluster_below(cl, budget_us / 8) + 1;

	if (takes_all(cl))
		took_us = cluster_below(cl, budget_us) + 1;
	m->promote_id = 0;
	if (RULE(KILL_FIRST))
		outside_kill_children(cl, node);
	cluster_at(cl, cl->now_us + took_us, WHAT_DEMOTED, node, m->life, 0);
}

static void demoted(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	int64_t more_us = RULE(KILL_FIRST) ? 0 : cluster_below(cl, 20 * MS);

	outside_clear(cl, node, m->release_routes);
	if (m->release_routes)
		m->unreleased = false;
	cluster_at(cl, cl->now_us + more_us, WHAT_RELEASED, node, m->life, 0);
}

static void finish_order(struct cluster *cl, unsigned node, bool done)
{
	struct machine *m = &cl->machines[node];
	struct election_event ev = { .kind = done ? ELECTION_ROUTED
						  : ELECTION_ROUTE_FAILED,
				     .id = m->orders[m->order_first].id };

	m->order_first = (m->order_first + 1) % 32;
	if (--m->order_count > 0)
		outside_route(cl, node);
	daemon_feed(cl, node, &ev);
}

/* Orders are carried out one after the other. */
void outside_route(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	int64_t budget_us = election_release_budget_us(&cl->settings[node]);
	int64_t took_us = cluster_below(cl, 1000);

	if (takes_all(cl))
		took_us = cluster_below(cl, budget_us / 2);
	cluster_at(cl, cl->now_us + took_us, WHAT_ROUTE, node, m->life, 0);
}

static void route(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];
	struct sim_route *order = &m->orders[m->order_first];

	if (!order->checked && order->instance != 0) {
		if (!instant_before(daemon_clock(cl, node), order->not_after)) {
			finish_order(cl, node, false);
			return;
		}
		order->checked = true;
		if (outside_freezes(cl, node)) {
			cluster_at(cl, m->thaw_us, WHAT_ROUTE, node, m->life,
				   0);
			return;
		}
	}
	m->routes[order->group] = order->instance;
	cluster_say(cl, "n%u routes g%d to %d", node + 1, order->group,
		    order->instance);
	judge_route(cl, node, order->group);
	finish_order(cl, node, true);
}

void outside_mover(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	if (m->mover_us != FOREVER_US || cl->floor != NULL)
		return;
	m->mover_us = cl->now_us + cluster_below(cl, cl->weather.mover_span_us);
	cluster_at(cl, m->mover_us, WHAT_MOVER, node, m->life, 0);
}

/* The next thing to decide about a group that is on the move, if any. */
static bool next_decision(struct cluster *cl, unsigned node,
			  struct document *doc)
{
	struct machine *m = &cl->machines[node];
	int i;

	if (doc->group_count == 0) {
		doc->group_count = CLUSTER_GROUPS;
		for (i = 0; i < CLUSTER_GROUPS; i++)
			doc->groups[i] = (struct document_group){
				.name = { 'g', (char)('0' + i) },
				.epoch = 1,
				.primary = "i1",
			};
		return true;
	}
	for (i = 0; i < CLUSTER_GROUPS; i++) {
		struct document_group *grp = &doc->groups[i];

		if (grp->phase == PHASE_FENCING && m->withdrawn[i]) {
			m->withdrawn[i] = false;
			grp->phase = PHASE_PROMOTING;
			grp->primary[1] = grp->leaving[1] == '3'
						  ? '1'
						  : (char)(grp->leaving[1] + 1);
			return true;
		}
		if (grp->phase == PHASE_PROMOTING) {
			grp->phase = PHASE_STEADY;
			grp->leaving[0] = '\0';
			grp->epoch++;
			cl->result->moves++;
			return true;
		}
	}
	return false;
}

void outside_decide(struct cluster *cl, unsigned node, struct document *doc)
{
	struct election_event ev = { .kind = ELECTION_DECIDE };
	uint32_t parent = (uint32_t)doc->maintenance_until_wall_us;

	doc->maintenance_until_wall_us = judge_change(cl, parent);
	ev.document = doc;
	daemon_feed(cl, node, &ev);
	fault_document(cl, node);
}

static void move(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	m->mover_us = FOREVER_US;
	if (election_role(m->election) != ELECTION_PRIMARY)
		return;
	if (!election_may_decide(m->election)) {
		outside_mover(cl, node);
		return;
	}
	document_copy(&cl->scratch, election_document(m->election));
	if (next_decision(cl, node, &cl->scratch))
		outside_decide(cl, node, &cl->scratch);
}

static void add(struct cluster *cl, const struct happening *h)
{
	struct machine *m = &cl->machines[h->node];

	if (h->life != m->child_life || !m->child)
		return;
	m->active = true;
	cluster_say(cl, "n%u is active", h->node + 1);
	judge_active(cl, h->node);
}

void outside_happens(struct cluster *cl, const struct happening *h)
{
	struct machine *m = &cl->machines[h->node];
	struct election_event ev = { .kind = ELECTION_RELEASED };

	if (h->what == WHAT_ADD) {
		add(cl, h);
		return;
	}
	if (h->life != m->life || m->election == NULL)
		return;
	if (h->what == WHAT_DEMOTED) {
		demoted(cl, h->node); /* a hook: it runs on in a freeze */
		return;
	}
	if (daemon_frozen(cl, h->node)) {
		cluster_at(cl, m->thaw_us, (enum what)h->what, h->node, h->life,
			   h->arg);
		return;
	}
	switch ((enum what)h->what) {
	case WHAT_ROUTE:
		route(cl, h->node);
		break;
	case WHAT_PROMOTE:
		promote(cl, h->node);
		break;
	case WHAT_PROMOTED:
		promoted(cl, h->node, h->arg != 0);
		break;
	case WHAT_RELEASED:
		outside_kill_children(cl, h->node);
		ev.id = m->release_id;
		daemon_feed(cl, h->node, &ev);
		break;
	case WHAT_MOVER:
		move(cl, h->node);
		break;
	default:
		break;
	}
}
