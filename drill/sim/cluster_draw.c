#include "drill/sim/cluster_floor.h"

/* Scripts from a seed. */

struct draw {
	struct cluster_script *script;
	struct rng rng;
	int64_t at_us;
};

static int64_t below(struct draw *d, int64_t bound)
{
	return (int64_t)rng_below(&d->rng, (uint64_t)bound);
}

static struct cluster_step *add(struct draw *d, enum cluster_step_kind kind)
{
	struct cluster_step *step = &d->script->steps[d->script->step_count++];

	*step = (struct cluster_step){ .at_us = d->at_us, .kind = kind };
	return step;
}

/* Often the primary, for that is where it hurts. */
static unsigned someone(struct draw *d)
{
	int64_t pick = below(d, 10);

	if (pick < 5)
		return CLUSTER_PRIMARY;
	if (pick < 7)
		return CLUSTER_FOLLOWER;
	return (unsigned)below(d, d->script->nodes);
}

/* Spans around the lease are the interesting ones. */
static int64_t span(struct draw *d)
{
	static const int64_t tenths[] = { 1, 4, 8, 10, 12, 20, 40 };
	int64_t pick = tenths[below(d, 7)];

	return d->script->lease_us * pick / 10 +
	       below(d, d->script->lease_us / 4);
}

static enum cluster_step_kind pick_kind(struct draw *d)
{
	static const enum cluster_step_kind kinds[] = {
		STEP_KILL,         STEP_KILL,         STEP_KILL_BOTH,
		STEP_POWER,        STEP_FREEZE,       STEP_FREEZE,
		STEP_FREEZE_ACT,   STEP_FREEZE_ACT,   STEP_GUARD,
		STEP_CUT,          STEP_CUT,          STEP_CUT,
		STEP_ISOLATE,      STEP_LINK,         STEP_LINK,
		STEP_SPLIT,        STEP_SPLIT_COMMIT, STEP_SPLIT_COMMIT,
		STEP_LOSS,         STEP_SLOW,         STEP_FAIL,
		STEP_HAND_OVER,    STEP_HAND_OVER,    STEP_MAINTENANCE,
		STEP_CRASH_COMMIT, STEP_CRASH_COMMIT, STEP_MUTE,
		STEP_CHECKS,       STEP_MOVE,         STEP_MOVE,
		STEP_MOVE,         STEP_MOVE,         STEP_HEAL,
	};

	return kinds[below(d, sizeof(kinds) / sizeof(kinds[0]))];
}

/* Office goes from one to another node and comes back within a lease, while
 * some kind of message of the one is lost: often its heartbeats. */
static void draw_back_and_forth(struct draw *d)
{
	struct cluster_script *script = d->script;
	int64_t part_us = script->lease_us / 6;
	unsigned one = (unsigned)below(d, script->nodes);
	unsigned i, mute = (unsigned)below(d, 3);
	bool beats = below(d, 2) == 0;
	struct cluster_step *step;

	add(d, STEP_HAND_OVER)->node = one;
	d->at_us += below(d, 2 * script->lease_us);
	for (i = 0; i < 3; i++) {
		if (i == mute) {
			step = add(d, STEP_MUTE);
			step->node = one;
			step->value = beats ? MESSAGE_HEARTBEAT
					    : 1 + below(d, MESSAGE_KINDS - 1);
			step->span_us = span(d);
		}
		if (i < 2)
			add(d, STEP_HAND_OVER)->node =
				i == 0 ? CLUSTER_ANY : one;
		d->at_us += below(d, part_us);
	}
}

/* A follower hears but is not heard, then freezes, while a group moves: its
 * routing lease ends as late as it can. */
