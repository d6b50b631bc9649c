/* The conversation over a runtime socket: the link, what is seen. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "haproxy/answer.h"
#include "tests/unit/talk.h"

static struct service_settings services[] = {
	{ .name = "be", .backend = "be", .target_count = 2 },
	{ .name = "two",
	  .backend = "two",
	  .first_target = 2,
	  .target_count = 1 },
	{ .name = "quiet", .first_target = 3, .target_count = 1 },
};
static struct target_settings targets[] = {
	{ .name = "s1", .host = "127.0.0.1", .port = 20311, .service = 0 },
	{ .name = "s2", .host = "127.0.0.1", .port = 20312, .service = 0 },
	{ .name = "s1", .host = "::1", .port = 20313, .service = 1 },
	{ .name = "s1", .host = "::1", .port = 20314, .service = 2 },
};
static const struct settings set = {
	.services = services,
	.service_count = 3,
	.targets = targets,
	.target_count = 4,
};

#define ALL_READY "be/s1 READY 100\nbe/s2 READY 100\ntwo/s1 READY 100\n"

static struct talk talk;

static int set_up(void **state)
{
	(void)state;
	talk_begin(&talk, &set, true);
	return 0;
}

/* The test itself is HAProxy. */
static int set_up_alone(void **state)
{
	(void)state;
	talk_begin(&talk, &set, false);
	talk_settle(&talk);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	talk_end(&talk);
	return 0;
}

/* --- what a real HAProxy said, byte for byte ----------------------------- */

#define INFO_OF(pid, stopping)                                                 \
	"Name: HAProxy\nVersion: 2.6.12-1+deb12u4\nNbthread: 1\n"              \
	"Process_num: 1\nPid: " pid "\nUptime: 0d 0h00m07s\nUptime_sec: 7\n"   \
	"Run_queue: 1\nnode: vm\nStopping: " stopping                          \
	"\nJobs: 6\nUnstoppable Jobs: 1\nListeners: 5\nTainted: 0\n\n> "
#define HEAD                                                                   \
	"1\n# be_id be_name srv_id srv_name srv_addr srv_op_state "            \
	"srv_admin_state srv_uweight srv_iweight srv_time_since_last_change "  \
	"srv_check_status srv_check_result srv_check_health srv_check_state "  \
	"srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port "    \
	"srvrecord srv_use_ssl srv_check_port srv_check_addr srv_agent_addr "  \
	"srv_agent_port\n"
#define GREETED "\n> \n> "
#define TABLE                                                                  \
	HEAD "3 be 1 s1 127.0.0.1 0 1 1 1 0 15 3 0 14 0 0 0 - 20311 - 0 "      \
	     "20311 127.0.0.1 - 0\n"                                           \
	     "3 be 2 s2 127.0.0.1 2 8 7 10 0 15 3 3 6 0 0 0 - 20312 - 0 0 "    \
	     "- - 0\n"                                                         \
	     "3 be 6 d3 - 0 1 1 1 0 1 0 0 0 0 0 0 localhost 20311 - 0 0 - "    \
	     "- 0\n"                                                           \
	     "4 two 1 s1 ::1 2 0 256 128 2 1 0 3 0 0 0 0 - 20313 - 0 0 - - "   \
	     "0\n\n> "

static const char recorded[] = GREETED INFO_OF("22954", "0") TABLE;
static const char understood[] =
	"up same\nbe/s1 MAINT 100\nbe/s2 DRAIN 70\ntwo/s1 READY 200\n";

static void greets_in_one_write(void **state)
{
	(void)state;
	assert_string_equal(talk.sent, "prompt\nset timeout cli 1h\n"
				       "show info\nshow servers state\n");
}

static void understands_what_was_recorded(void **state)
{
	(void)state;
	talk_hear(&talk, recorded);
	assert_string_equal(talk.told, understood);
}

