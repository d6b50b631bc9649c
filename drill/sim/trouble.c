#include "drill/sim/trouble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/config/load.h"
#include "drill/sim/queue.h"
#include "drill/sim/stage.h"

#define SETS_MAX 40
#define PEACE_US (150 * SECOND)

struct trouble {
	struct world *world;
	struct rng rng; /* of the faults alone */
	struct stage stage;
	struct settings *sets[SETS_MAX]; /* owned */
	unsigned set_count;
	struct instant end;
	uint64_t faults;
};

/* --- dice ---------------------------------------------------------------- */

static unsigned below(struct trouble *t, unsigned bound)
{
	return (unsigned)rng_below(&t->rng, bound);
}

/* Short more often than long. */
static int64_t some_us(struct trouble *t, int64_t least_us, int64_t most_us)
{
	int64_t us = least_us;
	unsigned doublings = below(t, 12);

	while (doublings-- > 0 && us < most_us)
		us *= 2;
	us += (int64_t)rng_below(&t->rng, (uint64_t)us);
	return us < most_us ? us : most_us;
}

static const char *one_of(struct trouble *t, const char *const *list,
			  unsigned count)
{
	return list[below(t, count)];
}

/* --- a stage ------------------------------------------------------------- */

struct words {
	char list[40][64];
	unsigned count;
};

static void put(struct words *w, const char *key, const char *value)
{
	snprintf(w->list[w->count++], 64, "%s", key);
	snprintf(w->list[w->count++], 64, "%s", value);
}

static void put_one(struct trouble *t, struct words *w, const char *key,
		    const char *const *values, unsigned count)
{
	put(w, key, one_of(t, values, count));
}

static void lay_service(struct trouble *t, unsigned service)
{
	static const char *const intervals[] = { "100ms", "250ms", "1s" };
	static const char *const fasts[] = { "20ms", "50ms", "100ms" };
	static const char *const counts[] = { "1", "2", "3" };
	static const char *const starts[] = { "0s", "0s", "5s" };
	static const char *const ramps[] = { "0s", "0s", "2s", "10s" };
	static const char *const drains[] = { "0s", "3s" };
	static const char *const timeouts[] = { "0s", "1s", "5s" };
	static const char *const maxima[] = { "5s", "30s" };
	static const char *const panics[] = { "hold", "hold", "open",
					      "closed" };
	static const char *const most[] = { "100", "100", "50", "34" };
	static const char *const sessions[] = { "keep", "end-writers", "end" };
	unsigned targets = 1 + below(t, 5);
	unsigned min_up = 1 + below(t, targets);
	struct words w = { .count = 3 };
	char number[16];
	struct err err;

	snprintf(w.list[0], 64, "%c", 'a' + (int)service);
	snprintf(w.list[1], 64, "%u", targets);
	snprintf(w.list[2], 64, "targets");
	snprintf(number, sizeof(number), "%u", below(t, 3) > 0 ? 1 : min_up);
	put(&w, "min_up", number);
	put_one(t, &w, "interval", intervals, 3);
	put_one(t, &w, "fast_interval", fasts, 3);
	put_one(t, &w, "fall", counts, 3);
	put_one(t, &w, "rise", counts, 3);
	put_one(t, &w, "start_period", starts, 3);
	put_one(t, &w, "slow_start", ramps, 4);
	put_one(t, &w, "drain", drains, 2);
	put_one(t, &w, "sessions", sessions, 3);
	put_one(t, &w, "on_panic", panics, 4);
	put_one(t, &w, "recovery_timeout", timeouts, 3);
	put_one(t, &w, "flap_limit", counts, 3);
	put_one(t, &w, "flap_half_life", timeouts + 1, 2);
	put_one(t, &w, "flap_max", maxima, 2);
	put_one(t, &w, "max_withdrawn", most, 4);
	if (below(t, 3) == 0)
		put(&w, "order", "backwards");
	if (stage_service(&t->stage, w.list, w.count, &err) < 0)
		abort();
}

static struct settings *make(struct trouble *t, const struct stage *stage)
{
	struct err err = { 0 };