static void draw_late_route(struct draw *d)
{
	struct cluster_script *script = d->script;
	unsigned one = (unsigned)below(d, script->nodes);
	struct cluster_step *step = add(d, STEP_CUT);

	step->node = one;
	step->other = CLUSTER_PRIMARY;
	step->span_us = 3 * script->routing_lease_us;
	d->at_us += below(d, 2 * script->heartbeat_us);
	step = add(d, STEP_MOVE);
	step->value = below(d, CLUSTER_GROUPS);
	d->at_us += below(d, 2 * script->heartbeat_us);
	step = add(d, STEP_FREEZE);
	step->node = one;
	step->span_us = 3 * script->routing_lease_us;
	d->at_us += below(d, script->routing_lease_us);
}

/* A decision reaches one follower, which is elected, cannot pass it on, and
 * dies. */
static void draw_half_written(struct draw *d)
{
	struct cluster_script *script = d->script;
	unsigned one = (unsigned)below(d, script->nodes);
	struct cluster_step *step = add(d, STEP_SPLIT_COMMIT);

	step->other = one;
	step->span_us = 1 + below(d, script->lease_us / 2);
	add(d, STEP_MOVE)->value = below(d, CLUSTER_GROUPS);
	d->at_us += step->span_us;
	step = add(d, STEP_ISOLATE);
	step->node = CLUSTER_PRIMARY;
	step->span_us = 4 * script->lease_us;
	step = add(d, STEP_MUTE);
	step->node = one;
	step->value = MESSAGE_DOCUMENT;
	step->span_us = 4 * script->lease_us;
	d->at_us += script->lease_us + below(d, script->lease_us);
	step = add(d, STEP_POWER);
	step->node = one;
	step->span_us = 2 * script->lease_us;
}

/* A follower starts anew while groups move, under a primary that has been in
 * office for longer than any routing lease from before. */
static void draw_restart(struct draw *d)
{
	struct cluster_script *script = d->script;
	struct cluster_step *step;
	unsigned i;

	add(d, STEP_HEAL);
	d->at_us += script->lease_us + script->routing_lease_us * 11 / 10;
	step = add(d, STEP_KILL_BOTH);
	step->node = CLUSTER_FOLLOWER;
	step->span_us = 1 + below(d, script->lease_us / 5);
	step->value = 1;
	for (i = 0; i < 3; i++) {
		d->at_us += below(d, script->heartbeat_us);
		add(d, STEP_MOVE)->value = i % CLUSTER_GROUPS;
	}
}

/* A shorter lease is rolled out, to the primary last: until then one follower
 * keeps to the longer one with it, while those that have the shorter one elect
 * another and groups move. */
static void draw_shorter_lease(struct draw *d)
{
	struct cluster_script *script = d->script;
	struct cluster_step *step = add(d, STEP_LEASE);
	unsigned i;

	step->node = CLUSTER_PRIMARY;
	step->value = script->lease_us / 2;
	step->span_us = (2 + below(d, 2)) * script->lease_us;
	/* The third that restarts makes a quorum, which waits for a lease. */
	d->at_us += 2 * step->span_us + script->lease_us;
	for (i = 0; i < 4; i++) {
		d->at_us += below(d, 2 * script->heartbeat_us);
		add(d, STEP_MOVE)->value = i % CLUSTER_GROUPS;
	}
	d->at_us += 2 * step->span_us;
}

/* The cluster's maintenance: nodes are stopped in it, groups are to move right
 * after it, and some node may hear of either late. */
static void draw_keep(struct draw *d)
{
	struct cluster_script *script = d->script;
	unsigned i, n = 1 + (unsigned)below(d, script->nodes);
	struct cluster_step *step;

	for (i = 0; i < 2; i++) {
		step = add(d, STEP_SPLIT_COMMIT);
		step->other = CLUSTER_FOLLOWER;
		step->span_us = span(d);
		if (below(d, 2) == 0)
			d->script->step_count--;
		add(d, STEP_KEEP)->value = i == 0;
		d->at_us += below(d, 2 * script->lease_us);
		for (; n > 0; n--) {
			step = add(d, below(d, 3) == 0 ? STEP_ISOLATE
						       : STEP_KILL_BOTH);
			step->node = someone(d);
			step->span_us = span(d);
			step->value = below(d, 2);
			d->at_us += below(d, script->lease_us);
		}
		n = (unsigned)below(d, 2);
	}
	for (i = 0; i < 3; i++) {
		d->at_us += below(d, script->lease_us);
		add(d, STEP_MOVE)->value = i % CLUSTER_GROUPS;
	}
}

