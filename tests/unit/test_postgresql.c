/* PostgreSQL: what the answer to the question says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "checks/postgresql.h"

#define COLUMNS 19

/* As a primary with one synchronous replica answers. */
static const char *const primary[2 * COLUMNS] = {
	/* one replica */
	"f", "off", "7710274875202976405", "1795188282097898", "0000000B",
	"67272232", "67272232", NULL, NULL, "5432", NULL, "0", "on",
	"ANY 1 (b, c)", "2", "b", "streaming", "67272000", "quorum",
	/* another */
	"f", "off", "7710274875202976405", "1795188282097898", "0000000B",
	"67272232", "67272232", NULL, NULL, "5432", NULL, "0", "on",
	"ANY 1 (b, c)", "2", "x", "catchup", NULL, "async"
};

static const char *const replica[COLUMNS] = { "t",
					      "on",
					      "7710274875202976405",
					      "1795188282097898",
					      "00000002",
					      "67272232",
					      "67272000",
					      "b",
					      "10.0.0.1",
					      "5433",
					      "streaming",
					      "2500",
					      "on",
					      "",
					      "0",
					      NULL,
					      NULL,
					      NULL,
					      NULL };

static void a_primary_tells_its_replicas(void **state)
{
	struct database_facts facts;

	(void)state;
	assert_true(postgresql_facts(primary, 2, COLUMNS, "a", &facts));
	assert_int_equal(facts.role, DATABASE_PRIMARY);
	assert_true(facts.writable);
	assert_int_equal(facts.system, 7710274875202976405);
	assert_int_equal(facts.start, 1795188282097898);
	assert_int_equal(facts.applied.timeline, 11);
	assert_int_equal(facts.applied.offset, 67272232);
	assert_string_equal(facts.history, "11");
	assert_true(facts.durable);
	assert_int_equal(facts.quorum, 1);
	assert_int_equal(facts.replica_count, 3);
	assert_string_equal(facts.replicas[0].name, "b");
	assert_true(facts.replicas[0].streaming);
	assert_true(facts.replicas[0].synchronous);
	assert_int_equal(facts.replicas[0].acknowledged.offset, 67272000);
	assert_false(facts.replicas[1].streaming);
	assert_false(facts.replicas[1].synchronous);
	assert_string_equal(facts.replicas[2].name, "c");
}

static void a_replica_tells_its_source(void **state)
{
	struct database_facts facts;

	(void)state;
	assert_true(postgresql_facts(replica, 1, COLUMNS, "x", &facts));
	assert_int_equal(facts.role, DATABASE_REPLICA);
	assert_false(facts.writable);
	assert_string_equal(facts.name, "b");
	assert_string_equal(facts.source_host, "10.0.0.1");
	assert_int_equal(facts.source_port, 5433);
	assert_true(facts.source_up);
	assert_int_equal(facts.lag_us, 2500);
	assert_int_equal(facts.received.offset, 67272232);
	assert_int_equal(facts.applied.offset, 67272000);
	assert_int_equal(postgresql_judge(&facts, 7).code, RESULT_L7OK);
	assert_string_equal(postgresql_judge(&facts, 7).text,
			    "replica of 10.0.0.1:5433");
}

static void a_replica_that_receives_nothing_says_so(void **state)
{
	const char *cells[COLUMNS];
	struct database_facts facts;

	(void)state;
	memcpy(cells, replica, sizeof(cells));
	cells[10] = NULL;
	assert_true(postgresql_facts(cells, 1, COLUMNS, "x", &facts));
	assert_false(facts.source_up);
	assert_int_equal(facts.lag_us, -1);
	assert_string_equal(postgresql_judge(&facts, 7).text,
			    "replica of 10.0.0.1:5433, receives nothing");
}

static void a_primary_that_is_read_only_is_a_warning(void **state)
{
	const char *cells[COLUMNS];
	struct database_facts facts;

	(void)state;
	memcpy(cells, primary, sizeof(cells));
	cells[1] = "on";
	assert_true(postgresql_facts(cells, 1, COLUMNS, "a", &facts));
	assert_false(facts.writable);
	assert_int_equal(postgresql_judge(&facts, 7).code, RESULT_L7OKC);
}

