/* What HAProxy's counters say of targets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haproxy/answer.h"
#include "haproxy/counters.h"
#include "haproxy/unanswered.h"

#define HEAD                                                                   \
	"# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,"   \
	"ereq,econ,eresp,wretr,wredis,status,weight,act,bck,chkfail,chkdown,"  \
	"lastchg,downtime,qlimit,pid,iid,sid,throttle,lbtot,tracked,type,"     \
	"rate,rate_lim,rate_max,check_status,check_code,check_duration,"       \
	"hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,hrsp_other,hanafail,"    \
	"req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,"
#define SERVERS 3

static struct service_settings services[] = {
	{ .name = "api", .backend = "be", .target_count = SERVERS },
	{ .name = "two",
	  .backend = "two",
	  .first_target = SERVERS,
	  .target_count = 1 },
};
static struct target_settings targets[] = {
	{ .name = "s1" },
	{ .name = "s2" },
	{ .name = "s3" },
	{ .name = "s1", .service = 1 },
};
static const struct settings set = {
	.services = services,
	.service_count = 2,
	.targets = targets,
	.target_count = SERVERS + 1,
};

/* What HAProxy counted of one server. */
struct count {
	uint64_t queue, busy, begun, econ, eresp, wretr, wredis, ok, errors;
	const char *status; /* NULL: UP */
};

static struct servers *servers;
static struct counters *cnt;
static struct instant now;
static struct count counts[SERVERS + 1];
static char told[512];

static void on_hint(void *arg, const struct hint *hint)
{
	size_t used = strlen(told);

	(void)arg;
	snprintf(told + used, sizeof(told) - used, "%s/%s %s\n",
		 services[targets[hint->target].service].backend,
		 targets[hint->target].name, hint_kind_name(hint->kind));
}

static void line_of(unsigned t, char *line, size_t size)
{
	const struct count *c = &counts[t];

	snprintf(line, size,
		 "%s,%s,%llu,0,%llu,0,,%llu,0,0,,0,,%llu,%llu,%llu,%llu,%s,1,1,"
		 "0,,,3,"
		 ",,1,3,1,,0,,2,0,,0,,,,0,%llu,0,0,%llu,0,,,,,0,0,,,,,-1,,,",
		 services[targets[t].service].backend, targets[t].name,
		 (unsigned long long)c->queue, (unsigned long long)c->busy,
		 (unsigned long long)c->begun, (unsigned long long)c->econ,
		 (unsigned long long)c->eresp, (unsigned long long)c->wretr,
		 (unsigned long long)c->wredis,
		 c->status == NULL ? "UP" : c->status,
		 (unsigned long long)c->ok, (unsigned long long)c->errors);
}

static void hear(const char *text)
{
	char line[ANSWER_LINE_MAX];

	snprintf(line, sizeof(line), "%s", text);
	counters_line(cnt, line);
}

static void answer(unsigned service, int64_t took_us)
{
	char line[ANSWER_LINE_MAX];
	unsigned t;

	hear(HEAD);
	for (t = 0; t <= SERVERS; t++)
		if (targets[t].service == service) {
			line_of(t, line, sizeof(line));
			counters_line(cnt, line);
		}
	counters_answered(cnt, now, took_us, on_hint, NULL);
}

/* Read both backends once, @span_us after the last time. */
static const char *read_after(int64_t span_us)
{
	told[0] = '\0';
	now = instant_add(now, span_us);
	assert_int_equal(counters_ask(cnt, now), 3);
	answer(0, 0);
	assert_int_equal(counters_ask(cnt, now), 4);
	answer(1, 0);
	assert_int_equal(counters_ask(cnt, now), 0);
	return told;
}

static const char *read_again(void)
{
	return read_after(20 * MS);
}

static void place(void)
{
	counters_place(cnt, 0, 3);
	counters_place(cnt, SERVERS, 4);
}

static int set_up(void **state)
{
	(void)state;
	now = (struct instant){ HOUR };
	memset(counts, 0, sizeof(counts));
	told[0] = '\0';
	servers = servers_new(&set);
	cnt = counters_new(servers);
	counters_every(cnt, 20 * MS);
	place();
	read_again();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	counters_free(cnt);
	servers_free(servers);
	return 0;
}

