/* The figures of a load, and the order in which outcomes reach them. */

#include "drill/load/figures.h"
#include "drill/load/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct instant begin = { 5 * SECOND };

static struct outcome outcome_at(int64_t at_us, enum outcome_kind kind,
				 int64_t latency_us)
{
	return (struct outcome){
		.intended = instant_add(begin, at_us),
		.latency_us = latency_us,
		.kind = kind,
		.status = kind == OUTCOME_OK ? 200 : 0,
	};
}

static void add(struct figures *figures, int64_t at_us, enum outcome_kind kind)
{
	struct outcome outcome = outcome_at(at_us, kind, 100);

	figures_add(figures, &outcome);
}

static void counts_by_kind_and_status(void **state)
{
	struct outcome failed = outcome_at(3 * MS, OUTCOME_HTTP_5XX, 10);
	struct figures figures;

	(void)state;
	failed.status = 503;
	figures_init(&figures, begin, MS);
	add(&figures, 0, OUTCOME_OK);
	add(&figures, MS, OUTCOME_OK);
	add(&figures, 2 * MS, OUTCOME_TIMEOUT);
	figures_add(&figures, &failed);
	assert_int_equal(figures.requests, 4);
	assert_int_equal(figures.by_kind[OUTCOME_OK], 2);
	assert_int_equal(figures_failed(&figures), 2);
	assert_int_equal(figures.by_kind[OUTCOME_TIMEOUT], 1);
	assert_int_equal(figures.by_status[200], 2);
	assert_int_equal(figures.by_status[503], 1);
}

static void is_slow_only_above_the_bound(void **state)
{
	struct outcome outcome = outcome_at(0, OUTCOME_OK, 300 * MS);
	struct figures figures;

	(void)state;
	figures_init(&figures, begin, 300 * MS);
	figures_add(&figures, &outcome);
	assert_int_equal(figures.slow, 0);
	outcome.latency_us++;
	figures_add(&figures, &outcome);
	assert_int_equal(figures.slow, 1);
	outcome.kind = OUTCOME_TIMEOUT;
	figures_add(&figures, &outcome);
	assert_int_equal(figures.slow, 1);
}

static void finds_the_longest_gap_between_successes(void **state)
{
	struct figures figures;

	(void)state;
	figures_init(&figures, begin, MS);
	add(&figures, 0, OUTCOME_OK);
	add(&figures, 10 * MS, OUTCOME_OK);
	add(&figures, 20 * MS, OUTCOME_REFUSED);
	add(&figures, 30 * MS, OUTCOME_REFUSED);
	add(&figures, 40 * MS, OUTCOME_OK);
	add(&figures, 45 * MS, OUTCOME_OK);
	figures_end(&figures, instant_add(begin, 50 * MS));
	assert_int_equal(figures.gap_us, 30 * MS);
	assert_int_equal(instant_diff_us(begin, figures.gap_from), 10 * MS);
}

static void sees_an_outage_at_either_end(void **state)
{
	struct figures figures;

	(void)state;
	figures_init(&figures, begin, MS);
	add(&figures, 70 * MS, OUTCOME_OK);
	figures_end(&figures, instant_add(begin, 100 * MS));
	assert_int_equal(figures.gap_us, 70 * MS);
	assert_int_equal(figures.gap_from.us, begin.us);

	figures_init(&figures, begin, MS);
	add(&figures, 20 * MS, OUTCOME_OK);
	figures_end(&figures, instant_add(begin, 100 * MS));
	assert_int_equal(figures.gap_us, 80 * MS);

	figures_init(&figures, begin, MS);
	figures_end(&figures, instant_add(begin, 100 * MS));
	assert_int_equal(figures.gap_us, 100 * MS);
}

static void tells_the_first_failure_and_the_success_after_it(void **state)
{
	struct figures figures;

	(void)state;
	figures_init(&figures, begin, MS);
	add(&figures, 0, OUTCOME_OK);
	assert_true(instant_is_none(figures.first_failure));
	add(&figures, 10 * MS, OUTCOME_RESET);
	add(&figures, 20 * MS, OUTCOME_REFUSED);
	assert_true(instant_is_none(figures.first_success_after));
	add(&figures, 30 * MS, OUTCOME_OK);
	add(&figures, 40 * MS, OUTCOME_OK);
	add(&figures, 50 * MS, OUTCOME_REFUSED);
	add(&figures, 60 * MS, OUTCOME_OK);
	assert_int_equal(instant_diff_us(begin, figures.first_failure),
			 10 * MS);
	assert_int_equal(instant_diff_us(begin, figures.first_success_after),
			 30 * MS);
	assert_int_equal(instant_diff_us(begin, figures.last_failure), 50 * MS);
}

static void keeps_percentiles_within_one_percent(void **state)
{
	struct figures figures;
	struct outcome outcome;

	(void)state;
	figures_init(&figures, begin, SECOND);
	for (int64_t us = 1; us <= 100000; us++) {
		outcome = outcome_at(us, OUTCOME_OK, us);
		figures_add(&figures, &outcome);
	}
	assert_in_range(figures_latency_us(&figures, 500), 50000, 50500);
	assert_in_range(figures_latency_us(&figures, 950), 95000, 95950);
	assert_in_range(figures_latency_us(&figures, 990), 99000, 99990);
	assert_int_equal(figures_latency_us(&figures, 1000), 100000);
	assert_int_equal(figures_latency_us(&figures, 1), 100);
	assert_int_equal(figures.latency_us_max, 100000);
}

