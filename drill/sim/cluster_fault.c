#include "drill/sim/cluster_floor.h"

#include <string.h>

/* What goes wrong, and how it is mended. */

/* The node that is primary and could act, or CLUSTER_NODES. */
unsigned fault_primary(const struct cluster *cl)
{
	unsigned i;

	for (i = 0; i < cl->script->nodes; i++) {
		const struct machine *m = &cl->machines[i];

		if (m->election != NULL && !daemon_frozen(cl, i) &&
		    election_role(m->election) == ELECTION_PRIMARY &&
		    instant_before(daemon_clock(cl, i), m->page.lease_end))
			return i;
	}
	return CLUSTER_NODES;
}

/* The node that a step means now. */
static unsigned resolve(struct cluster *cl, unsigned node)
{
	unsigned nodes = cl->script->nodes, primary = fault_primary(cl), pick;

	if (node < nodes)
		return node;
	if (node == CLUSTER_PRIMARY && primary != CLUSTER_NODES)
		return primary;
	pick = (unsigned)cluster_below(cl, nodes);
	if (node == CLUSTER_FOLLOWER && pick == primary)
		pick = (pick + 1) % nodes;
	return pick;
}

static void mend_later(struct cluster *cl, const struct cluster_step *step,
		       unsigned node, uint32_t life)
{
	if (step->span_us > 0)
		cluster_at(cl, cl->now_us + step->span_us, WHAT_MEND, node,
			   life, (uint32_t)(step - cl->script->steps));
}

void fault_mend_later(struct cluster *cl, const struct cluster_step *step,
		      unsigned node)
{
	mend_later(cl, step, node, cl->cut_life);
}

/* Cut @a and @b off from the rest, one way and the other; @a may be @b. */
static void split(struct cluster *cl, unsigned a, unsigned b, int by)
{
	unsigned i;

	for (i = 0; i < cl->script->nodes; i++) {
		if (i == a || i == b)
			continue;
		cl->cut[a][i] += by;
		cl->cut[i][a] += by;
		if (a != b) {
			cl->cut[b][i] += by;
			cl->cut[i][b] += by;
		}
	}
}

static void start_later(struct cluster *cl, unsigned node, int64_t span_us)
{
	struct machine *m = &cl->machines[node];

	m->stays_dead = span_us == 0;
	m->start_us = cl->now_us + span_us;
	if (span_us > 0)
		cluster_at(cl, m->start_us, WHAT_START, node, 0, 0);
}

/* When the node's lease or routing lease ends by its page. */
static int64_t leases_end_us(const struct cluster *cl, unsigned node)
{
	const struct guard_page *page = &cl->machines[node].page;
	struct instant end = INSTANT_NEVER;

	if (!instant_is_none(page->lease_end))
		end = page->lease_end;
	if (!instant_is_none(page->routing_end))
		end = instant_min(end, page->routing_end);
	return daemon_real_us(cl, node, end);
}

/* The stop hook is in time: it is what the claim supposes. */
static void run_stop_hook(struct cluster *cl, unsigned node)
{
	int64_t budget_us = election_release_budget_us(&cl->settings[node]);
	int64_t due_us = cl->now_us + cluster_below(cl, budget_us / 4) + 1;
	int64_t end_us = leases_end_us(cl, node);

	if (due_us >= end_us)
		due_us = end_us - 1;
	if (due_us < cl->now_us)
		due_us = cl->now_us;
	cl->machines[node].hook_pending = true;
	cluster_at(cl, due_us, WHAT_STOP_HOOK, node, 0, 0);
}

/* Without a hook the next start is what releases, if it can be in time. */
static void kill_both(struct cluster *cl, unsigned node, bool hook)
{
	struct machine *m = &cl->machines[node];
	int64_t budget_us = election_release_budget_us(&cl->settings[node]);
	bool lived = m->election != NULL || m->guard_alive;
	int64_t end_us = leases_end_us(cl, node);

	hook = hook || m->unreleased || m->guard.stage != GUARD_WATCHING ||
	       end_us < cl->now_us + 3 * budget_us;
	daemon_die(cl, node);
	m->guard_alive = false;
	m->guard_life++;
	if (!lived || m->hook_pending)
		return;
	if (hook) {
		run_stop_hook(cl, node);
		return;
	}
	outside_kill_children(cl, node);
	m->unreleased = true;
	if (end_us != FOREVER_US)
		cluster_at(cl, end_us - 1, WHAT_STOP_HOOK, node, 0, 0);
	start_later(cl, node, 1 + cluster_below(cl, budget_us));
}