/* --- errors -------------------------------------------------------------- */

static void new_errors_speak_against_their_server_alone(void **state)
{
	uint64_t *const fields[] = { &counts[1].econ, &counts[1].eresp,
				     &counts[1].wretr, &counts[1].wredis };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		++*fields[i];
		assert_string_equal(read_after(COUNTERS_QUIET_US),
				    "be/s2 haproxy_errors\n");
		assert_string_equal(read_after(COUNTERS_QUIET_US), "");
	}
}

static void a_server_of_the_same_name_elsewhere_is_another(void **state)
{
	(void)state;
	counts[SERVERS].econ++;
	assert_string_equal(read_again(), "two/s1 haproxy_errors\n");
}

static void errors_from_before_speak_against_nobody(void **state)
{
	(void)state;
	counts[0].econ = 7;
	counters_reset(cnt);
	place();
	assert_string_equal(read_again(), "");
	assert_string_equal(read_again(), "");
}

static void who_waited_too_long_accuses_nobody(void **state)
{
	(void)state;
	counts[0].queue = 5;
	counts[0].econ++;
	assert_string_equal(read_again(), "");
	counts[0].queue = 0;
	counts[0].econ++;
	assert_string_equal(read_again(), "");
	counts[0].econ++;
	assert_string_equal(read_again(), "be/s1 haproxy_errors\n");
}

static void a_queue_does_not_hide_connections_tried_again(void **state)
{
	(void)state;
	counts[0].queue = 5;
	counts[0].wretr++;
	assert_string_equal(read_again(), "be/s1 haproxy_errors\n");
}

static void a_server_in_maintenance_is_not_spoken_of(void **state)
{
	(void)state;
	counts[0].status = "MAINT";
	counts[0].eresp++;
	assert_string_equal(read_again(), "");
	counts[0].status = "MAINT (via be/s2)";
	counts[0].eresp++;
	assert_string_equal(read_again(), "");
	counts[0].status = "UP";
	assert_string_equal(read_again(), "");
}

static void counts_that_fall_begin_anew(void **state)
{
	(void)state;
	counts[0].econ = 100;
	read_again();
	counts[0].econ = 1;
	assert_string_equal(read_after(SECOND), "");
	counts[0].econ = 2;
	assert_string_equal(read_after(SECOND), "be/s1 haproxy_errors\n");
}

static void counts_may_be_longer_than_32_bits(void **state)
{
	(void)state;
	counts[0].econ = UINT32_MAX;
	read_again();
	counters_reset(cnt);
	place();
	read_again();
	counts[0].econ = (uint64_t)UINT32_MAX + 1;
	assert_string_equal(read_after(SECOND), "be/s1 haproxy_errors\n");
}

static void one_target_is_spoken_of_each_100_ms_at_most(void **state)
{
	unsigned i, hints = 0;

	(void)state;
	for (i = 0; i < 50; i++) {
		counts[0].econ++;
		hints += read_again()[0] != '\0';
	}
	assert_int_equal(hints, 10);
}

/* --- 5xx ----------------------------------------------------------------- */

/* Each server answers @each times, of them with 5xx: @a, @b, @c. */
static const char *served(unsigned each, unsigned a, unsigned b, unsigned c)
{
	const unsigned errors[SERVERS] = { a, b, c };
	unsigned i;

	for (i = 0; i < SERVERS; i++) {
		counts[i].ok += each - errors[i];
		counts[i].errors += errors[i];
	}
	return read_again();
}

static void an_outlier_among_siblings_is_found(void **state)
{
	(void)state;
	assert_string_equal(served(2, 1, 0, 0), "be/s1 haproxy_5xx\n");
}

static void siblings_that_say_little_are_no_measure(void **state)
{
	(void)state;
	assert_string_equal(served(1, 1, 0, 0), "");
}

static void what_all_share_accuses_nobody(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 20; i++) {
		assert_string_equal(served(4, 4, 4, 4), "");
		assert_string_equal(served(4, 3, 2, 1), "");
		assert_string_equal(served(4, 1, 2, 3), "");
	}
}

