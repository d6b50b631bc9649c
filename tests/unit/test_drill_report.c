/* The drill report: its sums, its verdict, and how it is printed. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "report/drill.h"
#include "tests/unit/golden.h"

static void add(struct drill_report *rep, enum drill_fault_type type,
		int64_t confirmed_us, int64_t routed_us)
{
	struct drill_run run;

	drill_run_init(&run, type, "api1");
	run.first_bad_us = confirmed_us / 2;
	run.confirmed_us = confirmed_us;
	run.routed_us = routed_us;
	run.first_success_us = 2 * MS;
	run.redundant_us = 3 * SECOND;
	run.fault_wall_us = 1785000000 * SECOND;
	run.client = (struct drill_client){
		.ops = 600, .failed = 2, .slow = 1, .max_gap_us = 12 * MS
	};
	assert_int_equal(drill_report_add(rep, &run), 0);
}

static void add_held(struct drill_report *rep)
{
	struct drill_run run;

	drill_run_init(&run, DRILL_KILL_ALL, "api");
	run.confirmed_us = 80 * MS;
	strcpy(run.held, "min_up");
	run.fault.value = 3;
	strcpy(run.fault.param, "count");
	run.evidence_count = 1;
	run.evidence[0].at_us = 40 * MS;
	strcpy(run.evidence[0].kind, "L4CON");
	assert_int_equal(drill_report_add(rep, &run), 0);
}

static void fill_head(struct drill_report *rep, const char *tool)
{
	drill_report_init(rep);
	strcpy(rep->id, "run-1");
	strcpy(rep->tool_name, tool);
	strcpy(rep->tool_version, "0.1.0");
	strcpy(rep->scenario, "replicas");
	strcpy(rep->title, "Three <replicas> behind HAProxy");
	strcpy(rep->environment.os, "Debian 12");
	rep->environment.cpus = 2;
	rep->started_wall_us = 1785000000 * SECOND;
	rep->finished_wall_us = 1785000061 * SECOND;
}

static void fill(struct drill_report *rep)
{
	struct drill_report *base = calloc(1, sizeof(*base));

	assert_non_null(base);
	fill_head(rep, "bascule");
	fill_head(base, "HAProxy");
	for (int i = 1; i <= 10; i++)
		add(rep, DRILL_KILL, i * 10 * MS, i * 11 * MS);
	add_held(rep);
	add(base, DRILL_KILL, 2800 * MS, 2800 * MS);
	rep->baseline = base;
	assert_int_equal(drill_report_conclude(rep), 0);
	drill_report_aim(rep, "kill: acted, median",
			 (double)rep->by_fault[DRILL_KILL].acted.p50 /
				 (double)SECOND,
			 0.150, "s");
	assert_int_equal(drill_report_conclude(rep), 0);
}

static void sums_up_each_fault_on_its_own(void **state)
{
	struct drill_report rep;

	(void)state;
	fill(&rep);
	assert_int_equal(rep.summary.runs, 11);
	assert_int_equal(rep.summary.held, 1);
	assert_int_equal(rep.by_fault[DRILL_KILL].runs, 10);
	assert_int_equal(rep.by_fault[DRILL_KILL].detected.p50, 55 * MS);
	assert_int_equal(rep.by_fault[DRILL_KILL].detected.p95, 100 * MS);
	assert_int_equal(rep.by_fault[DRILL_KILL].react.min, MS);
	assert_int_equal(rep.by_fault[DRILL_KILL].total.failed, 20);
	assert_int_equal(rep.by_fault[DRILL_KILL_ALL].acted.n, 0);
	assert_int_equal(rep.verdict, DRILL_PASS);
	drill_report_done(&rep);
}

static void fails_when_an_aim_is_missed(void **state)
{
	struct drill_report rep;

	(void)state;
	fill(&rep);
	drill_report_aim(&rep, "kill: acted, p95", 0.110, 0.100, "s");
	drill_report_conclude(&rep);
	assert_int_equal(rep.verdict, DRILL_FAIL);
	drill_report_done(&rep);
}

static void leaves_runs_that_errored_out_of_the_figures(void **state)
{
	struct drill_report rep;

	(void)state;
	fill(&rep);
	add(&rep, DRILL_KILL, 9 * SECOND, 9 * SECOND);
	rep.runs[rep.run_count - 1].result = DRILL_ERROR;
	drill_report_conclude(&rep);
	assert_int_equal(rep.by_fault[DRILL_KILL].detected.max, 100 * MS);
	assert_int_equal(rep.by_fault[DRILL_KILL].error, 1);
	assert_int_equal(rep.verdict, DRILL_ERROR);
	drill_report_done(&rep);
}

static void render_text(const void *arg, FILE *out)
{
	drill_report_text(arg, out);
}

static void render_html(const void *arg, FILE *out)
{
	drill_report_html(arg, out);
}

static void render_json(const void *arg, FILE *out)
{
	json_t *json = drill_report_json(arg);

	assert_non_null(json);
	json_dumpf(json, out, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
	json_decref(json);
}

static void prints_as_it_did(void **state)
{
	struct drill_report rep;

	(void)state;
	fill(&rep);
	golden_check("drill-report.txt", render_text, &rep);
	golden_check("drill-report.html", render_html, &rep);
	golden_check("drill-report.json", render_json, &rep);
	drill_report_done(&rep);
}

static void says_so_when_it_cannot_write(void **state)
{
	struct drill_report rep;

	(void)state;
	fill(&rep);
	assert_int_equal(drill_report_write(&rep, "/dev/null/a", "/dev/null/b"),
			 -ENOTDIR);
	drill_report_done(&rep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_up_each_fault_on_its_own),
		cmocka_unit_test(fails_when_an_aim_is_missed),
		cmocka_unit_test(leaves_runs_that_errored_out_of_the_figures),
		cmocka_unit_test(prints_as_it_did),
		cmocka_unit_test(says_so_when_it_cannot_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
