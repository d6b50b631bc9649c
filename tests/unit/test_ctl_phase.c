/* Checks are spread over the interval, and those that meet share a wake-up. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/ctl.h"

#define TARGETS 1000
#define SLICES  20

struct world {
	struct ctl *ctl;
	struct instant now, counted_from;
	unsigned slices[SLICES], wakeups;
};

static struct target_settings targets[TARGETS];
static struct service_settings service = {
	.name = "api",
	.check = { .interval_us = SECOND,
		   .fast_interval_us = 100 * MS,
		   .down_interval_us = SECOND,
		   .timeout_us = 500 * MS,
		   .timeout_min_us = 20 * MS,
		   .slow_after_us = 250 * MS,
		   .fall = 3,
		   .rise = 2,
		   .fresh_every = 10,
		   .lost = 10,
		   .lost_max = 64,
		   .lost_interval_us = 8 * MS },
	.concurrency = TARGETS,
	.target_count = TARGETS,
};
static const struct settings settings = {
	.services = &service,
	.service_count = 1,
	.targets = targets,
	.target_count = TARGETS,
};

static void count(struct world *w)
{
	int64_t since_us = instant_diff_us(w->counted_from, w->now);

	if (since_us >= 0 && since_us < SECOND)
		w->slices[since_us * SLICES / SECOND]++;
}

static void feed(struct world *w, struct event *ev);

/* All are well and answer at once. */
static void answer(struct world *w, const struct action *act)
{
	struct event ev = { .kind = EVENT_EVIDENCE };

	ev.evidence.target = act->check.target;
	ev.evidence.check = act->id;
	ev.evidence.result = result_make(RESULT_L7OK, 200, MS, NULL);
	count(w);
	feed(w, &ev);
}

static void feed(struct world *w, struct event *ev)
{
	struct actions out;
	unsigned i;

	ev->now = w->now;
	ctl_step(w->ctl, ev, &out);
	for (i = 0; i < out.count; i++)
		if (out.list[i].kind == ACTION_CHECK)
			answer(w, &out.list[i]);
}

static void run_until(struct world *w, struct instant end)
{
	struct instant due;

	for (;;) {
		struct event ev = { .kind = EVENT_DEADLINE };

		due = ctl_deadline(w->ctl);
		if (!instant_before(due, end))
			break;
		if (instant_before(w->now, due))
			w->wakeups++;
		w->now = instant_max(w->now, due);
		feed(w, &ev);
	}
	w->now = end;
}

static void checks_are_spread_evenly_and_share_wakeups(void **state)
{
	struct event start = { .kind = EVENT_START };
	struct stored stored = { 0 };
	struct world w = { .now = { 1000 * SECOND } };
	unsigned i;

	(void)state;
	for (i = 0; i < TARGETS; i++)
		targets[i] = (struct target_settings){ .name = "t",
						       .host = "10.0.0.1",
						       .address = "10.0.0.1:80",
						       .port = 80 };
	w.counted_from = instant_add(w.now, 10 * SECOND);
	w.ctl = ctl_new(&settings, 1);
	assert_non_null(w.ctl);
	start.stored = &stored;
	feed(&w, &start);
	run_until(&w, w.counted_from);
	w.wakeups = 0;
	run_until(&w, instant_add(w.counted_from, SECOND));
	for (i = 0; i < SLICES; i++)
		assert_in_range(w.slices[i], TARGETS / SLICES * 8 / 10,
				TARGETS / SLICES * 12 / 10);
	assert_in_range(w.wakeups, 200, 260);
	ctl_free(w.ctl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(checks_are_spread_evenly_and_share_wakeups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
