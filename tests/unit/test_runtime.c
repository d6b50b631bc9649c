/* The conversation over a runtime socket: what is understood and seen. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "haproxy/answer.h"
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

/* --- what a real HAProxy said, byte for byte ----------------------------- */

static const char recorded[] = TALK_GREETED TALK_INFO("22954", "0") TALK_TABLE;
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
		talk_begin(&talk, &talk_settings, false);
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
	assert_string_equal(talk.told, "up same\n" TALK_READY);
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
		{ TALK_GREETED TALK_INFO("7", "0") "Permission denied\n\n> ",
		  "up same\ndown `show servers state`: Permission denied\n" },
		{ TALK_GREETED TALK_INFO("7", "0") "1\nwhat else\n\n> ",
		  "up same\ndown `show servers state`: not understood: "
		  "what else\n" },
		{ TALK_GREETED TALK_INFO("7", "0") TALK_TABLE "more\n",
		  "up same\nbe/s1 MAINT 100\nbe/s2 DRAIN 70\n"
		  "two/s1 READY 200\ndown answers what was not asked\n" },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		talk_end(&talk);
		talk_begin(&talk, &talk_settings, false);
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
		ALONE(says_why_it_hangs_up),
		ALONE(answer_without_end_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