static void splits_of_the_stream_change_nothing(void **state)
{
	size_t i, n = sizeof(recorded) - 1;

	(void)state;
	for (i = 0; i <= n; i++) {
		talk_end(&talk);
		talk_begin(&talk, &set, false);
		talk_settle(&talk);
		runtime_input(talk.runtime, talk.now, recorded, i);
		runtime_input(talk.runtime, talk.now, recorded + i, n - i);
		assert_string_equal(talk.told, understood);
	}
}

static void single_bytes_change_nothing(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(recorded) - 1; i++)
		runtime_input(talk.runtime, talk.now, recorded + i, 1);
	assert_string_equal(talk.told, understood);
}

static void prompt_comes_after_a_newline_only(void **state)
{
	static const char said[] = "> a\n>\n>x\n> ";
	struct answer ans;
	size_t used, at = 0;

	(void)state;
	answer_init(&ans);
	assert_int_equal(answer_feed(&ans, said, sizeof(said) - 1, &used),
			 ANSWER_LINE);
	assert_string_equal(ans.line, "> a");
	at += used;
	assert_int_equal(
		answer_feed(&ans, said + at, sizeof(said) - 1 - at, &used),
		ANSWER_LINE);
	assert_string_equal(ans.line, ">");
	at += used;
	assert_int_equal(
		answer_feed(&ans, said + at, sizeof(said) - 1 - at, &used),
		ANSWER_LINE);
	assert_string_equal(ans.line, ">x");
	at += used;
	assert_int_equal(
		answer_feed(&ans, said + at, sizeof(said) - 1 - at, &used),
		ANSWER_END);
	assert_int_equal(at + used, sizeof(said) - 1);
}

static void strangers_are_nobody(void **state)
{
	char name[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "x%u", i);
		assert_int_equal(
			servers_find(talk.servers, "be", name, SERVERS_NONE),
			SERVERS_NONE);
		assert_int_equal(
			servers_find(talk.servers, name, "s1", SERVERS_NONE),
			SERVERS_NONE);
	}
	assert_int_equal(servers_find(talk.servers, "be", "s2", SERVERS_NONE),
			 1);
}

static void all_admin_bits_are_read(void **state)
{
	static const struct {
		unsigned bits;
		enum server_state state;
	} cases[] = {
		{ 0x00, SERVER_READY }, { 0x01, SERVER_MAINT },
		{ 0x02, SERVER_MAINT }, { 0x04, SERVER_READY },
		{ 0x05, SERVER_MAINT }, { 0x08, SERVER_DRAIN },
		{ 0x09, SERVER_MAINT }, { 0x10, SERVER_DRAIN },
		{ 0x20, SERVER_MAINT }, { 0x40, SERVER_MAINT },
	};
	struct server_line line;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		line = (struct server_line){ .admin = cases[i].bits };
		assert_int_equal(server_line_state(&line), cases[i].state);
	}
}

/* --- what is seen -------------------------------------------------------- */

static void tells_the_link_then_every_server(void **state)
{
	(void)state;
	assert_string_equal(talk.told, "up same\n" ALL_READY);
}

static void tells_a_change_within_a_second_and_once(void **state)
{
	(void)state;
	talk_clear(&talk);
	fake_haproxy_operate(talk.fake, talk.now,
			     "set server be/s2 state maint");
	talk_wait(&talk, RUNTIME_STATE_US);
	assert_string_equal(talk.told, "be/s2 MAINT 100\n");
	talk_wait(&talk, 10 * SECOND);
	assert_string_equal(talk.told, "be/s2 MAINT 100\n");
}

static void tells_a_server_that_does_not_exist(void **state)
{
	(void)state;
	fake_haproxy_server(talk.fake, "two", "s1")->absent = true;
	talk_clear(&talk);
	talk_wait(&talk, RUNTIME_STATE_US);
	assert_string_equal(talk.told, "two/s1 ABSENT 100\n");
	fake_haproxy_server(talk.fake, "two", "s1")->absent = false;
	talk_clear(&talk);
	talk_wait(&talk, RUNTIME_STATE_US);
	assert_string_equal(talk.told, "two/s1 READY 100\n");
}