/* One that has not heard the primary for long succeeds it when it resigns
 * early, and groups move at once, while the former one is frozen with the
 * routes that its lease still allows. */
static void draw_deaf_successor(struct draw *d)
{
	struct cluster_script *script = d->script;
	unsigned one = (unsigned)below(d, script->nodes), i;
	struct cluster_step *step;

	add(d, STEP_HEAL);
	add(d, STEP_HAND_OVER)->node = one;
	d->at_us += 2 * script->lease_us + below(d, script->lease_us);
	step = add(d, STEP_CUT);
	step->node = one;
	step->other = (one + 1 + (unsigned)below(d, script->nodes - 1)) %
		      script->nodes;
	step->span_us = 3 * script->routing_lease_us;
	d->at_us += script->routing_lease_us * 11 / 10;
	step = add(d, STEP_CHECKS);
	step->node = one;
	step->span_us = 2 * script->lease_us;
	d->at_us += script->heartbeat_us / 10 + below(d, script->heartbeat_us);
	step = add(d, STEP_FREEZE);
	step->node = one;
	step->span_us = 2 * script->routing_lease_us;
	for (i = 0; i < 6; i++) {
		d->at_us += below(d, script->lease_us / 4);
		add(d, STEP_MOVE)->value = i % CLUSTER_GROUPS;
	}
}

static void draw_step(struct draw *d)
{
	struct cluster_script *script = d->script;
	struct cluster_step *step;
	int64_t rare = below(d, 150);

	if (rare == 0 && script->nodes >= 3) {
		step = add(d, STEP_WIPE);
	} else if (rare == 1) {
		step = add(d, STEP_LEASE);
		step->value = script->heartbeat_us * 5 * (1 + below(d, 3));
		step->span_us = 1 + below(d, 2 * script->lease_us);
		step->node = (unsigned)below(d, script->nodes);
		return;
	} else if (rare < 6) {
		draw_back_and_forth(d);
		return;
	} else if (rare < 14) {
		draw_late_route(d);
		return;
	} else if (rare < 17) {
		draw_restart(d);
		return;
	} else if (rare < 23 && script->lease_us > 5 * script->heartbeat_us) {
		if (script->nodes == CLUSTER_NODES && rare < 20)
			draw_shorter_lease(d);
		else
			draw_restart(d);
		return;
	} else if (rare < 32 && script->nodes >= 3) {
		draw_half_written(d);
		return;
	} else if (rare < 38) {
		draw_keep(d);
		return;
	} else if (rare < 42 && script->nodes >= 3) {
		draw_deaf_successor(d);
		return;
	} else {
		step = add(d, pick_kind(d));
	}
	step->node = someone(d);
	step->other = someone(d);
	step->span_us = span(d);
	if (step->kind == STEP_LOSS)
		step->value = 50 + below(d, 400);
	else if (step->kind == STEP_SLOW)
		step->value = 1 + below(d, 3 * script->lease_us);
	else if (step->kind == STEP_MOVE)
		step->value = below(d, CLUSTER_GROUPS);
	else if (step->kind == STEP_MUTE)
		step->value = 1 + below(d, MESSAGE_KINDS - 1);
	else if (step->kind == STEP_LINK || step->kind == STEP_KILL_BOTH)
		step->value = below(d, 2);
}