static void another_answer_is_none(void **state)
{
	struct database_facts facts;

	(void)state;
	assert_false(postgresql_facts(primary, 0, COLUMNS, "a", &facts));
	assert_false(postgresql_facts(primary, 1, COLUMNS - 1, "a", &facts));
}

static void less_than_on_is_not_durable(void **state)
{
	static const char *const settings[] = { "off", "local",
						"remote_write" };
	const char *cells[COLUMNS];
	struct database_facts facts;
	size_t i;

	(void)state;
	memcpy(cells, primary, sizeof(cells));
	for (i = 0; i < 3; i++) {
		cells[12] = settings[i];
		assert_true(postgresql_facts(cells, 1, COLUMNS, "a", &facts));
		assert_false(facts.durable);
	}
	cells[12] = "remote_apply";
	assert_true(postgresql_facts(cells, 1, COLUMNS, "a", &facts));
	assert_true(facts.durable);
}

struct names {
	const char *text;
	unsigned quorum, count;
	const char *last;
};

static void the_synchronous_ones_are_read_as_postgresql_reads_them(void **state)
{
	static const struct names cases[] = {
		{ "b", 1, 1, "b" },
		{ "b,c", 1, 2, "c" },
		{ "*", 1, 0, NULL },
		{ "2 (b, c, d)", 2, 3, "d" },
		{ "FIRST 1 (b, c)", 1, 2, "c" },
		{ "any 2(b,\"my \"\"c\"\"\" ,d)", 2, 3, "d" },
		{ "ANY 1 (a, b)", 1, 1, "b" }, /* a is itself */
		{ "ANY 3 (b,c,d,e,f,g,h,i,j,k)", 3, 10, NULL },
	};
	struct database_facts facts;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memset(&facts, 0, sizeof(facts));
		postgresql_read_synchronous(&facts, cases[i].text, "a");
		assert_int_equal(facts.quorum, cases[i].quorum);
		assert_int_equal(facts.replica_count, cases[i].count);
		if (cases[i].last == NULL)
			continue;
		assert_string_equal(facts.replicas[cases[i].count - 1].name,
				    cases[i].last);
		assert_true(facts.replicas[0].synchronous);
	}
}

static void a_refusal_is_judged_by_its_state(void **state)
{
	static const struct {
		const char *state;
		enum result_code code;
		bool loading;
	} cases[] = {
		{ "28P01", RESULT_L7OKC, false },
		{ "57P03", RESULT_L7STS, true },
		{ "57P01", RESULT_L7STS, false },
		{ "53300", RESULT_L7OKC, false },
		{ "42501", RESULT_L7OKC, false },
	};
	struct result res;
	bool loading;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		res = postgresql_judge_refusal(cases[i].state, "no", 7,
					       &loading);
		assert_int_equal(res.code, cases[i].code);
		assert_int_equal(loading, cases[i].loading);
		assert_non_null(strstr(res.text, "no"));
	}
}

static void a_missing_canary_is_no_broken_disk(void **state)
{
	(void)state;
	assert_int_equal(postgresql_judge_canary("42P01", "no", 7).code,
			 RESULT_L7OKC);
	assert_int_equal(postgresql_judge_canary("42501", "no", 7).code,
			 RESULT_L7OKC);
	assert_int_equal(postgresql_judge_canary("53100", "no", 7).code,
			 RESULT_L7STS);
	assert_string_equal(
		postgresql_judge_canary("53100", "disk full", 7).text,
		"no canary: disk full");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_tells_its_replicas),
		cmocka_unit_test(a_replica_tells_its_source),
		cmocka_unit_test(a_replica_that_receives_nothing_says_so),
		cmocka_unit_test(a_primary_that_is_read_only_is_a_warning),
		cmocka_unit_test(another_answer_is_none),
		cmocka_unit_test(less_than_on_is_not_durable),
		cmocka_unit_test(
			the_synchronous_ones_are_read_as_postgresql_reads_them),
		cmocka_unit_test(a_refusal_is_judged_by_its_state),
		cmocka_unit_test(a_missing_canary_is_no_broken_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