static void kill_daemon(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	if (m->election == NULL)
		return;
	if (!m->guard_alive) {
		kill_both(cl, node, true);
		return;
	}
	daemon_die(cl, node);
	cluster_at(cl, cl->now_us + 20 + cluster_below(cl, 300),
		   WHAT_GUARD_PIPE, node, m->guard_life, 0);
}

static void power_off(struct cluster *cl, unsigned node)
{
	struct machine *m = &cl->machines[node];

	daemon_die(cl, node);
	m->guard_alive = false;
	m->guard_life++;
	m->hook_pending = false;
	m->unreleased = false;
	outside_kill_children(cl, node);
	outside_clear(cl, node, true);
	memset(m->routes, 0, sizeof(m->routes));
	if (cl->floor != NULL)
		cl->floor->power(cl, node, false);
}

/* A frozen daemon needs a guard that lives. */
static void freeze(struct cluster *cl, unsigned node, int64_t span_us)
{
	struct machine *m = &cl->machines[node];

	if (m->election == NULL || !m->guard_alive)
		return;
	if (m->thaw_us < cl->now_us + span_us)
		m->thaw_us = cl->now_us + span_us;
	cluster_say(cl, "n%u is frozen", node + 1);
}

static void kill_guard(struct cluster *cl, unsigned node, int64_t span_us)
{
	struct machine *m = &cl->machines[node];

	if (m->election == NULL || !m->guard_alive || daemon_frozen(cl, node) ||
	    m->guard.stage != GUARD_WATCHING)
		return;
	m->guard_alive = false;
	m->guard_life++;
	m->freeze_act_us = 0;
	daemon_local(cl, node, ELECTION_GUARDLESS, true);
	cluster_at(cl, cl->now_us + span_us, WHAT_GUARD_NEW, node, 0, 0);
}

/* Whether a node's state is missing, as its disk has it. */
static bool any_blank(const struct cluster *cl)
{
	static struct hard_state hard;
	unsigned i;

	for (i = 0; i < cl->script->nodes; i++) {
		const struct machine *m = &cl->machines[i];

		if (m->disk_size == 0 ||
		    hard_decode(m->disk, m->disk_size, &hard, NULL) < 0 ||
		    hard.blank)
			return true;
	}
	return false;
}

/* One node at a time, and only while the others have what it had. */
static void wipe(struct cluster *cl, unsigned node)
{
	unsigned primary = fault_primary(cl);

	if (any_blank(cl) || primary == CLUSTER_NODES || primary == node ||
	    cl->script->nodes < 3)
		return;
	power_off(cl, node);
	cl->machines[node].disk_size = 0;
	start_later(cl, node, 300 * MS);
}

static void heal(struct cluster *cl)
{
	unsigned i;

	cl->cut_life++;
	cl->loss = 0;
	cl->split_armed = cl->crash_armed = false;
	memset(cl->cut, 0, sizeof(cl->cut));
	memset(cl->mute, 0, sizeof(cl->mute));
	if (cl->floor != NULL)
		cl->floor->heal(cl);
	for (i = 0; i < cl->script->nodes; i++) {
		struct machine *m = &cl->machines[i];

		m->slow_us = 0;
		m->fails = false;
		m->freeze_act_us = 0;
		daemon_local(cl, i, ELECTION_MAINTENANCE, false);
		daemon_local(cl, i, ELECTION_CHECKS, false);
	}
}

static void quiet(struct cluster *cl, const struct cluster_step *step)
{
	int64_t from_us = cl->now_us;
	bool blank = any_blank(cl); /* then all are needed */
	unsigned i;

	heal(cl);
	cl->hurry = 0;
	for (i = 0; i < cl->script->nodes; i++) {
		struct machine *m = &cl->machines[i];

		if ((step->value >> i & 1) != 0 && !blank) {
			m->stays_dead = true;
			kill_daemon(cl, i);
			continue;
		}
		if (cl->settings[i].lease_us != m->lease_us)
			kill_daemon(cl, i);
		start_later(cl, i, 1);
		if (m->election != NULL && !m->guard_alive)
			cluster_at(cl, cl->now_us + 1, WHAT_GUARD_NEW, i, 0, 0);
		if (m->thaw_us > from_us)
			from_us = m->thaw_us;
		if ((m->order_count > 0 || m->guard.stage != GUARD_WATCHING) &&
		    from_us < cl->now_us + cl->script->lease_us)
			from_us = cl->now_us + cl->script->lease_us;
		if (m->store_id != 0 && m->stored_us > from_us)
			from_us = m->stored_us;
	}
	if (step->node != step->other && !blank)
		cl->cut[step->node][step->other] =
			cl->cut[step->other][step->node] = 1;
	cl->quiet_us = from_us + cl->script->lease_us / 5;
	cl->well_us = FOREVER_US;
	cluster_at(cl, cl->quiet_us + judge_bound_us(cl), WHAT_VERDICT, 0, 0,
		   0);
	if (cl->floor != NULL)
		cl->floor->quiet(cl, step);
}

