/* The incidents of the window and what follows from them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/core/note.h"
#include "controller/daemon/window.h"
#include "tests/unit/sample.h"

#define WALL  ((int64_t)1785000000 * SECOND)
#define BEGAN (WALL - 10 * HOUR)

struct world {
	struct sample sample;
	struct window *win;
	struct instant now;
};

static int set_up(void **state)
{
	static struct world w;

	sample_init(&w.sample);
	w.sample.set.history_us = 90 * DAY;
	w.win = window_new(&w.sample.set, BEGAN);
	w.now = (struct instant){ 100 * HOUR };
	*state = &w;
	return w.win == NULL;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	window_free(w->win);
	sample_done(&w->sample);
	return 0;
}

/* An incident of api that began @ago_us ago: seen after @detection_us, whole
 * after @recovery_us (negative: still open), out for @outage_us. */
static struct incident make(const struct world *w, uint32_t number,
			    int64_t ago_us, int64_t detection_us,
			    int64_t recovery_us, int64_t outage_us)
{
	struct instant onset = instant_add(w->now, -ago_us);
	struct incident inc = {
		.number = number,
		.service = SAMPLE_API,
		.target = API1,
		.severity = SEVERITY_P2,
		.onset_min = onset,
		.onset_max = onset,
		.detected = instant_add(onset, detection_us),
		.acted = INSTANT_NONE,
		.recovered = INSTANT_NONE,
		.onset_min_wall_us = WALL - ago_us,
		.detected_wall_us = WALL - ago_us + detection_us,
		.outage_us = outage_us,
		.outage_since = INSTANT_NONE,
	};

	if (recovery_us >= 0) {
		inc.recovered = instant_add(onset, recovery_us);
		inc.recovered_wall_us = WALL - ago_us + recovery_us;
	}
	return inc;
}

static const struct window_figures *figures(struct world *w, unsigned service)
{
	return window_service(w->win, service, w->now, WALL);
}

static void nothing_is_known_of_a_service_without_incidents(void **state)
{
	const struct window_figures *fig = figures(*state, SAMPLE_SHOP);

	assert_int_equal(fig->incidents, 0);
	assert_true(fig->mttd_us < 0 && fig->mttr_us < 0 && fig->mtbf_us < 0);
	assert_true(fig->availability == 1);
	assert_int_equal(fig->observed_us, 10 * HOUR);
}

static void means_are_over_the_incidents_of_a_service(void **state)
{
	struct world *w = *state;
	struct incident list[] = {
		make(w, 1, 9 * HOUR, 100 * MS, 10 * SECOND, 36 * SECOND),
		make(w, 2, 5 * HOUR, 300 * MS, 30 * SECOND, 0),
		make(w, 3, 1 * HOUR, 200 * MS, 20 * SECOND, 0),
	};
	const struct window_figures *fig;

	list[0].outage_us = 10 * SECOND;
	window_restore(w->win, list, 3);
	fig = figures(w, SAMPLE_API);
	assert_int_equal(fig->incidents, 3);
	assert_int_equal(fig->mttd_us, 200 * MS);
	assert_int_equal(fig->mttr_us, 20 * SECOND);
	assert_int_equal(fig->mtbf_us, 4 * HOUR);
	assert_true(fig->availability > 0.99972 && fig->availability < 0.99973);
}

static void only_the_part_inside_the_window_counts(void **state)
{
	struct world *w = *state;
	struct incident inc =
		make(w, 1, 11 * HOUR, 1 * SECOND, 2 * HOUR, 2 * HOUR);
	const struct window_figures *fig;

	window_restore(w->win, &inc, 1);
	fig = figures(w, SAMPLE_API);
	assert_int_equal(fig->incidents, 1);
	assert_true(fig->mttd_us < 0); /* it was detected before */
	assert_true(fig->availability > 0.899 && fig->availability < 0.901);
}

static void an_open_incident_counts_until_now(void **state)
{
	struct world *w = *state;
	struct incident inc = make(w, 1, 2 * HOUR, 1 * SECOND, -1, 0);
	const struct window_figures *fig;

	inc.outage_since = instant_add(w->now, -1 * HOUR);
	assert_true(window_incident(w->win, &inc).opened);
	fig = figures(w, SAMPLE_API);
	assert_int_equal(fig->mttd_us, 1 * SECOND);
	assert_true(fig->mttr_us < 0);
	assert_true(fig->availability > 0.899 && fig->availability < 0.901);
}

static void what_ended_in_maintenance_was_not_repaired(void **state)
{
	struct world *w = *state;
	struct incident inc = make(w, 1, 2 * HOUR, 1 * SECOND, 5 * SECOND, 0);

	inc.maintenance = true;
	window_restore(w->win, &inc, 1);
	assert_true(figures(w, SAMPLE_API)->mttr_us < 0);
	assert_int_equal(figures(w, SAMPLE_API)->mttd_us, 1 * SECOND);
}

