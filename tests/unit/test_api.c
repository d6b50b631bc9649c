/* The documents of docs/api.md. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "controller/daemon/api.h"
#include "tests/unit/view_world.h"

static int set_up(void **state)
{
	static struct view_world w;

	view_init(&w);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	view_done(*state);
	return 0;
}

static void all_answer(struct view_world *w)
{
	unsigned i;

	for (i = 0; i < CORE_TARGETS; i++)
		core_answer(&w->core, i, RESULT_L7OK);
	core_link(&w->core, 0, true);
	core_see_all(&w->core, 0, SERVER_READY);
	core_settle(&w->core);
}

static void assert_seconds(json_t *doc, const char *path, double seconds)
{
	json_t *value = view_get(doc, path);

	assert_true(json_is_real(value));
	assert_true(fabs(json_real_value(value) - seconds) < 1e-9);
}

static void a_well_service_says_so(void **state)
{
	struct view_world *w = *state;
	json_t *doc;

	all_answer(w);
	doc = view_status(w);
	assert_string_equal(view_text(doc, "summary"), "well");
	assert_string_equal(view_text(doc, "node"), "node1");
	assert_true(json_is_true(view_get(doc, "ready")));
	assert_int_equal(json_array_size(view_get(doc, "not_ready")), 0);
	assert_int_equal(json_array_size(view_get(doc, "incidents")), 0);
	assert_string_equal(view_text(doc, "services.0.name"), "api");
	assert_string_equal(view_text(doc, "services.0.state"), "well");
	assert_int_equal(
		json_integer_value(view_get(doc, "services.0.serving")), 3);
	assert_true(json_is_null(view_get(doc, "services.0.incident")));
	assert_string_equal(view_text(doc, "services.1.targets.0.name"),
			    "web1");
	assert_string_equal(view_text(doc, "services.0.targets.0.state"), "UP");
	assert_string_equal(view_text(doc, "services.0.targets.0.circuit"),
			    "CLOSED");
	assert_string_equal(view_text(doc, "services.0.targets.0.result.code"),
			    "L7OK");
	assert_true(json_is_null(
		view_get(doc, "services.0.targets.0.certificate_days")));
	json_decref(doc);
}

static void times_are_of_the_wall_and_in_utc(void **state)
{
	struct view_world *w = *state;
	json_t *doc;

	w->view.started_wall_us = (int64_t)1795194322 * SECOND + 123456;
	w->view.started = w->core.now;
	doc = view_status(w);
	assert_string_equal(view_text(doc, "time"),
			    "2026-11-20T17:05:22.123456Z");
	assert_seconds(doc, "uptime_seconds", 0);
	json_decref(doc);
}

static void an_unjudged_node_is_not_ready(void **state)
{
	struct view_world *w = *state;
	struct api_status status = { .view = &w->view };
	unsigned pieces;
	json_t *doc;
	char *text;
	bool ok;

	text = view_document(api_status_piece, &status, &pieces);
	doc = json_loads(text, 0, NULL);
	free(text);
	assert_string_equal(view_text(doc, "services.0.state"), "unknown");
	assert_string_equal(view_text(doc, "summary"), "degraded");
	assert_true(json_is_null(view_get(doc, "services.0.targets.0.result")));
	assert_string_equal(view_text(doc, "not_ready.0"),
			    "targets: 5 of 5 targets were not judged yet");
	json_decref(doc);
	doc = api_health(&w->view, API_STARTED, false, &ok);
	assert_false(ok);
	assert_string_equal(view_text(doc, "status"), "failing");
	json_decref(doc);
	all_answer(w);
	assert_int_equal(api_unjudged(&w->view), 0);
	doc = api_health(&w->view, API_STARTED, false, &ok);
	assert_true(ok);
	json_decref(doc);
}

static void an_unreachable_haproxy_makes_it_unready(void **state)
{
	struct view_world *w = *state;
	json_t *doc;
	bool ok;

	all_answer(w);
	core_link(&w->core, 0, false);
	doc = api_health(&w->view, API_READY, true, &ok);
	assert_false(ok);
	assert_false(json_is_true(view_get(doc, "checks.haproxy:lb1.ok")));
	assert_true(strlen(view_text(doc, "checks.haproxy:lb1.why")) > 0);
	json_decref(doc);
	doc = api_health(&w->view, API_LIVE, true, &ok);
	assert_true(ok);
	json_decref(doc);
	w->view.lag_us = 2 * SECOND;
	doc = api_health(&w->view, API_LIVE, true, &ok);
	assert_false(ok);
	assert_string_equal(view_text(doc, "checks.loop.why"),
			    "the loop was 2000 ms late");
	json_decref(doc);
}

static void a_dead_target_is_told_with_its_incident(void **state)
{
	struct view_world *w = *state;
	json_t *doc;

	all_answer(w);
	core_answers(&w->core, API2, 3, RESULT_L4CON);
	core_settle(&w->core);
	doc = view_status(w);
	assert_string_equal(view_text(doc, "summary"), "degraded");
	assert_string_equal(view_text(doc, "services.0.state"), "degraded");
	assert_string_equal(view_text(doc, "services.0.severity"), "P2");
	assert_int_equal(json_integer_value(view_get(doc, "services.0.down")),
			 1);
	assert_string_equal(view_text(doc, "services.0.targets.1.state"),
			    "DOWN");
	assert_string_equal(view_text(doc, "services.0.targets.1.circuit"),
			    "OPEN");
	assert_true(
		json_is_true(view_get(doc, "services.0.targets.1.withdrawn")));
	assert_string_equal(
		view_text(doc, "services.0.targets.1.evidence.0.kind"),
		"refused");
	assert_string_equal(
		view_text(doc, "services.0.targets.1.evidence.0.observer"),
		view_text(doc, "node"));
	assert_int_equal(json_integer_value(view_get(
				 doc, "services.0.targets.1.evidence.0.count")),
			 2);
	assert_string_equal(view_text(doc, "incidents.0.target"), "api2");
	assert_string_equal(view_text(doc, "incidents.0.cause.code"), "L4CON");
	assert_true(json_is_true(view_get(doc, "incidents.0.open")));
	assert_true(json_is_null(view_get(doc, "incidents.0.recovered")));
	json_decref(doc);
}

static void no_target_left_is_an_outage(void **state)
{
	struct view_world *w = *state;
	json_t *doc;
	unsigned i;

	all_answer(w);
	for (i = API1; i <= API3; i++)
		core_answers(&w->core, i, 3, RESULT_L7TOUT);
	core_settle(&w->core);
	core_wait(&w->core, 2 * SECOND);
	doc = view_status(w);
	assert_string_equal(view_text(doc, "summary"), "outage");
	assert_string_equal(view_text(doc, "services.0.state"), "outage");
	assert_string_equal(view_text(doc, "services.1.state"), "well");
	assert_string_equal(view_text(doc, "incidents.0.severity"), "P1");
	assert_true(json_is_true(view_get(doc, "incidents.0.total")));
	assert_true(json_real_value(
			    view_get(doc, "incidents.0.outage_seconds")) >= 2);
	json_decref(doc);
}

static void what_has_no_verdict_is_unknown_and_no_outage(void **state)
{
	struct view_world *w = *state;
	unsigned i;
	json_t *doc;

	for (i = API1; i <= API3; i++)
		core_answer(&w->core, i, RESULT_L7OK);
	core_answer(&w->core, WEB1, RESULT_RESOLV);
	core_answer(&w->core, WEB2, RESULT_PROCUNK);
	doc = view_status(w);
	assert_string_equal(view_text(doc, "services.1.state"), "unknown");
	assert_string_equal(view_text(doc, "summary"), "degraded");
	json_decref(doc);
}

static void maintenance_is_shown_with_what_is_left(void **state)
{
	struct view_world *w = *state;
	struct maintenance m = { .target = API3, .on = true, .drain = true };
	json_t *doc;

	all_answer(w);
	strcpy(m.reason, "disk \xff swap");
	m.until = instant_add(w->core.now, 90 * SECOND);
	m.until_wall_us = CORE_WALL + m.until.us;
	core_admin(&w->core, &m, 1);
	doc = view_status(w);
	assert_string_equal(view_text(doc, "services.0.targets.2.state"),
			    "MAINT");
	assert_string_equal(
		view_text(doc, "services.0.targets.2.maintenance.reason"),
		"disk ? swap");
	assert_seconds(doc, "services.0.targets.2.maintenance.left_seconds",
		       90);
	assert_int_equal(json_integer_value(view_get(doc, "services.0.maint")),
			 1);
	json_decref(doc);
}

static void events_carry_all_of_a_note(void **state)
{
	struct view_world *w = *state;
	struct note note = {
		.kind = NOTE_TARGET,
		.now = { 5 * SECOND },
		.wall_us = CORE_WALL,
		.service = API,
		.target = API1,
		.haproxy = NOTE_NONE,
		.incident = 17,
		.from = HEALTH_UP,
		.to = HEALTH_DOWN,
		.count = 3,
		.onset_min = { 4 * SECOND },
		.onset_max = INSTANT_NONE,
		.result = result_make(RESULT_L4CON, 111, 300, "refused"),
		.text = "3 checks failed",
	};
	char *text = api_event(&note, 42, &w->core.set, "line");
	json_t *doc = json_loads(text, 0, NULL);

	assert_ptr_equal(strstr(text, "{\"id\":42,\"time\":\""), text);
	assert_null(strchr(text, '\n'));
	assert_string_equal(view_text(doc, "kind"), "target");
	assert_string_equal(view_text(doc, "level"), "warning");
	assert_string_equal(view_text(doc, "target"), "api1");
	assert_string_equal(view_text(doc, "from"), "UP");
	assert_string_equal(view_text(doc, "to"), "DOWN");
	assert_string_equal(view_text(doc, "result.code"), "L4CON");
	assert_string_equal(view_text(doc, "text"), "line");
	assert_true(json_is_null(view_get(doc, "haproxy")));
	assert_true(json_is_null(view_get(doc, "onset_max")));
	assert_true(json_is_string(view_get(doc, "onset_min")));
	json_decref(doc);
	free(text);
}

static void names_are_found_with_and_without_their_service(void **state)
{
	struct view_world *w = *state;
	json_t *names = NULL;
	unsigned target = 99;

	assert_int_equal(api_find_target(&w->core.set, "web2", &target, &names),
			 0);
	assert_int_equal(target, WEB2);
	assert_int_equal(
		api_find_target(&w->core.set, "api/api2", &target, &names), 0);
	assert_int_equal(target, API2);
	assert_int_equal(
		api_find_target(&w->core.set, "shop/api2", &target, &names),
		-ENOENT);
	w->core.targets[WEB1].name = "api1";
	assert_int_equal(api_find_target(&w->core.set, "api1", &target, &names),
			 -EEXIST);
	assert_int_equal(json_array_size(names), 2);
	assert_string_equal(view_text(names, "0"), "api/api1");
	assert_string_equal(view_text(names, "1"), "shop/api1");
	json_decref(names);
}

static void pieces_are_small(void **state)
{
	struct view_world *w = *state;
	struct api_status status = { .view = &w->view, .started = true };
	struct buffer to = { 0 };
	bool more = true;

	while (more) {
		buffer_reset(&to);
		more = api_status_piece(&status, &to);
		assert_true(to.used < 4096);
	}
	buffer_done(&to);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_well_service_says_so),
		CASE(times_are_of_the_wall_and_in_utc),
		CASE(an_unjudged_node_is_not_ready),
		CASE(an_unreachable_haproxy_makes_it_unready),
		CASE(a_dead_target_is_told_with_its_incident),
		CASE(no_target_left_is_an_outage),
		CASE(what_has_no_verdict_is_unknown_and_no_outage),
		CASE(maintenance_is_shown_with_what_is_left),
		CASE(events_carry_all_of_a_note),
		CASE(names_are_found_with_and_without_their_service),
		CASE(pieces_are_small),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