/* Whether some node that may lead reaches a quorum, itself counted. */
static bool can_recover(const struct cluster_script *script, unsigned dead,
			unsigned a, unsigned b)
{
	unsigned i, k, reached;

	for (i = 0; i < script->nodes; i++) {
		if ((dead >> i & 1) != 0 ||
		    (script->witness && i == script->nodes - 1))
			continue;
		reached = 1;
		for (k = 0; k < script->nodes; k++)
			reached += k != i && (dead >> k & 1) == 0 &&
				   (a == b || !((i == a && k == b) ||
						(i == b && k == a)));
		if (reached > script->nodes / 2)
			return true;
	}
	return false;
}

static void draw_quiet(struct draw *d)
{
	struct cluster_script *script = d->script;
	struct cluster_step *step = add(d, STEP_QUIET);
	unsigned minority = (script->nodes - 1) / 2, i, dead = 0;

	minority = (unsigned)below(d, minority + 1);
	for (i = 0; i < minority; i++)
		dead |= 1u << below(d, script->nodes);
	step->node = (unsigned)below(d, script->nodes);
	step->other = (unsigned)below(d, script->nodes);
	if (!can_recover(script, dead, step->node, step->other))
		step->other = step->node;
	if (!can_recover(script, dead, step->node, step->other))
		dead = 0;
	step->value = dead;
	if (cluster_floor() == NULL)
		return;
	/* Who decides must reach who takes writes. */
	if (!script->apart)
		step->other = step->node;
	if (below(d, 2) == 0)
		step->value |= (1 + below(d, 3)) << 8;
}

static void draw_round(struct draw *d)
{
	struct cluster_script *script = d->script;
	unsigned faults = 4 + (unsigned)below(d, 20), i;
	int64_t dense = 1 + below(d, 20);

	add(d, STEP_HURRY)->value = 333;
	add(d, STEP_KEEP)->value = 0;
	for (i = 0; i < faults; i++) {
		d->at_us += below(d, script->lease_us * dense / 2);
		if (cluster_floor() != NULL && below(d, 2) == 0)
			cluster_floor()->draw(script, &d->rng, &d->at_us);
		else
			draw_step(d);
	}
	d->at_us += below(d, script->lease_us);
	draw_quiet(d);
	d->at_us += 4 * script->lease_us + 24 * script->heartbeat_us;
	if (cluster_floor() != NULL)
		d->at_us += cluster_floor()->rest_us + script->cooldown_us;
	for (i = 0; i < script->nodes; i++)
		add(d, STEP_START)->node = i;
	add(d, STEP_HEAL);
	d->at_us += below(d, 6 * script->lease_us);
}

void cluster_draw(struct cluster_script *script, uint64_t seed, unsigned nodes,
		  int64_t length_us)
{
	static const unsigned sizes[] = { 1, 2, 3, 3, 3, 3, 3, 5, 5 };
	struct draw d = { .script = script };
	unsigned i;

	rng_init(&d.rng, seed ^ 0x9e3779b97f4a7c15u);
	script->seed = seed;
	script->nodes = nodes != 0 ? nodes : sizes[below(&d, 9)];
	script->witness = script->nodes > 1 && below(&d, 3) == 0;
	script->preempt = below(&d, 8) == 0;
	script->heartbeat_us = below(&d, 16) == 0 ? 20 * MS : 100 * MS;
	script->lease_us = 5 * script->heartbeat_us;
	if (below(&d, 4) == 0)
		script->lease_us *= 2;
	script->routing_lease_us = script->lease_us * (1 + below(&d, 2));
	script->drift_ppm = 20000;
	if (cluster_floor() != NULL)
		cluster_floor()->draw_settings(script, &d.rng);
	script->step_count = 0;
	script->breaks[0] = '\0';
	d.at_us = 3 * SECOND;
	while (d.at_us < length_us &&
	       script->step_count < CLUSTER_STEPS_MAX - 64)
		draw_round(&d);
	script->end_us = d.at_us;
	for (i = 0; i < script->step_count; i++)
		cluster_step_tidy(&script->steps[i]);
}