static void names_that_haproxy_refuses_are_absent(void **state)
{
	static struct service_settings odd_services[] = {
		{ .name = "odd", .backend = "be", .target_count = 2 },
	};
	static struct target_settings odd_targets[] = {
		{ .name = "s1", .host = "::1" },
		{ .name = "s 2;shutdown", .host = "::1" },
	};
	static const struct settings odd = {
		.services = odd_services,
		.service_count = 1,
		.targets = odd_targets,
		.target_count = 2,
	};

	(void)state;
	talk_end(&talk);
	talk_begin(&talk, &odd, true);
	assert_string_equal(talk.told, "up same\nbe/s1 READY 100\n"
				       "be/s 2;shutdown ABSENT 100\n");
}

static void one_server_may_be_two_targets(void **state)
{
	static struct service_settings twin_services[] = {
		{ .name = "deep", .backend = "be", .target_count = 1 },
		{ .name = "flat",
		  .backend = "be",
		  .first_target = 1,
		  .target_count = 1 },
	};
	static struct target_settings twin_targets[] = {
		{ .name = "s1", .host = "::1" },
		{ .name = "s1", .host = "::1", .service = 1 },
	};
	static const struct settings twins = {
		.services = twin_services,
		.service_count = 2,
		.targets = twin_targets,
		.target_count = 2,
	};

	(void)state;
	talk_end(&talk);
	talk_begin(&talk, &twins, true);
	assert_string_equal(talk.told,
			    "up same\nbe/s1 READY 100\nbe/s1 READY 100\n");
}

/* --- the link ------------------------------------------------------------ */

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
	assert_string_equal(talk.told, "up fresh\n" ALL_READY);
}

static void waits_for_the_new_process_when_the_leaving_one_answers(void **state)
{
	const char *leaving = GREETED INFO_OF("1", "1");

	(void)state;
	talk_hear(&talk, GREETED INFO_OF("1", "0") TABLE);
	talk_wait(&talk, 0);
	talk.now = instant_add(talk.now, 2 * RUNTIME_GRACE_US);
	talk_clear(&talk);
	talk_settle(&talk);
	talk_hear(&talk, INFO_OF("1", "1"));
	assert_int_equal(talk.connects, 2);
	talk_hear(&talk, leaving);
	assert_int_equal(talk.connects, 2);
	talk_wait(&talk, RUNTIME_QUICK_US);
	assert_int_equal(talk.connects, 3);
	talk_hear(&talk, GREETED INFO_OF("2", "0"));
	assert_string_equal(talk.told, "up fresh\n");
}

static void leaving_process_alone_is_told_after_a_second(void **state)
{
	unsigned i;

	(void)state;
	talk_hear(&talk, GREETED INFO_OF("1", "0") TABLE);
	talk.now = instant_add(talk.now, 1 * SECOND);
	talk_clear(&talk);
	talk_settle(&talk);
	talk_hear(&talk, INFO_OF("1", "1"));
	for (i = 0; i < 99; i++) {
		talk_hear(&talk, GREETED INFO_OF("1", "1"));
		talk_wait(&talk, RUNTIME_QUICK_US);
	}
	assert_string_equal(talk.told, "");
	talk_hear(&talk, GREETED INFO_OF("1", "1"));
	talk_wait(&talk, RUNTIME_QUICK_US);
	talk_hear(&talk, GREETED INFO_OF("1", "1"));
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
	assert_string_equal(talk.told, "up fresh\n" ALL_READY);
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
	assert_string_equal(talk.told, "up fresh\n" ALL_READY);
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
	assert_string_equal(talk.told, "up fresh\n" ALL_READY);
}

