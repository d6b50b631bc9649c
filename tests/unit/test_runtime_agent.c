/* Servers that obey the agent-check responder, over a runtime socket. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/talk.h"

static struct service_settings services[] = {
	{ .name = "be", .backend = "be", .target_count = 1 },
};
static struct target_settings targets[] = {
	{ .name = "s1", .host = "127.0.0.1", .port = 20311 },
};
static struct haproxy_settings haproxies[] = {
	{ .name = "h", .socket = "/s", .agent_port = 7481 },
};
static const struct settings set = {
	.services = services,
	.service_count = 1,
	.targets = targets,
	.target_count = 1,
	.haproxies = haproxies,
	.haproxy_count = 1,
};

static struct talk talk;

#define HELLO(pid) "\n> \n> Pid: " pid "\nUptime_sec: 7\nStopping: 0\n\n> "
/* As HAProxy 2.6 says it; the state, the admin bits, then the result, health
 * and state of its own check, the agent's state, and where that asks. */
#define LINE(op, admin, check, agent, at)                                      \
	"1\n# be_id\n3 be 1 s1 127.0.0.1 " op " " admin " 1 1 3 15 " check     \
	" " agent " 0 0 - 20311 - 0 0 - " at "\n\n> "
#define PASSING    "3 4 6"
#define RISING     "3 1 6"
#define FAILING    "2 0 6"
#define UNCHECKED  "0 2 0"
#define OURS       "127.0.0.1 7481"
#define UP(check)  LINE("2", "0", check, "22", OURS)
#define OUT(check) LINE("0", "0", check, "22", OURS)

static int set_up(void **state)
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

/* The first table is @line: what is told of it. */
static void assert_first(const char *line, const char *told)
{
	char all[200];

	talk_hear(&talk, HELLO("1"));
	talk_hear(&talk, line);
	snprintf(all, sizeof(all), "up same\nbe/s1 %s\n", told);
	assert_string_equal(talk.told, all);
	talk_end(&talk);
	talk_begin(&talk, &set, false);
	talk_settle(&talk);
}

/* A second later the table is @line. */
static void assert_then(const char *line, const char *told)
{
	talk_clear(&talk);
	do {
		talk.now = instant_add(talk.now, 50 * MS);
		talk_settle(&talk);
		if (strstr(talk.sent, "servers state") == NULL)
			talk_hear(&talk,
				  "Pid: 1\nUptime_sec: 8\nStopping: 0\n\n> ");
	} while (strstr(talk.sent, "servers state") == NULL);
	talk_hear(&talk, "Pid: 1\nUptime_sec: 8\nStopping: 0\n\n> ");
	talk_clear(&talk);
	talk_hear(&talk, line);
	assert_string_equal(talk.told, told);
}

static void order_agent(uint64_t id, enum server_state state)
{
	const struct server_order order = { .state = state, .agent = true };

	talk_clear(&talk);
	runtime_order(talk.runtime, talk.now, id, &order);
	talk_settle(&talk);
}

static void only_an_agent_that_asks_us_is_ours(void **state)
{
	(void)state;
	assert_first(UP(PASSING), "READY 100 agent");
	assert_first(LINE("2", "0", PASSING, "23", OURS), "READY 100 agent");
	/* Another port, the server's own address, disabled, none. */
	assert_first(LINE("2", "0", PASSING, "22", "127.0.0.1 7482"),
		     "READY 100");
	assert_first(LINE("2", "0", PASSING, "22", "- 7481"), "READY 100");
	assert_first(LINE("2", "0", PASSING, "18", OURS), "READY 100");
	assert_first(LINE("2", "0", PASSING, "0", "- 0"), "READY 100");
}

static void maintenance_beside_an_agent_is_told_as_theirs(void **state)
{
	(void)state;
	assert_first(LINE("0", "1", PASSING, "22", OURS),
		     "MAINT 100 agent theirs");
	assert_first(LINE("2", "8", PASSING, "22", OURS),
		     "DRAIN 100 agent theirs");
	assert_first(LINE("0", "1", PASSING, "0", "- 0"), "MAINT 100");
}

static void without_a_check_of_its_own_only_the_agent_stops_it(void **state)
{
	(void)state;
	assert_first(OUT(UNCHECKED), "MAINT 100 agent stopped");
}

static void a_server_that_its_own_check_stops_is_not_out(void **state)
{
	(void)state;
	talk_hear(&talk, HELLO("1"));
	talk_hear(&talk, UP(PASSING));
	talk_clear(&talk);
	assert_then(OUT(FAILING), "be/s1 READY 100 agent stopped\n");
	assert_then(OUT(RISING), "");
	assert_then(UP(PASSING), "be/s1 READY 100 agent\n");
	assert_then(OUT(PASSING), "be/s1 MAINT 100 agent stopped\n");
	assert_then(UP(PASSING), "be/s1 READY 100 agent\n");
}

static void says_down_and_up_and_believes_it(void **state)
{
	(void)state;
	talk_hear(&talk, HELLO("1"));
	talk_hear(&talk, UP(PASSING));
	order_agent(1, SERVER_MAINT);
	assert_string_equal(talk.sent, "show servers state be\n");
	talk_hear(&talk, UP(PASSING));
	assert_string_equal(talk.sent, "show servers state be\n"
				       "set server be/s1 agent down\n");
	talk_hear(&talk, "\n> ");
	assert_string_equal(talk.told, "done 1\n");
	/* Its own check fails too: what we said is what counts. */
	assert_then(OUT(FAILING), "");
	assert_then(OUT(PASSING), "");
	order_agent(2, SERVER_READY);
	talk_hear(&talk, OUT(FAILING));
	assert_non_null(strstr(talk.sent, "set server be/s1 agent up\n"));
	talk_hear(&talk, "\n> ");
	assert_string_equal(talk.told, "done 2\n");
	assert_then(OUT(FAILING), "");
}

static void a_check_that_heard_it_first_is_no_other_hand(void **state)
{
	(void)state;
	talk_hear(&talk, HELLO("1"));
	talk_hear(&talk, UP(PASSING));
	order_agent(1, SERVER_MAINT);
	talk_hear(&talk, OUT(PASSING));
	assert_non_null(strstr(talk.sent, "agent down"));
	talk_hear(&talk, "\n> ");
	assert_string_equal(talk.told,
			    "be/s1 MAINT 100 agent stopped\ndone 1\n");
}

static void a_drain_by_the_agent_stays_a_drain(void **state)
{
	(void)state;
	talk_hear(&talk, HELLO("1"));
	talk_hear(&talk, UP(PASSING));
	order_agent(1, SERVER_DRAIN);
	talk_hear(&talk, UP(PASSING));
	assert_non_null(strstr(talk.sent, "set server be/s1 agent down\n"));
	talk_hear(&talk, "\n> ");
	assert_then(OUT(PASSING), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			only_an_agent_that_asks_us_is_ours, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			maintenance_beside_an_agent_is_told_as_theirs, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			without_a_check_of_its_own_only_the_agent_stops_it,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_server_that_its_own_check_stops_is_not_out, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			says_down_and_up_and_believes_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_check_that_heard_it_first_is_no_other_hand, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			a_drain_by_the_agent_stays_a_drain, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
