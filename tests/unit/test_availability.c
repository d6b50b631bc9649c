/* Availability and the times of detection and repair, from incidents. */

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "report/render.h"
#include "tests/unit/golden.h"

#define NOW (1785000000 * SECOND)

static const struct availability_service services[] = {
	{ .name = "api",
	  .availability = 0.999,
	  .mttd_us = SECOND,
	  .mttr_us = 30 * SECOND },
	{ .name = "db" },
};

/* An incident @ago_us before now that took @took_us, 0 for one still open. */
static struct availability_incident incident(unsigned service, int64_t ago_us,
					     int64_t took_us, int64_t outage_us)
{
	struct availability_incident inc = {
		.number = 7,
		.service = service,
		.target = "one",
		.cause = "L4CON, 0.3 ms, connection | refused",
		.severity = outage_us > 0 ? SEVERITY_P1 : SEVERITY_P2,
		.onset_us = NOW - ago_us,
		.detected_us = NOW - ago_us + 200 * MS,
		.recovered_us = took_us > 0 ? NOW - ago_us + took_us : 0,
		.detection_us = 200 * MS,
		.action_us = 2 * MS,
		.recovery_us = took_us > 0 ? took_us : SPAN_NONE,
		.outage_us = outage_us,
	};

	return inc;
}

static struct availability_input
input(const struct availability_incident *incidents, size_t count)
{
	struct availability_input in = {
		.node = "node1",
		.services = services,
		.service_count = 2,
		.incidents = incidents,
		.incident_count = count,
		.now_us = NOW,
		.record_us = NOW - 90 * DAY,
		.window_us = 30 * DAY,
		.complete = true,
	};

	return in;
}

static struct availability *make(const struct availability_input *in)
{
	struct availability *av = NULL;

	assert_int_equal(availability_new(in, &av, NULL), 0);
	return av;
}

static void assert_near(double seen, double wanted)
{
	assert_true(fabs(seen - wanted) < 1e-9);
}

static void without_incidents_all_was_well(void **state)
{
	struct availability_input in = input(NULL, 0);
	struct availability *av = make(&in);

	(void)state;
	assert_near(av->services[0].availability, 1);
	assert_true(isinf(av->services[0].nines));
	assert_int_equal(av->services[0].availability_met, AVAILABILITY_MET);
	assert_int_equal(av->services[0].mttd_met, AVAILABILITY_NO_OBJECTIVE);
	assert_int_equal(av->services[0].spent_in_us, SPAN_NONE);
	assert_int_equal(av->services[1].availability_met,
			 AVAILABILITY_NO_OBJECTIVE);
	availability_free(av);
}

static void nothing_is_observed_before_the_first_start(void **state)
{
	struct availability_incident incs[] = { incident(0, HOUR, 36 * SECOND,
							 36 * SECOND) };
	struct availability_input in = input(incs, 1);
	struct availability *av;

	(void)state;
	in.record_us = NOW - 10 * HOUR;
	av = make(&in);
	assert_int_equal(av->services[0].observed_us, 10 * HOUR);
	assert_near(av->services[0].availability, 0.999);
	assert_near(av->services[0].nines, 3);
	assert_near(av->whole.availability, 0.9995);
	availability_free(av);
}

static void what_stands_apart_is_no_part_of_the_whole(void **state)
{
	static const struct availability_service apart[] = {
		{ .name = "api" },
		{ .name = "node", .apart = true },
	};
	struct availability_incident incs[] = {
		incident(1, HOUR, 36 * SECOND, 36 * SECOND),
		incident(1, 2 * HOUR, 36 * SECOND, 36 * SECOND),
	};
	struct availability_input in = input(incs, 2);
	struct availability *av;

	(void)state;
	in.services = apart;
	in.record_us = NOW - 10 * HOUR;
	av = make(&in);
	assert_near(av->services[1].availability, 0.998);
	assert_int_equal(av->services[1].incidents, 2);
	assert_near(av->whole.availability, 1);
	assert_int_equal(av->whole.observed_us, 10 * HOUR);
	assert_int_equal(av->whole.incidents, 0);
	assert_int_equal(av->whole.mtbf.n, 0);
	availability_free(av);
}

static void a_record_that_begins_now_has_no_availability(void **state)
{
	struct availability_input in = input(NULL, 0);
	struct availability *av;

	(void)state;
	in.record_us = NOW + HOUR;
	av = make(&in);
	assert_true(av->services[0].availability < 0);
	assert_int_equal(av->services[0].observed_us, 0);
	availability_free(av);
}

static void an_open_incident_counts_until_now(void **state)
{
	struct availability_incident incs[] = { incident(0, HOUR, 0,
							 10 * MINUTE) };
	struct availability_input in = input(incs, 1);
	struct availability *av = make(&in);
	const struct availability_figures *fig = &av->services[0];

	(void)state;
	assert_int_equal(fig->open, 1);
	assert_int_equal(fig->downtime_us, 10 * MINUTE);
	assert_int_equal(fig->degraded_us, 50 * MINUTE);
	assert_int_equal(fig->mttr.n, 0);
	assert_int_equal(fig->mttd.mean, 200 * MS);
	availability_free(av);
}

static void an_incident_is_cut_at_the_edge_of_the_window(void **state)
{
	struct availability_incident incs[] = { incident(0, 30 * DAY + HOUR,
							 HOUR + MINUTE, HOUR) };
	struct availability_input in = input(incs, 1);
	struct availability *av = make(&in);
	const struct availability_figures *fig = &av->services[0];

	(void)state;
	assert_int_equal(fig->incidents, 1);
	assert_int_equal(fig->downtime_us, MINUTE);
	assert_int_equal(fig->degraded_us, 0);
	assert_int_equal(fig->mttd.n, 0); /* detected before the window */
	assert_int_equal(fig->mttr.n, 1); /* repaired within it */
	availability_free(av);
}

