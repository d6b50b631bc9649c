/* The link to a runtime socket: how it is kept, when it is told to be lost. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/unit/talk.h"

static struct talk talk;

static int set_up(void **state)
{
	(void)state;
	talk_begin(&talk, &talk_settings, true);
	return 0;
}

/* The test itself is HAProxy. */
static int set_up_alone(void **state)
{
	(void)state;
	talk_begin(&talk, &talk_settings, false);
	talk_settle(&talk);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	talk_end(&talk);
	return 0;
}

static void looks_for_a_reload_20_times_a_second(void **state)
{
	const char *at;
	unsigned n = 0;

	(void)state;
	talk_clear(&talk);
	talk_wait(&talk, 1 * SECOND);
	for (at = talk.sent; (at = strstr(at, "show info\n")) != NULL; at++)
		n++;
	assert_in_range(n, 19, 20);
}

static void reload_is_told_within_50_ms(void **state)
{
	(void)state;
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
	fake_haproxy_operate(talk.fake, talk.now,
			     "set server be/s2 state maint");
	fake_haproxy_reload(talk.fake, talk.now);
	talk_wait(&talk, 50 * MS);
	assert_string_equal(talk.told, "up fresh\n" TALK_READY);
}

static void waits_for_the_new_process_when_the_leaving_one_answers(void **state)
{
	const char *leaving = TALK_GREETED TALK_INFO("1", "1");

	(void)state;
	talk_hear(&talk, TALK_GREETED TALK_INFO("1", "0") TALK_TABLE);
	talk_wait(&talk, 0);
	talk.now = instant_add(talk.now, 2 * RUNTIME_GRACE_US);
	talk_clear(&talk);
	talk_settle(&talk);
	talk_hear(&talk, TALK_INFO("1", "1"));
	assert_int_equal(talk.connects, 2);
	talk_hear(&talk, leaving);
	assert_int_equal(talk.connects, 2);
	talk_wait(&talk, RUNTIME_QUICK_US);
	assert_int_equal(talk.connects, 3);
	talk_hear(&talk, TALK_GREETED TALK_INFO("2", "0"));
	assert_string_equal(talk.told, "up fresh\n");
}

static void leaving_process_alone_is_told_after_a_second(void **state)
{
	unsigned i;

	(void)state;
	talk_hear(&talk, TALK_GREETED TALK_INFO("1", "0") TALK_TABLE);
	talk.now = instant_add(talk.now, 1 * SECOND);
	talk_clear(&talk);
	talk_settle(&talk);
	talk_hear(&talk, TALK_INFO("1", "1"));
	for (i = 0; i < 99; i++) {
		talk_hear(&talk, TALK_GREETED TALK_INFO("1", "1"));
		talk_wait(&talk, RUNTIME_QUICK_US);
	}
	assert_string_equal(talk.told, "");
	talk_hear(&talk, TALK_GREETED TALK_INFO("1", "1"));
	talk_wait(&talk, RUNTIME_QUICK_US);
	talk_hear(&talk, TALK_GREETED TALK_INFO("1", "1"));
	assert_string_equal(talk.told, "down its process 1 is leaving and no "
				       "other answers\n");
}

static void lost_link_is_told_when_it_does_not_come_back(void **state)
{
	(void)state;
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
	fake_haproxy_kill(talk.fake);
	talk_settle(&talk);
	talk_wait(&talk, RUNTIME_GRACE_US - 10 * MS);
	assert_string_equal(talk.told, "");
	talk_wait(&talk, 20 * MS);
	assert_string_equal(talk.told, "down cannot connect\n");
	talk_wait(&talk, 1 * MINUTE);
	assert_string_equal(talk.told, "down cannot connect\n");
}

static void tries_less_and_less_often_but_each_5_s(void **state)
{
	unsigned connects;

	(void)state;
	fake_haproxy_kill(talk.fake);
	talk_settle(&talk);
	talk_wait(&talk, 1 * MINUTE);
	connects = talk.connects;
	talk_wait(&talk, 1 * MINUTE);
	assert_int_equal(talk.connects - connects, 12);
	talk_clear(&talk);
	fake_haproxy_start(talk.fake, talk.now);
	talk_wait(&talk, RUNTIME_RETRY_US_MAX);
	assert_string_equal(talk.told, "up fresh\n" TALK_READY);
}

/* One that answers and closes, again and again. */
static void short_lived_links_are_not_met_with_haste(void **state)
{
	unsigned connects;

	(void)state;
	talk.brief = true;
	talk_wait(&talk, 1 * SECOND);
	connects = talk.connects;
	talk_wait(&talk, 10 * SECOND);
	assert_in_range(talk.connects - connects, 2, 8);
	talk.brief = false;
	talk_wait(&talk, 10 * SECOND);
	talk_clear(&talk);
	fake_haproxy_reload(talk.fake, talk.now);
	talk_wait(&talk, 50 * MS);
	assert_string_equal(talk.told, "up fresh\n" TALK_READY);
}