	if (stage_settings(stage, &t->sets[t->set_count], &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	return t->sets[t->set_count++];
}

/* HAProxy has five servers of each of three services. */
static struct settings *all_servers(struct trouble *t)
{
	struct stage all = { .haproxy_count = t->stage.haproxy_count };
	char words[3][64] = { "a", "5", "targets" };
	struct err err;

	memcpy(all.haproxies, t->stage.haproxies, sizeof(all.haproxies));
	for (words[0][0] = 'a'; words[0][0] <= 'c'; words[0][0]++)
		stage_service(&all, words, 3, &err);
	return make(t, &all);
}

static void lay_stage(struct trouble *t)
{
	unsigned services = 1 + below(t, 3), i;

	t->stage.haproxy_count = 1 + below(t, 3);
	for (i = 0; i < t->stage.haproxy_count; i++)
		snprintf(t->stage.haproxies[i], 64, "lb%u", i + 1);
	for (i = 0; i < services; i++)
		lay_service(t, i);
}

/* --- trouble ------------------------------------------------------------- */

static unsigned a_target(struct trouble *t)
{
	return below(t, world_settings(t->world)->target_count);
}

static unsigned a_haproxy(struct trouble *t)
{
	return below(t, t->stage.haproxy_count);
}

static void fail_one(struct trouble *t)
{
	unsigned target = a_target(t);

	world_fail(t->world, target,
		   (enum fake_fault)(1 + below(t, FAKE_FAULTS - 1)));
}

static void fail_many(struct trouble *t)
{
	enum fake_fault fault = FAKE_REFUSED + below(t, 4);
	unsigned i;

	for (i = 0; i < world_settings(t->world)->target_count; i++)
		if (below(t, 3) > 0)
			world_fail(t->world, i, fault);
}

static void heal_one(struct trouble *t)
{
	world_fail(t->world, a_target(t), FAKE_WELL);
}

static void heal_all(struct trouble *t)
{
	unsigned i;

	for (i = 0; i < world_settings(t->world)->target_count; i++) {
		world_flap(t->world, i, FAKE_REFUSED, 0);
		world_slow(t->world, i, 1 * MS);
		world_lose(t->world, i, 0);
		world_idle(t->world, i, 0);
		world_fail(t->world, i, FAKE_WELL);
	}
}

static void slow_one(struct trouble *t)
{
	unsigned target = a_target(t);

	world_slow(t->world, target, some_us(t, 500 * US, 600 * MS));
}

static void lose_some(struct trouble *t)
{
	unsigned target = a_target(t);

	world_lose(t->world, target, below(t, 2) == 0 ? 0 : below(t, 40));
}

static void idle_one(struct trouble *t)
{
	unsigned target = a_target(t);

	world_idle(t->world, target, some_us(t, 500 * US, 2 * SECOND));
}

static void flap_one(struct trouble *t)
{
	unsigned target = a_target(t);
	enum fake_fault fault = FAKE_REFUSED + below(t, 4);

	world_flap(t->world, target, fault, some_us(t, 20 * MS, 5 * SECOND));
}

static void freeze(struct trouble *t)
{
	world_freeze(t->world, some_us(t, 10 * MS, 8 * SECOND));
}

static void start(struct world *world, void *arg)
{
	(void)arg;
	world_start(world);
}

static void kill_node(struct trouble *t)
{
	int64_t away_us = some_us(t, 5 * MS, 10 * SECOND);

	if (below(t, 4) == 0)
		world_stop(t->world);
	else
		world_kill(t->world);
	world_call(t->world, instant_add(world_now(t->world), away_us), start,
		   NULL);
}

static void reload(struct trouble *t)
{
	if (t->set_count == SETS_MAX)
		return;
	lay_service(t, below(t, 3));
	world_reload(t->world, make(t, &t->stage));
}

static void haproxy(struct trouble *t)
{
	unsigned h = a_haproxy(t);

	world_haproxy_fault(t->world, h, below(t, HAPROXY_PERMIT + 1));
}

static void haproxy_reload(struct trouble *t)
{
	world_haproxy_fault(t->world, a_haproxy(t), HAPROXY_RELOAD);
}

static void operate(struct trouble *t)
{
	unsigned h = a_haproxy(t), target = a_target(t);

	world_operate(t->world, h, target, SERVER_READY + below(t, 3));
}

static void disk(struct trouble *t)
{
	enum disk_health health = below(t, DISK_HUNG + 1);

	world_disk(t->world, health, some_us(t, 200 * US, 50 * MS));
}

static void maintain(struct trouble *t)
{
	struct maintenance m = { .target = NOTE_NONE,
				 .on = below(t, 2) == 0,
				 .until = INSTANT_NEVER,
				 .reason = "trouble" };

	if (below(t, 6) > 0)
		m.target = a_target(t);
	m.drain = below(t, 2) == 0;
	if (below(t, 2) == 0) {
		m.until = instant_add(world_now(t->world),
				      some_us(t, 100 * MS, MINUTE));
		m.until_wall_us = 1;
	}
	world_maintain(t->world, &m);
}

static void clock_set(struct trouble *t)
{
	world_set_clock(t->world, (int64_t)below(t, 7200) * SECOND - HOUR);
}

static const struct {
	void (*fn)(struct trouble *t);
	unsigned chances;
} troubles[] = {
	{ fail_one, 30 }, { fail_many, 4 },      { heal_one, 20 },
	{ heal_all, 8 },  { slow_one, 4 },       { flap_one, 3 },
	{ lose_some, 4 }, { idle_one, 2 },       { freeze, 5 },
	{ kill_node, 6 }, { reload, 4 },         { haproxy, 12 },
	{ operate, 8 },   { disk, 5 },           { maintain, 6 },
	{ clock_set, 1 }, { haproxy_reload, 4 },
};

static void more_trouble(struct world *world, void *arg)
{
	struct trouble *t = arg;
	unsigned total = 0, i, lot;
	int64_t pause_us;

	if (instant_reached(world_now(world), t->end))
		return;
	for (i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++)
		total += troubles[i].chances;
	lot = below(t, total);
	for (i = 0; lot >= troubles[i].chances; i++)
		lot -= troubles[i].chances;
	troubles[i].fn(t);
	t->faults++;
	pause_us = some_us(t, 1 * MS, 20 * SECOND);
	world_call(world, instant_add(world_now(world), pause_us), more_trouble,
		   t);
}

/* Operators look after what is theirs, when HAProxy listens again. */
static void tidy(struct world *world, void *arg)
{
	struct trouble *t = arg;
	unsigned h, i;

	for (i = 0; i < world_settings(world)->target_count; i++)
		for (h = 0; h < t->stage.haproxy_count; h++)
			world_tidy(world, h, i);
}

/* Everything is put right that the daemon cannot put right itself. */
static void peace(struct world *world, void *arg)
{
	struct trouble *t = arg;
	struct maintenance m = { .target = NOTE_NONE, .reason = "peace" };
	unsigned h, i;

	for (h = 0; h < t->stage.haproxy_count; h++) {
		world_haproxy_fault(world, h, HAPROXY_START);
		world_haproxy_fault(world, h, HAPROXY_GO_ON);
		world_haproxy_fault(world, h, HAPROXY_PERMIT);
	}
	world_disk(world, DISK_WELL, 2 * MS);
	world_start(world);
	heal_all(t);
	world_maintain(world, &m);
	for (i = 0; i < world_settings(world)->target_count; i++) {
		m.target = i;
		world_maintain(world, &m);
	}
	world_call(world, instant_add(world_now(world), 1 * SECOND), tidy, t);
}

static void judge(struct trouble *t, struct trouble_told *told)
{
	const char *what;

	if (world_broken(t->world)[0] == '\0') {
		what = world_unsettled(t->world);
		if (what != NULL)
			world_break(t->world, "after %d s of peace: %s",
				    (int)(PEACE_US / SECOND), what);
	}
	snprintf(told->why, sizeof(told->why), "%s", world_broken(t->world));
	told->passed = told->why[0] == '\0';
	told->hash = world_hash(t->world);
	told->steps = world_steps(t->world);
	told->faults = t->faults;
	told->incidents = (unsigned)world_the_disk(t->world)->incident_count;
}

void trouble_tell(uint64_t seed, int64_t span_us, world_line_fn line, void *arg,
		  struct trouble_told *ret_told)
{
	struct trouble t = { .faults = 0 };
	struct settings *servers, *first;
	unsigned i;

	rng_init(&t.rng, seed ^ 0x74726f75626c65);
	lay_stage(&t);
	servers = all_servers(&t);
	first = make(&t, &t.stage);
	t.world = world_new(first, servers, seed);
	world_listen(t.world, line, arg);
	t.end = instant_add(world_now(t.world), span_us);
	world_call(t.world, instant_add(world_now(t.world), 3 * SECOND),
		   more_trouble, &t);
	/* A daemon that is away or frozen now is back before the peace. */
	if (world_run(t.world, instant_add(t.end, 15 * SECOND))) {
		peace(t.world, &t);
		world_run(t.world, instant_add(world_now(t.world), PEACE_US));
	}
	judge(&t, ret_told);
	world_free(t.world);
	for (i = 0; i < t.set_count; i++)
		settings_free(t.sets[i]);
}
