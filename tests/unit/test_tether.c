/* Connections that are held: what their end tells, what a silence leaves
 * behind, and what a check over one costs.
 *
 * Linked with --wrap, so that what our own code asks of the allocator and the
 * resolver is counted.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>

#include "tests/unit/check_world.h"

static unsigned calls;

/* The linker's names. */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
int __real_getaddrinfo(const char *host, const char *port,
		       const struct addrinfo *hints, struct addrinfo **ret);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
int __wrap_getaddrinfo(const char *host, const char *port,
		       const struct addrinfo *hints, struct addrinfo **ret);

void *__wrap_malloc(size_t size)
{
	calls++;
	return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	calls++;
	return __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	calls++;
	return __real_realloc(old, size);
}

int __wrap_getaddrinfo(const char *host, const char *port,
		       const struct addrinfo *hints, struct addrinfo **ret)
{
	calls++;
	return __real_getaddrinfo(host, port, hints, ret);
}

static const struct result *last(const struct world *w)
{
	return &w->result[(w->done - 1) % KEPT_MAX];
}

static uint64_t last_id(const struct world *w)
{
	return w->id[(w->done - 1) % KEPT_MAX];
}

static void ask(struct world *w, uint64_t id, bool fresh)
{
	checks_start(w->checks, 0, id, MINUTE, fresh);
	check_world_run(w, 1);
	assert_int_equal(last(w)->code, RESULT_L7OK);
	assert_false(last(w)->late);
	assert_int_equal(last_id(w), id);
}

static void a_check_over_a_tether_allocates_and_resolves_nothing(void **state)
{
	struct world *w = *state;
	unsigned i, before;

	ask(w, 1, false);
	before = calls;
	assert_true(before > 0);
	for (i = 0; i < 100; i++)
		ask(w, 2 + i, false);
	assert_int_equal(calls, before);
	assert_int_equal(w->server.count, 1);
}

static void a_closed_tether_is_a_hint(void **state)
{
	struct world *w = *state;

	ask(w, 1, false);
	server_drop(w, 0, false);
	check_world_wait_hint(w);
	assert_int_equal(w->hint.target, 0);
	assert_int_equal(w->hint.kind, HINT_TETHER_CLOSED);
	ask(w, 2, true);
}

static void a_reset_tether_is_a_hint_with_its_error(void **state)
{
	struct world *w = *state;

	ask(w, 1, false);
	server_drop(w, 0, true);
	check_world_wait_hint(w);
	assert_int_equal(w->hint.kind, HINT_TETHER_RESET);
	assert_int_equal(w->hint.error, ECONNRESET);
}

static void without_a_tether_nothing_is_held_or_told(void **state)
{
	struct world *w = *state;

	w->file->services[0].check.tether = false;
	ask(w, 1, false);
	ask(w, 2, false);
	assert_int_equal(w->server.count, 2);
	server_drop(w, 1, false);
	while (!server_dropped(w, 1))
		check_world_wait(w, 0.01);
	assert_int_equal(w->hints, 0);
}

static void a_silence_says_how_far_it_came(void **state)
{
	struct world *w = *state;

	check_world_ask_silent(w, 0, 1);
	assert_int_equal(last(w)->code, RESULT_L7TOUT);
	assert_int_equal(last(w)->reach, REACH_ACKNOWLEDGED);
	assert_false(last(w)->late);
}

static void an_answer_after_the_silence_is_told_as_late(void **state)
{
	struct world *w = *state;

	check_world_ask_silent(w, 0, 1);
	server_answer(w, 0);
	check_world_run(w, 1);
	assert_int_equal(last(w)->code, RESULT_L7OK);
	assert_true(last(w)->late);
	assert_int_equal(last_id(w), 1);
	assert_true(last(w)->latency_us >= SILENT_US);
	/* What it came over is held from now on. */
	ask(w, 2, false);
	assert_int_equal(w->server.count, 1);
}

static void a_question_answered_well_ends_the_wait_for_an_earlier(void **state)
{
	struct world *w = *state;

	check_world_ask_silent(w, 0, 1);
	ask(w, 2, true);
	assert_true(server_dropped(w, 0));
	ask(w, 3, false);
	assert_int_equal(w->server.count, 2);
}

static void of_several_silent_questions_the_first_is_listened_to(void **state)
{
	struct world *w = *state;

	check_world_ask_silent(w, 0, 1);
	check_world_ask_silent(w, 0, 2);
	check_world_ask_silent(w, 0, 3);
	assert_int_equal(w->server.count, 3);
	assert_true(server_dropped(w, 1));
	assert_true(server_dropped(w, 2));
	server_answer(w, 0);
	check_world_run(w, 1);
	assert_true(last(w)->late);
	assert_int_equal(last_id(w), 1);
}

static void a_late_answer_may_come_while_the_next_is_awaited(void **state)
{
	struct world *w = *state;

	check_world_ask_silent(w, 0, 1);
	check_world_ask_mute(w, 0);
	server_answer(w, 0);
	check_world_run(w, 1);
	assert_true(last(w)->late);
	assert_int_equal(last_id(w), 1);
	server_answer(w, 1);
	check_world_run(w, 1);
	assert_false(last(w)->late);
	assert_int_equal(last_id(w), 100);
}

static void a_reset_after_the_silence_is_a_hint(void **state)
{
	struct world *w = *state;

	check_world_ask_silent(w, 0, 1);
	server_drop(w, 0, true);
	check_world_wait_hint(w);
	assert_int_equal(w->hint.kind, HINT_TETHER_RESET);
}

static void a_reload_keeps_the_ear_for_a_late_answer(void **state)
{
	static const unsigned old[] = { 1, 0, 2, 3 };
	struct world *w = *state;
	struct file *file = file_new(w->server.port);

	check_world_ask_silent(w, 0, 1);
	assert_int_equal(checks_reload(w->checks, &file->set, old, NULL), 0);
	free(w->file);
	w->file = file;
	server_answer(w, 0);
	check_world_run(w, 1);
	assert_true(last(w)->late);
	assert_int_equal(w->target[(w->done - 1) % KEPT_MAX], 1);
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, check_world_set_up,                 \
					check_world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_check_over_a_tether_allocates_and_resolves_nothing),
		TEST(a_closed_tether_is_a_hint),
		TEST(a_reset_tether_is_a_hint_with_its_error),
		TEST(without_a_tether_nothing_is_held_or_told),
		TEST(a_silence_says_how_far_it_came),
		TEST(an_answer_after_the_silence_is_told_as_late),
		TEST(a_question_answered_well_ends_the_wait_for_an_earlier),
		TEST(of_several_silent_questions_the_first_is_listened_to),
		TEST(a_late_answer_may_come_while_the_next_is_awaited),
		TEST(a_reset_after_the_silence_is_a_hint),
		TEST(a_reload_keeps_the_ear_for_a_late_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