static void without_siblings_5xx_say_nothing(void **state)
{
	(void)state;
	counts[SERVERS].errors += 100;
	assert_string_equal(read_again(), "");
	counts[0].errors += 100;
	assert_string_equal(read_again(), "");
}

static void a_clear_share_is_enough(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 5; i++)
		served(100, 0, 0, 0);
	assert_string_equal(served(100, 50, 0, 0), "be/s1 haproxy_5xx\n");
}

static void what_is_long_past_does_not_count(void **state)
{
	unsigned i;

	(void)state;
	/* s2 has as many as s1, but long ago. */
	served(50, 0, 50, 0);
	for (i = 0; i < 20; i++) {
		now = instant_add(now, 200 * MS);
		assert_string_equal(served(5, 0, 0, 0), "");
	}
	assert_string_equal(served(5, 1, 0, 0), "be/s1 haproxy_5xx\n");
}

static void old_5xx_are_no_news(void **state)
{
	unsigned i;

	(void)state;
	served(10, 10, 0, 0);
	for (i = 0; i < 10; i++)
		assert_string_equal(served(10, 0, 0, 0), "");
}

/* --- silence ------------------------------------------------------------- */

static void requests_left_standing_speak_against_their_server(void **state)
{
	(void)state;
	served(1, 0, 0, 0);
	counts[1].begun++;
	counts[1].busy = 1;
	assert_string_equal(read_again(), "");
	assert_int_equal(instant_diff_us(now, counters_due(cnt)),
			 UNANSWERED_MIN_US);
	assert_string_equal(read_after(UNANSWERED_MIN_US),
			    "be/s2 haproxy_pending\n");
	assert_int_equal(instant_diff_us(now, counters_due(cnt)), 20 * MS);
	assert_string_equal(read_after(SECOND), "");
}

static void a_server_that_never_answered_may_speak_no_http(void **state)
{
	unsigned i;

	(void)state;
	counts[1].busy = 1;
	for (i = 0; i < 10; i++) {
		counts[1].begun++;
		assert_string_equal(read_again(), "");
	}
}

static void what_was_taken_out_of_use_teaches_nothing(void **state)
{
	static const char *const out[] = { "MAINT", "DOWN (agent)" };
	size_t i;

	(void)state;
	served(1, 0, 0, 0);
	for (i = 0; i < 2; i++) {
		counts[0].busy = 1;
		counts[0].begun++;
		read_again();
		assert_string_equal(read_again(), "be/s1 haproxy_pending\n");
		read_after(SECOND);
		counts[0].status = out[i];
		read_again();
		counts[0].status = NULL;
		counts[0].ok++;
		counts[0].busy = 0;
		read_after(SECOND);
	}
}

static void looks_for_silence_take_no_larger_share(void **state)
{
	(void)state;
	served(1, 0, 0, 0);
	counts[0].begun++;
	counts[0].busy = 1;
	now = counters_due(cnt);
	counters_ask(cnt, now);
	answer(0, MS);
	counters_ask(cnt, now);
	answer(1, 0);
	counters_ask(cnt, now);
	assert_int_equal(instant_diff_us(now, counters_due(cnt)),
			 (COUNTERS_SHARE - 1) * MS);
}

/* --- rounds -------------------------------------------------------------- */

static void rounds_come_at_the_interval(void **state)
{
	struct instant begin;

	(void)state;
	begin = counters_due(cnt);
	assert_int_equal(instant_diff_us(now, begin), 20 * MS);
	now = begin;
	assert_int_equal(counters_ask(cnt, now), 3);
	assert_true(instant_is_never(counters_due(cnt)));
	answer(0, 100);
	assert_true(instant_reached(now, counters_due(cnt)));
	assert_int_equal(counters_ask(cnt, now), 4);
	answer(1, 50);
	assert_int_equal(counters_ask(cnt, now), 0);
	assert_int_equal(instant_diff_us(now, counters_due(cnt)),
			 20 * MS - 150);
}

