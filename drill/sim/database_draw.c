#include "drill/sim/database_world.h"

/* Faults of databases from a seed. */

static int64_t below(struct rng *rng, int64_t bound)
{
	return (int64_t)rng_below(rng, (uint64_t)bound);
}

static struct cluster_step *add(struct cluster_script *script, int64_t at_us,
				enum cluster_step_kind kind)
{
	struct cluster_step *step = &script->steps[script->step_count++];

	*step = (struct cluster_step){ .at_us = at_us, .kind = kind };
	return step;
}

static unsigned someone(struct rng *rng)
{
	int64_t pick = below(rng, 10);

	if (pick < 6)
		return CLUSTER_PRIMARY;
	if (pick < 8)
		return CLUSTER_FOLLOWER;
	return (unsigned)below(rng, INSTANCES);
}

static int64_t span(struct rng *rng)
{
	static const int64_t list[] = { 30 * MS,    200 * MS,   SECOND,
					2 * SECOND, 4 * SECOND, 10 * SECOND };

	return list[below(rng, 6)] + below(rng, 300 * MS);
}

static enum cluster_step_kind pick_kind(struct rng *rng)
{
	static const enum cluster_step_kind kinds[] = {
		STEP_DB_KILL,       STEP_DB_KILL,        STEP_DB_KILL,
		STEP_DB_KILL,       STEP_DB_HOST,        STEP_DB_HOST,
		STEP_DB_FREEZE,     STEP_DB_FREEZE,      STEP_DB_FREEZE,
		STEP_DB_DISK,       STEP_DB_SLOW,        STEP_DB_CUT,
		STEP_DB_CUT,        STEP_DB_CUT,         STEP_DB_PART,
		STEP_DB_PART,       STEP_DB_ISOLATE,     STEP_DB_ISOLATE,
		STEP_DB_ISOLATE,    STEP_DB_SWITCHOVER,  STEP_DB_SWITCHOVER,
		STEP_DB_SWITCHOVER, STEP_DB_MAINTENANCE, STEP_DB_CANCEL,
		STEP_DB_EMPTY,
	};

	return kinds[below(rng, sizeof(kinds) / sizeof(kinds[0]))];
}

static struct cluster_step *one(struct cluster_script *script, struct rng *rng,
				int64_t at_us)
{
	struct cluster_step *step = add(script, at_us, pick_kind(rng));

	if (step->kind == STEP_DB_EMPTY && script->engine != ENGINE_REDIS)
		step->kind = STEP_DB_KILL;
	step->node = someone(rng);
	step->other = someone(rng);
	step->span_us = span(rng);
	if (step->kind == STEP_DB_SLOW)
		step->value = 1 + below(rng, 2 * SECOND);
	else if (step->kind == STEP_DB_ISOLATE)
		step->value = below(rng, 2);
	return step;
}

/* The primary goes, and somewhere on the way to its successor the node that
 * decides goes as well. */
static void coordinator(struct cluster_script *script, struct rng *rng,
			int64_t *at_us)
{
	static const enum cluster_step_kind kinds[] = {
		STEP_KILL,  STEP_FREEZE,    STEP_ISOLATE,
		STEP_POWER, STEP_HAND_OVER, STEP_KILL_BOTH,
	};
	struct cluster_step *step =
		add(script, *at_us,
		    below(rng, 2) == 0 ? STEP_DB_KILL : STEP_DB_SWITCHOVER);
	unsigned i, times = 1 + (unsigned)below(rng, 3);

	step->node = step->kind == STEP_DB_KILL ? CLUSTER_PRIMARY : CLUSTER_ANY;
	step->span_us = span(rng);
	for (i = 0; i < times; i++) {
		*at_us += below(rng, 2) == 0 ? below(rng, 300 * MS)
					     : below(rng, 2 * SECOND);
		step = add(script, *at_us, kinds[below(rng, 6)]);
		step->node = CLUSTER_PRIMARY;
		if (step->kind == STEP_HAND_OVER)
			step->node = CLUSTER_ANY;
		step->span_us = span(rng);
	}
}

/* The primary is cut off with one node, or from one; writes go on there. */
static void cut_off(struct cluster_script *script, struct rng *rng,
		    int64_t *at_us)
{
	int64_t until_us = SECOND + below(rng, 6 * SECOND);
	struct cluster_step *step;
	unsigned n, but = (unsigned)below(rng, script->nodes + 1);

	for (n = 0; n < script->nodes; n++) {
		if (n == but)
			continue;
		step = add(script, *at_us, STEP_DB_CUT);
		step->node = CLUSTER_PRIMARY;
		step->other = n;
		step->span_us = until_us;
	}
	for (n = 0; n < INSTANCES; n++) {
		if (below(rng, 3) != 0)
			continue;
		step = add(script, *at_us, STEP_DB_PART);
		step->node = CLUSTER_PRIMARY;
		step->other = n;
		step->span_us = until_us;
	}
	*at_us += below(rng, until_us);
}

/* A replica lags, the primary goes, and the best one right after it. */
static void twice(struct cluster_script *script, struct rng *rng,
		  int64_t *at_us)
{
	struct cluster_step *step = add(script, *at_us, STEP_DB_PART);

	step->node = CLUSTER_PRIMARY;
	step->other = CLUSTER_FOLLOWER;
	step->span_us = 2 * SECOND;
	*at_us += below(rng, SECOND);
	step = add(script, *at_us, STEP_DB_KILL);
	step->node = CLUSTER_PRIMARY;
	step->span_us = span(rng);
	*at_us += below(rng, 2 * SECOND);
	one(script, rng, *at_us);
}

void database_draw(struct cluster_script *script, struct rng *rng,
		   int64_t *at_us)
{
	int64_t pick = below(rng, 10);

	if (pick == 0)
		coordinator(script, rng, at_us);
	else if (pick == 1)
		cut_off(script, rng, at_us);
	else if (pick == 2)
		twice(script, rng, at_us);
	else
		one(script, rng, *at_us);
	*at_us += below(rng, 3) == 0 ? below(rng, 4 * SECOND) : 0;
}

void database_draw_settings(struct cluster_script *script, struct rng *rng)
{
	script->engine = 1 + (unsigned)below(rng, ENGINES - 1);
	script->no_loss = script->engine != ENGINE_REDIS && below(rng, 2) == 0;
	script->apart = below(rng, 3) == 0;
	script->canary = below(rng, 2) == 0;
	script->cooldown_us = below(rng, 2) == 0 ? 0 : below(rng, 5 * SECOND);
}