static void first_failure_is_told_at_once(void **state)
{
	(void)state;
	talk_end(&talk);
	talk_begin(&talk, &set, false);
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
	assert_string_equal(talk.told, "up same\n" ALL_READY);
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
	talk_begin(&talk, &set, false);
	assert_int_equal(runtime_next(talk.runtime, talk.now), RUNTIME_CONNECT);
	talk.now = instant_add(talk.now, RUNTIME_ANSWER_US);
	runtime_tick(talk.runtime, talk.now);
	assert_int_equal(runtime_next(talk.runtime, talk.now), RUNTIME_CLOSE);
	assert_string_equal(talk.told, "down no connection within 1000 ms\n");
}

static void same_pid_but_younger_is_another_process(void **state)
{
	(void)state;
	talk_hear(&talk, recorded);
	talk_clear(&talk);
	talk.now = instant_add(talk.now, 1 * SECOND);
	runtime_lost(talk.runtime, talk.now, "closed");
	talk_settle(&talk);
	talk_hear(&talk,
		  GREETED "Pid: 22954\nUptime_sec: 2\nStopping: 0\n\n> ");
	assert_string_equal(talk.told, "up fresh\n");
}

/* --- bad answers --------------------------------------------------------- */

static void says_why_it_hangs_up(void **state)
{
	static const struct {
		const char *said, *told;
	} cases[] = {
		{ "\n> \n> HTTP/1.1 400 Bad Request\n\n> ",
		  "down `show info`: not understood: "
		  "HTTP/1.1 400 Bad Request\n" },
		{ "\n> \n> \n> \n> \n> ",
		  "down `show info`: not understood: \n" },
		{ GREETED INFO_OF("7", "0") "Permission denied\n\n> ",
		  "up same\ndown `show servers state`: Permission denied\n" },
		{ GREETED INFO_OF("7", "0") "1\nwhat else\n\n> ",
		  "up same\ndown `show servers state`: not understood: "
		  "what else\n" },
		{ GREETED INFO_OF("7", "0") TABLE "more\n",
		  "up same\nbe/s1 MAINT 100\nbe/s2 DRAIN 70\n"
		  "two/s1 READY 200\ndown answers what was not asked\n" },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_end(&talk);
		talk_begin(&talk, &set, false);
		talk_settle(&talk);
		talk_hear(&talk, cases[i].said);
		assert_string_equal(talk.told, cases[i].told);
		assert_int_equal(talk.conn, -1);
	}
}

static void answer_without_end_is_given_up(void **state)
{
	static char junk[1 << 16];
	unsigned i;

	(void)state;
	memset(junk, 'x', sizeof(junk));
	for (i = 0; i < 2 * (ANSWER_MAX / sizeof(junk)) && talk.conn >= 0;
	     i++) {
		runtime_input(talk.runtime, talk.now, junk, sizeof(junk));
		talk_settle(&talk);
	}
	assert_int_equal(talk.conn, -1);
	assert_string_equal(talk.told, "down an answer without end\n");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define ALONE(name)                                                            \
	cmocka_unit_test_setup_teardown(name, set_up_alone, tear_down)
	const struct CMUnitTest tests[] = {
		ALONE(greets_in_one_write),
		ALONE(understands_what_was_recorded),
		ALONE(splits_of_the_stream_change_nothing),
		ALONE(single_bytes_change_nothing),
		ALONE(prompt_comes_after_a_newline_only),
		ALONE(strangers_are_nobody),
		ALONE(all_admin_bits_are_read),
		TEST(tells_the_link_then_every_server),
		TEST(tells_a_change_within_a_second_and_once),
		TEST(tells_a_server_that_does_not_exist),
		TEST(names_that_haproxy_refuses_are_absent),
		TEST(one_server_may_be_two_targets),
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
		ALONE(says_why_it_hangs_up),
		ALONE(answer_without_end_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