static void slow_answers_stretch_the_interval(void **state)
{
	(void)state;
	now = counters_due(cnt);
	counters_ask(cnt, now);
	answer(0, 4 * MS);
	counters_ask(cnt, now);
	answer(1, 1 * MS);
	counters_ask(cnt, now);
	assert_int_equal(instant_diff_us(now, counters_due(cnt)),
			 (COUNTERS_SHARE - 1) * 5 * MS);
	now = counters_due(cnt);
	counters_ask(cnt, now);
	answer(0, HOUR);
	counters_ask(cnt, now);
	answer(1, 0);
	counters_ask(cnt, now);
	assert_int_equal(instant_diff_us(now, counters_due(cnt)),
			 COUNTERS_PAUSE_MAX);
}

static void never_when_switched_off_or_nothing_is_known(void **state)
{
	(void)state;
	counters_every(cnt, 0);
	assert_true(instant_is_never(counters_due(cnt)));
	counters_every(cnt, 20 * MS);
	assert_false(instant_is_never(counters_due(cnt)));
	counters_reset(cnt);
	assert_true(instant_is_never(counters_due(cnt)));
	place();
	assert_false(instant_is_never(counters_due(cnt)));
}

/* --- strange answers ----------------------------------------------------- */

static void other_fields_are_not_understood(void **state)
{
	char line[ANSWER_LINE_MAX];

	(void)state;
	counts[0].econ++;
	counters_ask(cnt, now);
	hear("# pxname,svname,status,");
	line_of(0, line, sizeof(line));
	counters_line(cnt, line);
	counters_answered(cnt, now, 0, on_hint, NULL);
	assert_string_equal(told, "");
}

static void every_beginning_of_a_line_is_safe(void **state)
{
	char line[ANSWER_LINE_MAX], *copy;
	size_t i, n;

	(void)state;
	counts[0].econ = 12345;
	line_of(0, line, sizeof(line));
	n = strlen(line);
	for (i = 0; i <= n; i++) {
		counters_reset(cnt);
		place();
		counters_ask(cnt, now);
		hear(HEAD);
		copy = strndup(line, i);
		counters_line(cnt, copy);
		free(copy);
		counters_answered(cnt, now, 0, on_hint, NULL);
	}
	assert_string_equal(told, "");
}

static void a_line_that_was_cut_off_is_not_counted(void **state)
{
	char line[ANSWER_LINE_MAX];

	(void)state;
	counts[0].econ++;
	line_of(0, line, sizeof(line));
	line[strlen(line) - 40] = '\0';
	counters_ask(cnt, now);
	hear(HEAD);
	counters_line(cnt, line);
	counters_answered(cnt, now, 0, on_hint, NULL);
	assert_string_equal(told, "");
}

static void answers_to_nothing_are_ignored(void **state)
{
	(void)state;
	counts[0].econ++;
	answer(0, 0);
	assert_string_equal(told, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(new_errors_speak_against_their_server_alone),
		TEST(a_server_of_the_same_name_elsewhere_is_another),
		TEST(errors_from_before_speak_against_nobody),
		TEST(who_waited_too_long_accuses_nobody),
		TEST(a_queue_does_not_hide_connections_tried_again),
		TEST(a_server_in_maintenance_is_not_spoken_of),
		TEST(counts_that_fall_begin_anew),
		TEST(counts_may_be_longer_than_32_bits),
		TEST(one_target_is_spoken_of_each_100_ms_at_most),
		TEST(an_outlier_among_siblings_is_found),
		TEST(siblings_that_say_little_are_no_measure),
		TEST(what_all_share_accuses_nobody),
		TEST(without_siblings_5xx_say_nothing),
		TEST(a_clear_share_is_enough),
		TEST(what_is_long_past_does_not_count),
		TEST(old_5xx_are_no_news),
		TEST(requests_left_standing_speak_against_their_server),
		TEST(a_server_that_never_answered_may_speak_no_http),
		TEST(what_was_taken_out_of_use_teaches_nothing),
		TEST(looks_for_silence_take_no_larger_share),
		TEST(rounds_come_at_the_interval),
		TEST(slow_answers_stretch_the_interval),
		TEST(never_when_switched_off_or_nothing_is_known),
		TEST(other_fields_are_not_understood),
		TEST(every_beginning_of_a_line_is_safe),
		TEST(a_line_that_was_cut_off_is_not_counted),
		TEST(answers_to_nothing_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
