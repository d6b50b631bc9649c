/* The language of scenarios, the queue of what happens, and the disk of the
 * simulated world. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/note.h"
#include "controller/core/rng.h"
#include "drill/scenario.h"
#include "drill/sim/disk.h"
#include "drill/sim/play.h"
#include "drill/sim/queue.h"
#include "tests/unit/core_world.h"

static void refused(const char *text, const char *why)
{
	struct scenario *sc = NULL;
	struct err err = { 0 };

	assert_int_equal(scenario_parse("x.scenario", text, &sc, &err),
			 -EINVAL);
	assert_string_equal(err.text, why);
}

static void reads_all_statements(void **state)
{
	static const char text[] = "# a story\n"
				   "services api 3 targets min_up 1   # three\n"
				   "\n"
				   "haproxies lb1 lb2\n"
				   "seeds 7\n"
				   "at 10s fail api1 L4CON\n"
				   "at 20s..1m kill node\n"
				   "within 400ms of 10s down api1\n"
				   "never down api2\n"
				   "from 1s to 2s never up api3\n"
				   "count stall 1\n"
				   "incidents 1\n"
				   "unsettled\n"
				   "end 2m";
	struct scenario *sc = NULL;
	struct err err;

	(void)state;
	assert_int_equal(scenario_parse("x", text, &sc, &err), 0);
	assert_int_equal(sc->count, 12);
	assert_int_equal(sc->end_us, 2 * MINUTE);
	assert_int_equal(sc->seeds, 7);
	assert_int_equal(sc->lines[0].line, 2);
	assert_string_equal(sc->lines[0].words[3], "min_up");
	assert_int_equal(sc->lines[4].from_us, 20 * SECOND);
	assert_int_equal(sc->lines[4].to_us, 1 * MINUTE);
	assert_int_equal(sc->lines[5].to_us, 10400 * MS);
	assert_int_equal(sc->lines[7].from_us, 1 * SECOND);
	assert_int_equal(play_check(sc, &err), 0);
	scenario_free(sc);
}

static void says_where_and_what_is_wrong(void **state)
{
	(void)state;
	refused("end 1s\nfoo bar\n", "x.scenario:2: no such statement: foo");
	refused("at 10 fail api1\nend 1s",
		"x.scenario:1: not a time with a unit, such as 400ms: 10");
	refused("at 10s..5s fail api1\n",
		"x.scenario:1: not a range of times, such as 10s..20s: "
		"10s..5s");
	refused("at 10s\n", "x.scenario:1: something is missing at the end");
	refused("within 1s down api1\n",
		"x.scenario:1: `of TIME` is missing after the span");
	refused("from 1s never down api1\n",
		"x.scenario:1: `to TIME` is missing");
	refused("from 1s to 2s down api1\n",
		"x.scenario:1: `never` is missing");
	refused("services api none targets\n",
		"x.scenario:1: not `services NAME COUNT targets`");
	refused("services api 3 targets min_up\n",
		"x.scenario:1: a key without a value: min_up");
	refused("unsettled now\n", "x.scenario:1: more than was expected: now");
	refused("\n\n", "x.scenario:2: `end TIME` is missing");
}

static void refuses_words_that_nobody_plays(void **state)
{
	static const char *const texts[] = { "at 1s explode api1\nend 1s",
					     "never happy api1\nend 1s",
					     "count laughter 3\nend 1s" };
	struct scenario *sc;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(scenario_parse("x", texts[i], &sc, &err), 0);
		assert_int_equal(play_check(sc, &err), -EINVAL);
		scenario_free(sc);
	}
}

static void bears_any_prefix(void **state)
{
	static const char text[] = "services api 3 targets min_up 1\n"
				   "at 10s..20s fail api1 L4CON\n"
				   "within 400ms of 10s down api1\n"
				   "from 1s to 2s never up api3\nend 2m";
	char copy[sizeof(text)];
	struct scenario *sc;
	struct err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(text); i++) {
		memcpy(copy, text, i);
		copy[i] = '\0';
		sc = NULL;
		if (scenario_parse("x", copy, &sc, &err) == 0)
			scenario_free(sc);
	}
}

static void tell(const char *text, bool passed, const char *why)
{
	struct scenario *sc = NULL;
	struct played played, again;
	struct err err = { 0 };

	assert_int_equal(scenario_parse("x", text, &sc, &err), 0);
	assert_int_equal(play(sc, 1, NULL, NULL, &played, &err), 0);
	assert_int_equal(play(sc, 1, NULL, NULL, &again, &err), 0);
	assert_int_equal(played.passed, passed);
	assert_string_equal(played.why, why);
	assert_true(played.hash == again.hash);
	assert_int_equal(played.steps, again.steps);
	scenario_free(sc);
}

static void a_story_is_the_same_each_time(void **state)
{
	(void)state;
	tell("services api 3 targets\n"
	     "at 5s..6s fail api1 L4CON\n"
	     "at 10s heal api1\n"
	     "end 20s",
	     true, "");
}

static void notices_what_does_not_come_true(void **state)
{
	(void)state;
	tell("services api 2 targets\n"
	     "within 1s of 5s down api1\n"
	     "end 10s",
	     false, "x:2: not down api1 in time");
	tell("services api 2 targets\n"
	     "at 5s fail api1 L4CON\n"
	     "never down api1\n"
	     "end 10s",
	     false, "x:3: never down api1");
	tell("services api 2 targets\nincidents 1\nend 10s", false,
	     "x:2: 0 incidents");
	tell("services api 2 targets\ncount started 2\nend 10s", false,
	     "x:2: 1 times started");
	tell("services api 2 targets\nat 9s kill node\nend 10s", false,
	     "x: at the end the daemon does not run");
	tell("services api 2 targets\nat 1s fail api9 L4CON\nend 10s", false,
	     "x:2: no such target");
}

static void happenings_come_by_time_and_then_by_order(void **state)
{
	struct happening h = { .kind = 1 };
	struct queue q;
	struct rng rng;
	unsigned i;
	int64_t last_us = 0;
	uint64_t last = 0;

	(void)state;
	queue_init(&q);
	assert_true(instant_is_never(queue_next(&q)));
	rng_init(&rng, 1);
	for (i = 0; i < 1000; i++) {
		h.at.us = (int64_t)rng_below(&rng, 50);
		h.token = i;
		queue_put(&q, &h);
	}
	for (i = 0; i < 990; i++) {
		h = queue_take(&q);
		assert_true(h.at.us > last_us ||
			    (h.at.us == last_us && (i == 0 || h.token > last)));
		last_us = h.at.us;
		last = h.token;
	}
	queue_done(&q);
}

static void put(struct disk *disk, const struct core_world *w,
		struct store_order order)
{
	disk_order(disk, 1, &order, &w->set, w->now);
}

static void a_disk_keeps_what_was_committed_by_name(void **state)
{
	struct store_order claim = { .kind = STORE_CLAIM,
				     .claim = { .target = API2 } };
	bool weight_only = true;
	struct stored stored;
	struct core_world w;
	struct disk disk;

	(void)state;
	core_init(&w);
	disk_init(&disk);
	put(&disk, &w, claim);
	assert_false(disk_has_claim(&disk, &w.set, 0, API2, &weight_only));
	disk.in_commit = 1;
	disk_commit(&disk);
	assert_true(disk_has_claim(&disk, &w.set, 0, API2, &weight_only));
	assert_false(weight_only);
	claim.claim.target = API3;
	put(&disk, &w, claim);
	stored = disk_stored(&disk, &w.set, true);
	assert_int_equal(stored.claim_count, 2);
	disk_forget(&stored);
	disk_lose_queue(&disk);
	w.targets[API1].name = "api2";
	w.targets[API2].name = "api1";
	stored = disk_stored(&disk, &w.set, false);
	assert_int_equal(stored.claim_count, 1);
	assert_int_equal(stored.claims[0].target, API1);
	disk_forget(&stored);
	disk_done(&disk);
}

static void a_disk_notices_doubled_incidents(void **state)
{
	struct store_order order = { .kind = STORE_INCIDENT };
	struct core_world w;
	struct disk disk;

	(void)state;
	core_init(&w);
	disk_init(&disk);
	order.incident =
		(struct incident){ .number = 1, .recovered = INSTANT_NONE };
	put(&disk, &w, order);
	disk.in_commit = 1;
	disk_commit(&disk);
	assert_null(disk.wrong);
	assert_int_equal(disk_open_incidents(&disk), 1);
	order.incident.number = 2;
	put(&disk, &w, order);
	disk.in_commit = 1;
	disk_commit(&disk);
	assert_non_null(disk.wrong);
	disk_done(&disk);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_statements),
		cmocka_unit_test(says_where_and_what_is_wrong),
		cmocka_unit_test(refuses_words_that_nobody_plays),
		cmocka_unit_test(bears_any_prefix),
		cmocka_unit_test(a_story_is_the_same_each_time),
		cmocka_unit_test(notices_what_does_not_come_true),
		cmocka_unit_test(happenings_come_by_time_and_then_by_order),
		cmocka_unit_test(a_disk_keeps_what_was_committed_by_name),
		cmocka_unit_test(a_disk_notices_doubled_incidents),
	};

	return cmocka_run_group_tests_name("scenario", tests, NULL, NULL);
}