static void every_loss_begins_with_short_waits(void **state)
{
	unsigned connects, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		talk_wait(&talk, 1 * SECOND);
		connects = talk.connects;
		fake_haproxy_hang(talk.fake, talk.now, true);
		talk_wait(&talk, 1200 * MS);
		assert_int_equal(talk.connects - connects, 1);
		fake_haproxy_kill(talk.fake);
		talk_wait(&talk, 1 * MINUTE);
		fake_haproxy_start(talk.fake, talk.now);
		talk_wait(&talk, 6 * SECOND);
	}
}

static void restart_within_the_grace_is_no_loss(void **state)
{
	(void)state;
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
	fake_haproxy_kill(talk.fake);
	talk_settle(&talk);
	talk_wait(&talk, 40 * MS);
	fake_haproxy_start(talk.fake, talk.now);
	talk_wait(&talk, RUNTIME_QUICK_US);
	assert_string_equal(talk.told, "up fresh\n" TALK_READY);
}

static void first_failure_is_told_at_once(void **state)
{
	(void)state;
	talk_end(&talk);
	talk_begin(&talk, &talk_settings, false);
	assert_int_equal(runtime_next(talk.runtime, talk.now), RUNTIME_CONNECT);
	runtime_lost(talk.runtime, talk.now, "no such file");
	assert_string_equal(talk.told, "down no such file\n");
}

static void hanging_one_is_told_after_a_second_and_once(void **state)
{
	(void)state;
	fake_haproxy_hang(talk.fake, talk.now, true);
	talk_clear(&talk);
	talk_wait(&talk, 1100 * MS);
	assert_string_equal(talk.told,
			    "down hangs: no answer within 1000 ms\n");
	talk_wait(&talk, 30 * SECOND);
	assert_string_equal(talk.told,
			    "down hangs: no answer within 1000 ms\n");
	fake_haproxy_hang(talk.fake, talk.now, false);
	talk_clear(&talk);
	talk_wait(&talk, RUNTIME_RETRY_US_MAX + RUNTIME_ANSWER_US);
	assert_string_equal(talk.told, "up same\n" TALK_READY);
}

static void our_own_standstill_is_not_haproxys(void **state)
{
	(void)state;
	talk_wait(&talk, 1 * SECOND);
	talk.deaf = true; /* asked, and not heard yet */
	talk_wait(&talk, 100 * MS);
	talk.now = instant_add(talk.now, 5 * SECOND);
	talk_clear(&talk);
	runtime_tick(talk.runtime, talk.now);
	talk.deaf = false;
	talk_settle(&talk);
	assert_string_equal(talk.told, "");
}

static void connecting_ends_after_a_second(void **state)
{
	(void)state;
	talk_end(&talk);
	talk_begin(&talk, &talk_settings, false);
	assert_int_equal(runtime_next(talk.runtime, talk.now), RUNTIME_CONNECT);
	talk.now = instant_add(talk.now, RUNTIME_ANSWER_US);
	runtime_tick(talk.runtime, talk.now);
	assert_int_equal(runtime_next(talk.runtime, talk.now), RUNTIME_CLOSE);
	assert_string_equal(talk.told, "down no connection within 1000 ms\n");
}

static void same_pid_but_younger_is_another_process(void **state)
{
	(void)state;
	talk_hear(&talk, TALK_GREETED TALK_INFO("22954", "0") TALK_TABLE);
	talk_clear(&talk);
	talk.now = instant_add(talk.now, 1 * SECOND);
	runtime_lost(talk.runtime, talk.now, "closed");
	talk_settle(&talk);
	talk_hear(&talk,
		  TALK_GREETED "Pid: 22954\nUptime_sec: 2\nStopping: 0\n\n> ");
	assert_string_equal(talk.told, "up fresh\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define ALONE(name)                                                            \
	cmocka_unit_test_setup_teardown(name, set_up_alone, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(looks_for_a_reload_20_times_a_second),
		TEST(reload_is_told_within_50_ms),
		ALONE(waits_for_the_new_process_when_the_leaving_one_answers),
		ALONE(leaving_process_alone_is_told_after_a_second),
		TEST(lost_link_is_told_when_it_does_not_come_back),
		TEST(tries_less_and_less_often_but_each_5_s),
		TEST(short_lived_links_are_not_met_with_haste),
		TEST(every_loss_begins_with_short_waits),
		TEST(restart_within_the_grace_is_no_loss),
		TEST(first_failure_is_told_at_once),
		TEST(hanging_one_is_told_after_a_second_and_once),
		TEST(our_own_standstill_is_not_haproxys),
		TEST(connecting_ends_after_a_second),
		ALONE(same_pid_but_younger_is_another_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
