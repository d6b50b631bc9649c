/* Groups of databases in the documents, the metrics and on the screen. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api.h"
#include "controller/daemon/api_group.h"
#include "controller/daemon/metrics.h"
#include "tests/unit/view_world.h"

static struct failover_settings failover = {
	.mode = FAILOVER_AUTOMATIC,
	.max_lag_bytes = 1000,
	.promote_timeout_us = 30 * SECOND,
};

/* Service api is a group of three whose primary is api1. */
static int set_up(void **state)
{
	static struct view_world w;
	unsigned i;

	memset(&w, 0, sizeof(w));
	core_init(&w.core);
	w.core.services[API].failover = &failover;
	for (i = 0; i < CORE_TARGETS; i++) {
		w.core.targets[i].host = "10.0.0.1";
		w.core.targets[i].port = (uint16_t)(5000 + i);
	}
	core_start(&w.core, NULL);
	cluster_facts_init(&w.view.cluster);
	w.view.set = &w.core.set;
	w.view.ctl = w.core.ctl;
	w.view.window = window_new(&w.core.set, CORE_WALL - 1 * HOUR);
	w.view.metrics = metrics_new(&w.core.set);
	w.view.started = instant_add(w.core.now, -1 * HOUR);
	w.view.started_wall_us = CORE_WALL + w.view.started.us;
	view_now(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	view_done(*state);
	return 0;
}

static void say(struct view_world *w, unsigned target,
		const struct database_facts *facts)
{
	struct event ev = { .kind = EVENT_DATABASE };

	ev.database.target = target;
	ev.database.facts = facts;
	core_feed(&w->core, &ev);
}

static void say_primary(struct view_world *w, unsigned target, uint64_t offset)
{
	const struct database_facts facts = {
		.role = DATABASE_PRIMARY,
		.writable = true,
		.start = 1 + target,
		.applied = { 2, offset },
		.received = { 2, offset },
		.lag_us = -1,
		.replica_count = 2,
	};

	say(w, target, &facts);
}

static void say_replica(struct view_world *w, unsigned target, uint64_t offset)
{
	const struct database_facts facts = {
		.role = DATABASE_REPLICA,
		.start = 1 + target,
		.applied = { 2, offset },
		.received = { 2, offset },
		.source_host = "10.0.0.1",
		.source_port = 5000,
		.source_up = true,
		.lag_us = 20 * MS,
	};

	say(w, target, &facts);
}

static void decide(struct view_world *w, enum phase phase)
{
	struct document doc = { .position = { 1, 1 }, .group_count = 1 };
	struct event ev = { .kind = EVENT_DOCUMENT };
	struct document_group *group = &doc.groups[0];

	strcpy(group->name, "api");
	strcpy(group->primary, "api1");
	strcpy(group->leaving, phase == PHASE_STEADY ? "" : "api1");
	strcpy(group->reason, "found as primary");
	group->epoch = 3;
	group->phase = phase;
	ev.document = &doc;
	core_feed(&w->core, &ev);
}

static void begin(struct view_world *w)
{
	unsigned i;

	for (i = 0; i < CORE_TARGETS; i++)
		core_answer(&w->core, i, RESULT_L7OK);
	say_primary(w, API1, 5000);
	say_replica(w, API2, 4900);
	say_replica(w, API3, 2000);
	decide(w, PHASE_STEADY);
}

static json_int_t number(json_t *doc, const char *path)
{
	json_t *value = view_get(doc, path);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

static void a_group_shows_what_was_decided(void **state)
{
	struct view_world *w = *state;
	json_t *doc;

	begin(w);
	doc = view_status(w);
	assert_string_equal(view_text(doc, "services.0.group.primary"), "api1");
	assert_string_equal(view_text(doc, "services.0.group.phase"), "steady");
	assert_string_equal(view_text(doc, "services.0.group.mode"),
			    "automatic");
	assert_int_equal(number(doc, "services.0.group.epoch"), 3);
	assert_true(json_is_null(view_get(doc, "services.0.group.held")));
	assert_true(json_is_null(view_get(doc, "services.1.group")));
	json_decref(doc);
	decide(w, PHASE_FENCING);
	doc = view_status(w);
	assert_string_equal(view_text(doc, "services.0.group.phase"),
			    "fencing");
	assert_string_equal(view_text(doc, "services.0.group.leaving"), "api1");
	assert_true(json_is_true(view_get(doc, "services.0.group.busy")));
	json_decref(doc);
}

static void nothing_is_decided_before_it_is(void **state)
{
	json_t *doc = view_status(*state);

	assert_true(json_is_null(view_get(doc, "services.0.group.phase")));
	assert_true(json_is_null(view_get(doc, "services.0.group.primary")));
	assert_true(
		json_is_null(view_get(doc, "services.0.targets.0.database")));
	json_decref(doc);
}

static void an_instance_shows_how_far_behind_it_is(void **state)
{
	struct view_world *w = *state;
	json_t *doc;

	begin(w);
	doc = view_status(w);
	assert_string_equal(
		view_text(doc, "services.0.targets.0.database.role"),
		"primary");
	assert_string_equal(
		view_text(doc, "services.0.targets.1.database.source"),
		"10.0.0.1:5000");
	assert_int_equal(number(doc, "services.0.targets.1.database.lag_bytes"),
			 100);
	assert_true(json_is_true(
		view_get(doc, "services.0.targets.1.database.reads")));
	assert_int_equal(number(doc, "services.0.targets.2.database.lag_bytes"),
			 3000);
	assert_true(json_is_false(
		view_get(doc, "services.0.targets.2.database.reads")));
	json_decref(doc);
}

static void a_plan_rejects_with_a_reason(void **state)
{
	struct view_world *w = *state;
	json_t *doc;

	begin(w);
	view_now(w);
	doc = api_plan(&w->view, API, NOTE_NONE);
	assert_string_equal(view_text(doc, "primary"), "api1");
	assert_string_equal(view_text(doc, "successor"), "api2");
	assert_int_equal(json_array_size(view_get(doc, "candidates")), 2);
	assert_int_equal(number(doc, "candidates.0.behind_bytes"), 100);
	assert_true(json_is_true(view_get(doc, "candidates.0.chosen")));
	assert_true(json_is_false(view_get(doc, "candidates.1.fit")));
	assert_string_equal(view_text(doc, "candidates.1.why"),
			    plan_reject_text(PLAN_BEHIND));
	json_decref(doc);
	doc = api_plan(&w->view, API, API3);
	assert_true(json_is_null(view_get(doc, "successor")));
	json_decref(doc);
}

static char *page(struct view_world *w)
{
	struct metrics_page page = { .view = &w->view };
	unsigned pieces;

	view_now(w);
	return view_document(metrics_piece, &page, &pieces);
}

static void assert_line(struct view_world *w, const char *line)
{
	char *text = page(w);

	if (strstr(text, line) == NULL)
		fail_msg("no %s", line);
	free(text);
}

static void metrics_tell_roles_and_lag(void **state)
{
	struct view_world *w = *state;

	begin(w);
	assert_line(w, "\nbascule_database_epoch{group=\"api\"} 3\n");
	assert_line(w, "\nbascule_database_held{group=\"api\"} 0\n");
	assert_line(w, "\nbascule_database_primary{group=\"api\",target="
		       "\"api1\"} 1\n");
	assert_line(w, "\nbascule_database_primary{group=\"api\",target="
		       "\"api2\"} 0\n");
	assert_line(w, "\nbascule_database_writable{group=\"api\",target="
		       "\"api1\"} 1\n");
	assert_line(w, "\nbascule_database_lag_bytes{group=\"api\",target="
		       "\"api3\"} 3000\n");
	assert_line(w, "\nbascule_database_lag_seconds{group=\"api\",target="
		       "\"api2\"} 0.02\n");
}

static void a_door_is_told_of_where_it_is_kept(void **state)
{
	struct view_world *w = *state;
	struct cluster_facts *facts = &w->view.cluster;
	json_t *doc;

	begin(w);
	facts->door_count = 1;
	facts->doors[0].target = API2;
	facts->doors[0].guarded = true;
	facts->doors[0].open_until = instant_add(w->core.now, 850 * MS);
	assert_line(w, "\nbascule_database_door_seconds{group=\"api\",target="
		       "\"api2\"} 0.85\n");
	doc = api_door(&w->view, API1);
	assert_true(json_is_null(doc));
	json_decref(doc);
	doc = api_door(&w->view, API2);
	assert_true(json_is_true(json_object_get(doc, "open")));
	json_decref(doc);
	facts->doors[0].open_until = w->view.now;
	doc = api_door(&w->view, API2);
	assert_true(json_is_false(json_object_get(doc, "open")));
	assert_true(json_is_null(json_object_get(doc, "left_seconds")));
	json_decref(doc);
	facts->doors[0].guarded = false;
	doc = api_door(&w->view, API2);
	assert_true(json_is_true(json_object_get(doc, "open")));
	json_decref(doc);
}

static void failovers_of_a_group_are_counted(void **state)
{
	struct note note = { .kind = NOTE_GROUP_DONE,
			     .service = API,
			     .span_us = 300 * MS };
	struct view_world *w = *state;

	metrics_note(w->view.metrics, &note);
	note.count = 1;
	metrics_note(w->view.metrics, &note);
	assert_line(w, "\nbascule_failovers_total{group=\"api\",reason="
		       "\"lost\"} 1\n");
	assert_line(w, "\nbascule_failovers_total{group=\"api\",reason="
		       "\"switchover\"} 1\n");
	assert_line(w, "\nbascule_failover_duration_seconds_count{group="
		       "\"api\"} 2\n");
}

static void an_event_tells_its_steps(void **state)
{
	struct note note = { .kind = NOTE_GROUP_DONE,
			     .service = API,
			     .target = API2,
			     .haproxy = NOTE_NONE,
			     .term = 4,
			     .span_us = 300 * MS,
			     .onset_min = INSTANT_NONE,
			     .onset_max = INSTANT_NONE,
			     .group = { .from = API1,
					.to = API2,
					.promoted_us = 200 * MS,
					.loss_bytes = 17,
					.loss_known = true,
					.loss_most = 170,
					.loss_most_known = true } };
	struct view_world *w = *state;
	char *text = api_event(&note, 1, &w->core.set, "x");
	json_t *doc = json_loads(text, 0, NULL);

	assert_string_equal(view_text(doc, "kind"), "group_failover");
	assert_string_equal(view_text(doc, "from"), "api1");
	assert_string_equal(view_text(doc, "to"), "api2");
	assert_int_equal(number(doc, "epoch"), 4);
	assert_int_equal(number(doc, "lost_bytes_estimate"), 17);
	assert_int_equal(number(doc, "lost_bytes_most"), 170);
	assert_true(json_is_real(view_get(doc, "steps.promoted_seconds")));
	assert_true(json_is_real(view_get(doc, "seconds")));
	json_decref(doc);
	free(text);
}

#define CASE(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_group_shows_what_was_decided),
		CASE(nothing_is_decided_before_it_is),
		CASE(an_instance_shows_how_far_behind_it_is),
		CASE(a_plan_rejects_with_a_reason),
		CASE(metrics_tell_roles_and_lag),
		CASE(a_door_is_told_of_where_it_is_kept),
		CASE(failovers_of_a_group_are_counted),
		CASE(an_event_tells_its_steps),
	};

	return cmocka_run_group_tests_name("api_group", tests, NULL, NULL);
}
