#include "drill/sim/cluster_world.h"

/* Scripts from a seed, and making them shorter. */

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
		STEP_KILL,	STEP_KILL,	   STEP_KILL_BOTH,
		STEP_POWER,	STEP_FREEZE,	   STEP_FREEZE,
		STEP_FREEZE_ACT, STEP_FREEZE_ACT,  STEP_GUARD,
		STEP_CUT,	STEP_CUT,	   STEP_CUT,
		STEP_ISOLATE,	STEP_LINK,	   STEP_LINK,
		STEP_SPLIT,	STEP_SPLIT_COMMIT, STEP_SPLIT_COMMIT,
		STEP_LOSS,	STEP_SLOW,	   STEP_FAIL,
		STEP_HAND_OVER, STEP_HAND_OVER,	   STEP_MAINTENANCE,
		STEP_CRASH_COMMIT, STEP_CRASH_COMMIT, STEP_MUTE,
		STEP_CHECKS,	STEP_MOVE,	   STEP_MOVE,
		STEP_MOVE,	STEP_MOVE,	   STEP_HEAL,
	};

	return kinds[below(d, sizeof(kinds) / sizeof(kinds[0]))];
}

/* Office goes to another node and comes back within a lease, while the one
 * or the other is not heard. */
static void draw_back_and_forth(struct draw *d)
{
	int64_t part_us = d->script->lease_us / 4;
	struct cluster_step *step;
	unsigned i, mute = (unsigned)below(d, 4);

	for (i = 0; i < 4; i++) {
		if (i == mute) {
			step = add(d, STEP_MUTE);
			step->node = someone(d);
			step->value = 1 + below(d, MESSAGE_KINDS - 1);
			step->span_us = span(d);
		} else {
			add(d, STEP_HAND_OVER)->node = CLUSTER_ANY;
		}
		d->at_us += below(d, part_us);
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
		step->span_us = 1 + below(d, script->lease_us / 2);
		return;
	} else if (rare < 6) {
		draw_back_and_forth(d);
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
	else if (step->kind == STEP_LINK)
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
}

static void draw_round(struct draw *d)
{
	struct cluster_script *script = d->script;
	unsigned faults = 4 + (unsigned)below(d, 20), i;
	int64_t dense = 1 + below(d, 20);

	add(d, STEP_HURRY)->value = 333;
	for (i = 0; i < faults; i++) {
		d->at_us += below(d, script->lease_us * dense / 2);
		draw_step(d);
	}
	d->at_us += below(d, script->lease_us);
	draw_quiet(d);
	d->at_us += 4 * script->lease_us + 24 * script->heartbeat_us;
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
	script->step_count = 0;
	script->breaks[0] = '\0';
	d.at_us = 3 * SECOND;
	while (d.at_us < length_us &&
	       script->step_count < CLUSTER_STEPS_MAX - 64)
		draw_round(&d);
	script->end_us = d.at_us;
}

static bool still_wrong(struct cluster *cl, const struct cluster_script *script,
			enum cluster_wrong wrong)
{
	static struct cluster_result result;

	cluster_run(cl, script, &result);
	return result.wrong == wrong;
}

/* Leave out steps from @first on, @count of them. */
static void leave_out(const struct cluster_script *from,
		      struct cluster_script *to, unsigned first,
		      unsigned count)
{
	unsigned i, kept = 0;

	*to = *from;
	for (i = 0; i < from->step_count; i++)
		if (i < first || i >= first + count)
			to->steps[kept++] = from->steps[i];
	to->step_count = kept;
}

unsigned cluster_shrink(struct cluster *cl, struct cluster_script *script,
			enum cluster_wrong wrong, unsigned runs_max)
{
	static struct cluster_script less;
	unsigned size = script->step_count, first, runs = 0;

	while (size > 0 && runs < runs_max) {
		for (first = 0; first < script->step_count && runs < runs_max;
		     runs++) {
			leave_out(script, &less, first, size);
			if (still_wrong(cl, &less, wrong))
				*script = less;
			else
				first += size;
		}
		size /= 2;
	}
	return runs;
}