static void hand_over(struct cluster *cl, unsigned to)
{
	struct election_event ev = { .kind = ELECTION_HAND_OVER };
	unsigned primary = fault_primary(cl);

	if (primary == CLUSTER_NODES)
		return;
	ev.to = to < cl->script->nodes ? to : ELECTION_NOBODY;
	daemon_feed(cl, primary, &ev);
}

static void move_group(struct cluster *cl, int64_t group)
{
	unsigned primary = fault_primary(cl);
	struct document_group *grp;

	if (primary == CLUSTER_NODES || cl->floor != NULL ||
	    !election_may_decide(cl->machines[primary].election))
		return;
	document_copy(&cl->scratch,
		      election_document(cl->machines[primary].election));
	grp = &cl->scratch.groups[group];
	if (cl->scratch.group_count == 0 || grp->phase != PHASE_STEADY)
		return;
	cl->machines[primary].withdrawn[group] = false;
	grp->phase = PHASE_FENCING;
	memcpy(grp->leaving, grp->primary, sizeof(grp->leaving));
	outside_decide(cl, primary, &cl->scratch);
}

/* All are to run with another lease, and restart one after the other, from
 * a node on; or the primary as the last. */
static void new_lease(struct cluster *cl, const struct cluster_step *step)
{
	unsigned first = step->node, i;

	if (first >= cl->script->nodes)
		first = resolve(cl, first) + 1;
	if (cl->longest_us < step->value)
		cl->longest_us = step->value;
	for (i = 0; i < cl->script->nodes; i++) {
		unsigned node = (first + i) % cl->script->nodes;

		cl->machines[node].lease_us = step->value;
		cluster_at(cl, cl->now_us + step->span_us * (int64_t)i,
			   WHAT_MEND, node, cl->cut_life,
			   (uint32_t)(step - cl->script->steps));
	}
}

/* What a person asks for there. */
static void keep(struct cluster *cl, bool on)
{
	struct election_event ev = { .kind = ELECTION_KEEP };
	unsigned node = fault_primary(cl);

	ev.keep = on ? KEEP_ON : KEEP_ENDS;
	if (node == CLUSTER_NODES ||
	    election_can_keep(cl->machines[node].election, ev.keep, NULL) < 0)
		return;
	cluster_say(cl, "n%u: maintenance %s", node + 1, on ? "on" : "off");
	daemon_feed(cl, node, &ev);
}

/* A leader has written a document: now cut it and one follower off. */
void fault_document(struct cluster *cl, unsigned node)
{
	unsigned other;

	if (!cl->split_armed)
		return;
	cl->split_armed = false;
	other = resolve(cl, cl->split.other);
	split(cl, node, other, 1);
	cluster_say(cl, "n%u and n%u are cut off", node + 1, other + 1);
	if (cl->split.span_us > 0)
		cluster_at(cl, cl->now_us + cl->split.span_us, WHAT_MEND,
			   node | other << 8, cl->cut_life,
			   (uint32_t)cl->split.value);
}

/* A primary has committed: what one of the others had not synced is lost,
 * and the primary is cut off. */
void fault_committed(struct cluster *cl, unsigned node)
{
	unsigned other;

	if (!cl->crash_armed)
		return;
	cl->crash_armed = false;
	other = (node + 1 + (unsigned)cluster_below(cl, CLUSTER_NODES)) %
		cl->script->nodes;
	if (other != node) {
		power_off(cl, other);
		start_later(cl, other, 1 + cl->crash.span_us / 4);
	}
	split(cl, node, node, 1);
	cluster_at(cl, cl->now_us + cl->crash.span_us, WHAT_MEND,
		   node | other << 8, cl->cut_life, (uint32_t)cl->crash.value);
}

static void step_net(struct cluster *cl, const struct cluster_step *step,
		     unsigned node)
{
	unsigned other = resolve(cl, step->other);

	switch (step->kind) {
	case STEP_CUT:
		cl->cut[node][other]++;
		break;
	case STEP_ISOLATE:
	case STEP_LINK:
		other = step->kind == STEP_LINK ? other : node;
		split(cl, node, node, 1);
		break;
	case STEP_SPLIT:
		split(cl, node, other, 1);
		break;
	case STEP_SPLIT_COMMIT:
		cl->split = *step;
		cl->split.value = step - cl->script->steps;
		cl->split_armed = true;
		return;
	case STEP_CRASH_COMMIT:
		cl->crash = *step;
		cl->crash.value = step - cl->script->steps;
		cl->crash_armed = true;
		return;
	case STEP_MUTE:
		cl->mute[node] = (int)step->value;
		break;
	case STEP_LOSS:
		cl->loss += (unsigned)step->value;
		break;
	default:
		return;
	}
	mend_later(cl, step, node | other << 8, cl->cut_life);
}