static void an_incident_before_the_window_does_not_count(void **state)
{
	struct availability_incident incs[] = { incident(0, 31 * DAY, HOUR,
							 HOUR) };
	struct availability_input in = input(incs, 1);
	struct availability *av = make(&in);

	(void)state;
	assert_int_equal(av->services[0].incidents, 0);
	assert_near(av->services[0].availability, 1);
	availability_free(av);
}

static void repair_by_maintenance_is_no_repair(void **state)
{
	struct availability_incident incs[] = { incident(0, HOUR, MINUTE, 0) };
	struct availability_input in = input(incs, 1);
	struct availability *av;

	(void)state;
	incs[0].maintenance = true;
	av = make(&in);
	assert_int_equal(av->services[0].mttr.n, 0);
	assert_int_equal(av->services[0].mttd.n, 1);
	availability_free(av);
}

static void time_between_failures_is_each_services_own(void **state)
{
	struct availability_incident incs[] = {
		incident(0, DAY, MINUTE, 0), incident(1, 2 * DAY, MINUTE, 0),
		incident(0, 4 * DAY, MINUTE, 0), incident(0, 5 * DAY, MINUTE, 0)
	};
	struct availability_input in = input(incs, 4);
	struct availability *av = make(&in);

	(void)state;
	assert_int_equal(av->services[0].mtbf.n, 2);
	assert_int_equal(av->services[0].mtbf.mean, 2 * DAY);
	assert_int_equal(av->services[1].mtbf.n, 0);
	assert_int_equal(av->whole.mtbf.n, 2);
	assert_int_equal(av->whole.mtbf.max, 3 * DAY);
	availability_free(av);
}

static void the_budget_is_that_of_the_whole_window(void **state)
{
	/* 0.1 % of 30 days is 43 min 12 s. */
	struct availability_incident incs[] = { incident(0, HOUR, 10 * MINUTE,
							 432 * SECOND) };
	struct availability_input in = input(incs, 1);
	struct availability *av;
	const struct availability_figures *fig;

	(void)state;
	in.record_us = NOW - 10 * DAY;
	av = make(&in);
	fig = &av->services[0];
	assert_int_equal(fig->budget_us, 2592 * SECOND);
	assert_int_equal(fig->budget_left_us, 2160 * SECOND);
	assert_near(fig->burn_rate, 0.5);
	assert_near(fig->burn_rate_day, 5);
	assert_int_equal(fig->spent_in_us, 50 * DAY);
	availability_free(av);
}

static void a_missed_objective_is_called_missed(void **state)
{
	struct availability_incident incs[] = { incident(0, HOUR, 50 * MINUTE,
							 50 * MINUTE) };
	struct availability_input in = input(incs, 1);
	struct availability *av = make(&in);
	const struct availability_figures *fig = &av->services[0];

	(void)state;
	assert_int_equal(fig->availability_met, AVAILABILITY_MISSED);
	assert_int_equal(fig->mttd_met, AVAILABILITY_MET);
	assert_int_equal(fig->mttr_met, AVAILABILITY_MISSED);
	assert_true(fig->budget_left_us < 0);
	assert_int_equal(fig->spent_in_us, 0);
	availability_free(av);
}

static void render_text(const void *arg, FILE *out)
{
	assert_int_equal(availability_render(arg, &paper_text, out), 0);
}

static void render_markdown(const void *arg, FILE *out)
{
	assert_int_equal(availability_render(arg, &paper_markdown, out), 0);
}

static void render_html(const void *arg, FILE *out)
{
	assert_int_equal(availability_render(arg, &paper_html, out), 0);
}

static void render_json(const void *arg, FILE *out)
{
	json_t *json = availability_json(arg);

	assert_non_null(json);
	json_dumpf(json, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(json);
}

static void prints_as_it_did(void **state)
{
	struct availability_incident incs[] = {
		incident(0, HOUR, 0, 10 * MINUTE),
		incident(1, 2 * DAY, MINUTE, 0),
		incident(0, 4 * DAY, 40 * SECOND, 12 * SECOND)
	};
	struct availability_input in = input(incs, 3);
	struct availability *av;

	(void)state;
	in.record_us = NOW - 10 * DAY;
	av = make(&in);
	golden_check("availability.txt", render_text, av);
	golden_check("availability.md", render_markdown, av);
	golden_check("availability.html", render_html, av);
	golden_check("availability.json", render_json, av);
	availability_free(av);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_incidents_all_was_well),
		cmocka_unit_test(nothing_is_observed_before_the_first_start),
		cmocka_unit_test(a_record_that_begins_now_has_no_availability),
		cmocka_unit_test(what_stands_apart_is_no_part_of_the_whole),
		cmocka_unit_test(an_open_incident_counts_until_now),
		cmocka_unit_test(an_incident_is_cut_at_the_edge_of_the_window),
		cmocka_unit_test(an_incident_before_the_window_does_not_count),
		cmocka_unit_test(repair_by_maintenance_is_no_repair),
		cmocka_unit_test(time_between_failures_is_each_services_own),
		cmocka_unit_test(the_budget_is_that_of_the_whole_window),
		cmocka_unit_test(a_missed_objective_is_called_missed),
		cmocka_unit_test(prints_as_it_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
