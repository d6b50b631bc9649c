/* What a node can find out about itself: pressure, a canary, a carrier. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/daemon/beats.h"
#include "controller/io/canary.h"
#include "controller/io/carrier.h"
#include "controller/io/pressure.h"

struct folder {
	char path[64];
	struct pressure pressure;
};

static void put(const struct folder *f, const char *name, const char *text)
{
	char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static int set_up(void **state)
{
	static struct folder f;

	strcpy(f.path, "/tmp/bascule-pressure.XXXXXX");
	assert_non_null(mkdtemp(f.path));
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const names[] = { "cpu", "memory", "io" };
	struct folder *f = *state;
	char path[128];
	unsigned i;

	pressure_done(&f->pressure);
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
		unlink(path);
	}
	return rmdir(f->path);
}

static void pressure_is_what_was_waited_since_the_last_look(void **state)
{
	struct folder *f = *state;
	struct instant now = { 10 * SECOND };
	unsigned percent[PRESSURE_KINDS];

	put(f, "cpu", "some avg10=9.9 total=1000000\nfull total=7\n");
	put(f, "memory", "some avg10=0.00 total=5\nfull total=7\n");
	pressure_init(&f->pressure, f->path);
	pressure_look(&f->pressure, now, percent);
	assert_int_equal(percent[PRESSURE_CPU], 0);
	put(f, "cpu", "some avg10=9.9 total=1600000\nfull total=7\n");
	pressure_look(&f->pressure, instant_add(now, SECOND), percent);
	assert_int_equal(percent[PRESSURE_CPU], 60);
	assert_int_equal(percent[PRESSURE_MEMORY], 0);
	assert_int_equal(percent[PRESSURE_IO], 0);
	put(f, "cpu", "some total=9999999\n");
	pressure_look(&f->pressure, instant_add(now, 2 * SECOND), percent);
	assert_int_equal(percent[PRESSURE_CPU], 100);
}

static void a_kernel_without_pressure_or_with_nonsense_shows_none(void **state)
{
	struct folder *f = *state;
	struct instant now = { 10 * SECOND };
	unsigned percent[PRESSURE_KINDS], i;

	put(f, "cpu", "");
	put(f, "io", "none of this\nsome total=8\n");
	pressure_init(&f->pressure, f->path);
	for (i = 0; i < 3; i++) {
		now = instant_add(now, SECOND);
		pressure_look(&f->pressure, now, percent);
		assert_int_equal(percent[PRESSURE_CPU], 0);
		assert_int_equal(percent[PRESSURE_MEMORY], 0);
		assert_int_equal(percent[PRESSURE_IO], 0);
	}
}

struct world {
	struct loop *loop;
	struct canary *canary;
	int64_t took_us;
	unsigned answers;
};

static void on_answer(void *arg, int64_t took_us)
{
	struct world *w = arg;

	w->took_us = took_us;
	if (++w->answers < 3)
		canary_ask(w->canary);
	else
		loop_stop(w->loop);
}

static void the_canary_answers_through_the_loop(void **state)
{
	struct world w = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(loop_new(&w.loop, &err), 0);
	w.canary = canary_new(w.loop, on_answer, &w);
	assert_non_null(w.canary);
	assert_int_equal(canary_waits_us(w.canary), 0);
	canary_ask(w.canary);
	canary_ask(w.canary);
	loop_run(w.loop);
	assert_int_equal(w.answers, 3);
	assert_true(w.took_us > 0);
	assert_int_equal(canary_waits_us(w.canary), 0);
	canary_free(w.canary);
	canary_free(NULL);
	loop_free(w.loop);
}

static void loopback_and_names_have_no_carrier_to_lose(void **state)
{
	struct carrier carrier;

	(void)state;
	carrier_init(&carrier);
	carrier_reach(&carrier, "127.0.0.1");
	carrier_reach(&carrier, "::1");
	carrier_reach(&carrier, "db.example");
	carrier_reach(&carrier, "");
	assert_int_equal(carrier.count, 0);
	assert_false(carrier_lost(&carrier));
}

/* @node sends @sent to each of two, of which we miss each @missed-th. */
static void sends(struct beats *beats, unsigned node, unsigned sent,
		  unsigned missed)
{
	unsigned i;

	for (i = 0; i <= sent; i++)
		if (missed == 0 || i % missed != missed - 1)
			beats_hear(beats, node, 1000 + 2 * i);
}

static void loss_is_what_all_other_nodes_lose(void **state)
{
	const bool up[3] = { false, true, true };
	struct instant now = { 10 * SECOND };
	struct beats beats;

	(void)state;
	beats_init(&beats);
	assert_int_equal(beats_loss(&beats, up, 3, now), 0);
	sends(&beats, 1, 50, 5);
	sends(&beats, 2, 50, 3);
	beats_hear(&beats, SETTINGS_NODES_MAX, 7);
	now = instant_add(now, BEATS_SPAN_US);
	assert_int_equal(beats_loss(&beats, up, 3, now), 20);
	now = instant_add(now, SECOND);
	assert_int_equal(beats_loss(&beats, up, 3, now), 20);
	/* A span that was too long: this node stood still. */
	sends(&beats, 1, 50, 5);
	sends(&beats, 2, 50, 3);
	now = instant_add(now, 2 * BEATS_SPAN_US);
	assert_int_equal(beats_loss(&beats, up, 3, now), 0);
}

static void who_is_not_heard_at_all_loses_nothing(void **state)
{
	const bool up[3] = { false, false, true }, none[3] = { false };
	struct instant now = { 10 * SECOND };
	struct beats beats;

	(void)state;
	beats_init(&beats);
	beats_loss(&beats, up, 3, now);
	sends(&beats, 1, 50, 2);
	sends(&beats, 2, 50, 0);
	now = instant_add(now, BEATS_SPAN_US);
	assert_int_equal(beats_loss(&beats, up, 3, now), 0);
	sends(&beats, 1, 50, 2);
	now = instant_add(now, BEATS_SPAN_US);
	assert_int_equal(beats_loss(&beats, none, 3, now), 0);
}

static void another_life_of_a_node_is_counted_anew(void **state)
{
	const bool up[2] = { false, true };
	struct instant now = { 10 * SECOND };
	struct beats beats;

	(void)state;
	beats_init(&beats);
	beats_loss(&beats, up, 2, now);
	beats_hear(&beats, 1, 5000);
	sends(&beats, 1, 50, 0);
	now = instant_add(now, BEATS_SPAN_US);
	/* To one other node only: each second number is missing. */
	assert_int_equal(beats_loss(&beats, up, 2, now), 50);
}

int main(void)
{
	const struct CMUnitTest self_watch[] = {
		cmocka_unit_test_setup_teardown(
			pressure_is_what_was_waited_since_the_last_look, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_kernel_without_pressure_or_with_nonsense_shows_none,
			set_up, tear_down),
		cmocka_unit_test(the_canary_answers_through_the_loop),
		cmocka_unit_test(loss_is_what_all_other_nodes_lose),
		cmocka_unit_test(another_life_of_a_node_is_counted_anew),
		cmocka_unit_test(who_is_not_heard_at_all_loses_nothing),
		cmocka_unit_test(loopback_and_names_have_no_carrier_to_lose),
	};

	return cmocka_run_group_tests(self_watch, NULL, NULL);
}