static void takes_the_percentile_by_nearest_rank(void **state)
{
	struct figures figures;
	struct outcome outcome;

	(void)state;
	figures_init(&figures, begin, SECOND);
	for (int64_t us = 10; us <= 30; us += 10) {
		outcome = outcome_at(us, OUTCOME_OK, us);
		figures_add(&figures, &outcome);
	}
	assert_int_equal(figures_latency_us(&figures, 333), 10);
	assert_int_equal(figures_latency_us(&figures, 500), 20);
	assert_int_equal(figures_latency_us(&figures, 950), 30);
}

/* Each alone, so that it is every percentile, beside a larger maximum. */
static void places_every_latency_in_a_step_of_its_size(void **state)
{
	const struct outcome top = outcome_at(0, OUTCOME_OK, INT64_MAX);
	struct figures figures;
	struct outcome outcome;
	int64_t seen_us;

	(void)state;
	for (int64_t us = 1; us < INT64_C(1) << 39; us += us / 3 + 1) {
		figures_init(&figures, begin, SECOND);
		outcome = outcome_at(0, OUTCOME_OK, us);
		figures_add(&figures, &outcome);
		figures_add(&figures, &top);
		seen_us = figures_latency_us(&figures, 500);
		assert_in_range(seen_us, us, us + us / 100);
	}
}

static void has_no_percentile_without_a_success(void **state)
{
	struct figures figures;

	(void)state;
	figures_init(&figures, begin, SECOND);
	add(&figures, 0, OUTCOME_TIMEOUT);
	assert_int_equal(figures_latency_us(&figures, 990), 0);
}

struct seen {
	int64_t at_us[16];
	size_t len;
};

static void note(void *arg, const struct outcome *outcome)
{
	struct seen *seen = arg;

	seen->at_us[seen->len++] = instant_diff_us(begin, outcome->intended);
}

static void journal_put(struct journal *journal, int64_t n)
{
	struct outcome outcome = outcome_at(n, OUTCOME_OK, 1);

	journal_add(journal, n, &outcome);
}

static void passes_outcomes_on_in_order(void **state)
{
	static const int64_t order[] = { 2, 1, 0, 4, 3, 5, 8, 7, 6 };
	static const size_t passed[] = { 0, 0, 3, 3, 5, 6, 6, 6, 9 };
	struct seen seen = { .len = 0 };
	struct journal *journal;

	(void)state;
	assert_int_equal(journal_new(3, note, &seen, &journal), 0);
	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		journal_put(journal, order[i]);
		assert_int_equal(seen.len, passed[i]);
	}
	for (size_t i = 0; i < seen.len; i++)
		assert_int_equal(seen.at_us[i], i);
	journal_free(journal);
}

static void reads_a_line_as_it_was_written(void **state)
{
	struct outcome in = outcome_at(123, OUTCOME_OK, 456), out;
	char line[OUTCOME_LINE_MAX];

	(void)state;
	for (int kind = 0; kind < OUTCOME_KINDS; kind++) {
		in.kind = (enum outcome_kind)kind;
		in.status = kind;
		in.url = 3;
		outcome_print(&in, line);
		assert_int_equal(line[strlen(line) - 1], '\n');
		assert_int_equal(outcome_parse(line, &out), 1);
		assert_int_equal(out.intended.us, in.intended.us);
		assert_int_equal(out.latency_us, in.latency_us);
		assert_int_equal(out.kind, kind);
		assert_int_equal(out.status, kind);
		assert_int_equal(out.url, 3);
	}
}

static void passes_over_comments_and_refuses_the_rest(void **state)
{
	static const char *const bad[] = {
		"1 2 ok 200",      "1 2 fine 200 0",
		"1 -2 ok 200 0",   "1 2 ok 200 0 9",
		"x 2 ok 200 0",    "1 2 okokokokokokokok 200 0",
		"1 2 ok 200 0\n1", "1 2 ok",
	};
	struct outcome out;

	(void)state;
	assert_int_equal(outcome_parse("# comment\n", &out), 0);
	assert_int_equal(outcome_parse("\n", &out), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(outcome_parse(bad[i], &out), -EINVAL);
}

static void names_the_kinds_of_errors(void **state)
{
	(void)state;
	assert_int_equal(outcome_of_errno(ECONNREFUSED), OUTCOME_REFUSED);
	assert_int_equal(outcome_of_errno(ECONNRESET), OUTCOME_RESET);
	assert_int_equal(outcome_of_errno(EPIPE), OUTCOME_RESET);
	assert_int_equal(outcome_of_errno(EADDRNOTAVAIL), OUTCOME_OTHER);
	assert_int_equal(outcome_of_status(200), OUTCOME_OK);
	assert_int_equal(outcome_of_status(399), OUTCOME_OK);
	assert_int_equal(outcome_of_status(404), OUTCOME_HTTP_4XX);
	assert_int_equal(outcome_of_status(503), OUTCOME_HTTP_5XX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_by_kind_and_status),
		cmocka_unit_test(is_slow_only_above_the_bound),
		cmocka_unit_test(finds_the_longest_gap_between_successes),
		cmocka_unit_test(sees_an_outage_at_either_end),
		cmocka_unit_test(
			tells_the_first_failure_and_the_success_after_it),
		cmocka_unit_test(keeps_percentiles_within_one_percent),
		cmocka_unit_test(takes_the_percentile_by_nearest_rank),
		cmocka_unit_test(places_every_latency_in_a_step_of_its_size),
		cmocka_unit_test(has_no_percentile_without_a_success),
		cmocka_unit_test(passes_outcomes_on_in_order),
		cmocka_unit_test(reads_a_line_as_it_was_written),
		cmocka_unit_test(passes_over_comments_and_refuses_the_rest),
		cmocka_unit_test(names_the_kinds_of_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
