/* The door of the checks: what a reload keeps, drops and leaves alone. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/check_world.h"

static void ask(struct world *w, unsigned target)
{
	unsigned before = w->done;

	checks_start(w->checks, target, 7, MINUTE, false);
	check_world_run(w, 1);
	assert_int_equal(w->target[before], target);
	assert_int_equal(w->result[before].code, RESULT_L7OK);
}

static void reload(struct world *w, struct file *file, const unsigned *old)
{
	assert_int_equal(checks_reload(w->checks, &file->set, old, NULL), 0);
	memset(w->file, 0xa5, sizeof(*w->file));
	free(w->file);
	w->file = file;
}

static void a_reload_keeps_connections_wherever_they_go(void **state)
{
	static const unsigned old[] = { 3, 2, 0, 1 };
	struct world *w = *state;

	ask(w, 0);
	ask(w, 3);
	assert_int_equal(w->server.count, 2);
	reload(w, file_new(w->server.port), old);
	ask(w, 2);
	ask(w, 0);
	assert_int_equal(w->server.count, 2);
}

static void another_question_takes_another_connection(void **state)
{
	static const unsigned old[] = { 0, 1, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	ask(w, 0);
	ask(w, 2);
	file->services[0].check.path = "/other";
	reload(w, file, old);
	ask(w, 0);
	assert_int_equal(w->server.count, 3);
	ask(w, 2);
	assert_int_equal(w->server.count, 3);
}

static void another_address_takes_another_connection(void **state)
{
	static const unsigned old[] = { 0, 1, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	ask(w, 0);
	ask(w, 1);
	file->targets[0].host = "127.0.0.2";
	reload(w, file, old);
	checks_start(w->checks, 0, 8, MINUTE, false);
	check_world_run(w, 1);
	assert_int_equal(w->result[2].code, RESULT_L4CON);
	ask(w, 1);
	assert_int_equal(w->server.count, 2);
}

/* A target from elsewhere comes without its connection, and works. */
static void services_may_be_merged(void **state)
{
	static const unsigned old[] = { 0, 2 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	ask(w, 0);
	ask(w, 2);
	file->set.service_count = 1;
	file->set.target_count = 2;
	reload(w, file, old);
	ask(w, 0);
	ask(w, 1);
	assert_int_equal(w->server.count, 3);
}

static void a_check_under_way_goes_on_under_its_new_index(void **state)
{
	static const unsigned old[] = { 1, 0, 3, 2 };
	struct world *w = *state;

	check_world_ask_mute(w, 2);
	reload(w, file_new(w->server.port), old);
	server_answer(w, 0);
	check_world_run(w, 1);
	assert_int_equal(w->target[0], 3);
	assert_int_equal(w->id[0], 102);
	assert_int_equal(w->result[0].code, RESULT_L7OK);
}

static void assert_nothing_comes(struct world *w)
{
	unsigned before = w->done;

	check_world_wait(w, 0.05);
	assert_int_equal(w->done, before);
}

static void a_check_of_a_removed_target_is_dropped_silently(void **state)
{
	static const unsigned old[] = { 0, 1, UINT_MAX, 3 };
	struct world *w = *state;

	check_world_ask_mute(w, 2);
	reload(w, file_new(w->server.port), old);
	assert_nothing_comes(w);
	ask(w, 2);
	assert_int_equal(w->server.count, 2);
}

/* Refused at once, and not yet reported when the reload comes. */
static void a_report_not_yet_made_is_dropped_with_its_target(void **state)
{
	static const unsigned kept[] = { 0, 1, 2, 3 };
	static const unsigned gone[] = { UINT_MAX, 1, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	file->targets[0].host = "no address";
	file->services[0].check.type = CHECK_EXEC;
	file->services[0].check.command =
		(const char *const[]){ "/nowhere/check", NULL };
	reload(w, file, kept);
	checks_start(w->checks, 0, 1, MINUTE, false);
	checks_start(w->checks, 1, 2, MINUTE, false);
	file = file_new(w->server.port);
	reload(w, file, gone);
	assert_nothing_comes(w);
	ask(w, 0);
	ask(w, 1);
}

static void a_reload_that_fails_changes_nothing(void **state)
{
	static const unsigned old[] = { 3, 2, UINT_MAX, 1 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);
	struct err err;

	ask(w, 0);
	ask(w, 1);
	file->services[1].check.body_regex = "(";
	assert_true(checks_reload(w->checks, &file->set, old, &err) < 0);
	assert_string_equal(err.text, "service service: body_regex: "
				      "Unmatched ( or \\(");
	free(file);
	ask(w, 0);
	ask(w, 1);
	assert_int_equal(w->server.count, 2);
}

static void a_missing_file_is_an_error_at_once(void **state)
{
	static const unsigned old[] = { 0, 1, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);
	struct err err;

	file->services[1].check.type = CHECK_HTTPS;
	file->services[1].check.verify = true;
	file->services[1].check.ca_file = "/nowhere/ca.pem";
	assert_true(checks_reload(w->checks, &file->set, old, &err) < 0);
	assert_non_null(strstr(err.text, "ca_file /nowhere/ca.pem: "));
	free(file);
	ask(w, 0);
}

static void checks_under_way_end_with_the_checks(void **state)
{
	struct world *w = *state;

	check_world_ask_mute(w, 0);
	checks_start(w->checks, 1, 1, MINUTE, false);
	checks_start(w->checks, 2, 1, MINUTE, false);
}

static void ask_again(void *arg, unsigned target, uint64_t id,
		      const struct result *res)
{
	struct world *w = arg;

	check_world_done(w, target, id, res);
	if (w->done < w->wanted)
		checks_start(w->checks, target, id + 1, MINUTE, id % 2 == 0);
}

static void a_report_may_start_the_next_check(void **state)
{
	struct world *w = *state;

	checks_free(w->checks);
	assert_int_equal(checks_new(&w->checks, w->loop, &w->file->set,
				    ask_again, w, NULL),
			 0);
	checks_start(w->checks, 0, 0, MINUTE, false);
	check_world_run(w, 4);
	assert_int_equal(w->id[3], 3);
	assert_int_equal(w->server.count, 3);
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, check_world_set_up,                 \
					check_world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reload_keeps_connections_wherever_they_go),
		TEST(another_question_takes_another_connection),
		TEST(another_address_takes_another_connection),
		TEST(services_may_be_merged),
		TEST(a_check_under_way_goes_on_under_its_new_index),
		TEST(a_check_of_a_removed_target_is_dropped_silently),
		TEST(a_report_not_yet_made_is_dropped_with_its_target),
		TEST(a_reload_that_fails_changes_nothing),
		TEST(a_missing_file_is_an_error_at_once),
		TEST(checks_under_way_end_with_the_checks),
		TEST(a_report_may_start_the_next_check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