static void step_node(struct cluster *cl, const struct cluster_step *step,
		      unsigned node)
{
	struct machine *m = &cl->machines[node];

	switch (step->kind) {
	case STEP_KILL:
		kill_daemon(cl, node);
		start_later(cl, node, step->span_us);
		break;
	case STEP_KILL_BOTH:
		start_later(cl, node, step->span_us);
		kill_both(cl, node, step->value == 0);
		break;
	case STEP_POWER:
		power_off(cl, node);
		start_later(cl, node, step->span_us);
		break;
	case STEP_FREEZE:
		freeze(cl, node, step->span_us);
		break;
	case STEP_FREEZE_ACT:
		m->freeze_act_us = step->span_us;
		break;
	case STEP_GUARD:
		kill_guard(cl, node, step->span_us);
		break;
	case STEP_START:
		start_later(cl, node, 1);
		break;
	case STEP_WIPE:
		wipe(cl, node);
		break;
	case STEP_SLOW:
		m->slow_us = step->value;
		mend_later(cl, step, node, cl->cut_life);
		break;
	case STEP_FAIL:
		m->fails = true;
		mend_later(cl, step, node, cl->cut_life);
		break;
	case STEP_MAINTENANCE:
		daemon_local(cl, node, ELECTION_MAINTENANCE, true);
		mend_later(cl, step, node, cl->cut_life);
		break;
	case STEP_CHECKS:
		daemon_local(cl, node, ELECTION_CHECKS, true);
		mend_later(cl, step, node, cl->cut_life);
		break;
	default:
		step_net(cl, step, node);
	}
}

void fault_step(struct cluster *cl, const struct cluster_step *step)
{
	cl->quiet_us = FOREVER_US;
	if (cluster_step_is_of_databases(step)) {
		if (cl->floor != NULL)
			cl->floor->step(cl, step);
		return;
	}
	switch (step->kind) {
	case STEP_HEAL:
		heal(cl);
		break;
	case STEP_HAND_OVER:
		hand_over(cl, step->node);
		break;
	case STEP_MOVE:
		move_group(cl, step->value);
		break;
	case STEP_KEEP:
		keep(cl, step->value != 0);
		break;
	case STEP_LEASE:
		new_lease(cl, step);
		break;
	case STEP_HURRY:
		cl->hurry = (unsigned)step->value;
		break;
	case STEP_QUIET:
		cluster_say(cl, "-- quiet");
		quiet(cl, step);
		break;
	default:
		cluster_say(cl, "-- step %d of n%u", step->kind,
			    step->node + 1);
		step_node(cl, step, resolve(cl, step->node));
	}
}

void fault_mend(struct cluster *cl, const struct happening *h)
{
	const struct cluster_step *step = &cl->script->steps[h->arg];
	unsigned node = h->node & 0xff, other = h->node >> 8;

	if (h->life != cl->cut_life)
		return;
	if (cluster_step_is_of_databases(step)) {
		cl->floor->mend(cl, step, node, other);
		return;
	}
	switch (step->kind) {
	case STEP_CUT:
		cl->cut[node][other]--;
		break;
	case STEP_ISOLATE:
	case STEP_CRASH_COMMIT:
		split(cl, node, node, -1);
		break;
	case STEP_MUTE:
		cl->mute[node] = 0;
		break;
	case STEP_LINK:
		if (node != other) {
			cl->cut[node][other] = 0;
			if (step->value == 0)
				cl->cut[other][node] = 0;
		}
		break;
	case STEP_SPLIT:
	case STEP_SPLIT_COMMIT:
		split(cl, node, other, -1);
		break;
	case STEP_LOSS:
		cl->loss -= (unsigned)step->value;
		break;
	case STEP_SLOW:
		cl->machines[node].slow_us = 0;
		break;
	case STEP_FAIL:
		cl->machines[node].fails = false;
		break;
	case STEP_MAINTENANCE:
		daemon_local(cl, node, ELECTION_MAINTENANCE, false);
		break;
	case STEP_CHECKS:
		daemon_local(cl, node, ELECTION_CHECKS, false);
		break;
	case STEP_LEASE:
		kill_daemon(cl, node);
		start_later(cl, node, 20 * MS);
		break;
	default:
		break;
	}
}