static void news_tell_each_step_once(void **state)
{
	struct world *w = *state;
	struct incident inc = make(w, 7, 1 * MINUTE, 1 * SECOND, -1, 0);
	struct window_news news;
	size_t count;

	news = window_incident(w->win, &inc);
	assert_true(news.opened && !news.raised && !news.acted && !news.closed);
	inc.acted = w->now;
	news = window_incident(w->win, &inc);
	assert_true(!news.opened && news.acted);
	inc.severity = SEVERITY_P1;
	news = window_incident(w->win, &inc);
	assert_true(news.raised && !news.acted);
	inc.recovered = w->now;
	news = window_incident(w->win, &inc);
	assert_true(news.closed && !news.raised);
	news = window_incident(w->win, &inc);
	assert_false(news.opened || news.raised || news.acted || news.closed);
	window_list(w->win, &count);
	assert_int_equal(count, 1);
}

static void what_was_restored_is_no_news(void **state)
{
	struct world *w = *state;
	struct incident inc = make(w, 7, 1 * MINUTE, 1 * SECOND, -1, 0);
	struct window_news news;

	window_restore(w->win, &inc, 1);
	news = window_incident(w->win, &inc);
	assert_false(news.opened || news.raised || news.acted || news.closed);
	inc.recovered = w->now;
	assert_true(window_incident(w->win, &inc).closed);
}

static void incidents_follow_their_service_by_name(void **state)
{
	struct world *w = *state;
	struct incident inc = make(w, 1, 1 * HOUR, 1 * SECOND, 5 * SECOND, 0);
	struct sample other;
	const struct incident *list;
	size_t count;

	window_restore(w->win, &inc, 1);
	sample_init(&other);
	other.services[SAMPLE_API].name = "new";
	other.services[SAMPLE_SHOP].name = "api";
	window_reload(w->win, &w->sample.set, &other.set);
	assert_int_equal(figures(w, SAMPLE_SHOP)->incidents, 1);
	assert_int_equal(figures(w, SAMPLE_API)->incidents, 0);
	list = window_list(w->win, &count);
	assert_int_equal(list[0].target, SHOP_API1);
	other.targets[SHOP_API1].name = "gone";
	window_reload(w->win, &other.set, &w->sample.set);
	other.services[SAMPLE_SHOP].name = "gone";
	other.services[SAMPLE_API].name = "gone too";
	window_reload(w->win, &w->sample.set, &other.set);
	window_list(w->win, &count);
	assert_int_equal(count, 0);
	/* The controller closes what it no longer watches: no news here. */
	inc.service = NOTE_NONE;
	inc.target = NOTE_NONE;
	assert_false(window_incident(w->win, &inc).closed);
	sample_done(&other);
}

static void the_oldest_go_first(void **state)
{
	struct world *w = *state;
	const struct incident *list;
	struct incident inc;
	uint32_t number;
	size_t count;

	for (number = 1; number <= 10010; number++) {
		inc = make(w, number, 1 * HOUR, 1 * SECOND, 5 * SECOND, 0);
		window_incident(w->win, &inc);
	}
	list = window_list(w->win, &count);
	assert_int_equal(count, 10000);
	assert_int_equal(list[0].number, 11);
	assert_int_equal(list[count - 1].number, 10010);
}

static void what_is_no_incident_of_a_service_counts_for_none(void **state)
{
	struct world *w = *state;
	struct incident node =
		make(w, 1, 1 * HOUR, 1 * SECOND, 10 * SECOND, 5 * SECOND);
	struct incident merged =
		make(w, 2, 1 * HOUR, 1 * SECOND, 10 * SECOND, 5 * SECOND);
	const struct window_figures *fig;
	struct sample other;

	node.service = INCIDENT_NODE;
	node.target = 1;
	merged.merged_into = 1;
	assert_true(window_incident(w->win, &node).opened);
	window_incident(w->win, &merged);
	fig = window_service(w->win, SAMPLE_API, w->now, WALL);
	assert_int_equal(fig->incidents, 0);
	assert_true(fig->availability > 0.999999);
	assert_int_equal(window_find(w->win, 1)->service, INCIDENT_NODE);
	assert_int_equal(window_find(w->win, 2)->merged_into, 1);
	assert_null(window_find(w->win, 3));
	sample_init(&other);
	window_reload(w->win, &w->sample.set, &other.set);
	assert_int_equal(window_find(w->win, 1)->target, 1);
	sample_done(&other);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(nothing_is_known_of_a_service_without_incidents),
		CASE(means_are_over_the_incidents_of_a_service),
		CASE(only_the_part_inside_the_window_counts),
		CASE(an_open_incident_counts_until_now),
		CASE(what_ended_in_maintenance_was_not_repaired),
		CASE(news_tell_each_step_once),
		CASE(what_was_restored_is_no_news),
		CASE(incidents_follow_their_service_by_name),
		CASE(the_oldest_go_first),
		CASE(what_is_no_incident_of_a_service_counts_for_none),
	};

	return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
