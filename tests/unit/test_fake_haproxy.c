/* The fake HAProxy answers as the real one does: tests/golden/ holds what a
 * real HAProxy 2.6 said, and an end-to-end test that it still does. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/sim/fake_haproxy.h"

#define ANSWER_SIZE 4096

static struct service_settings services[] = {
	{ .name = "be", .backend = "be", .target_count = 2 },
	{ .name = "two",
	  .backend = "two",
	  .first_target = 2,
	  .target_count = 1 },
};
static struct target_settings targets[] = {
	{ .name = "s1", .host = "127.0.0.1", .port = 20311, .service = 0 },
	{ .name = "s2", .host = "127.0.0.1", .port = 20312, .service = 0 },
	{ .name = "s1", .host = "::1", .port = 20313, .service = 1 },
};
static const struct settings set = {
	.services = services,
	.service_count = 2,
	.targets = targets,
	.target_count = 3,
};
static const struct instant start = { 5 * SECOND };

static int set_up(void **state)
{
	struct fake_haproxy *fake = fake_haproxy_new(&set, start);

	*state = fake;
	if (fake == NULL)
		return -1;
	fake_haproxy_server(fake, "be", "s2")->configured_weight = 10;
	fake_haproxy_kill(fake);
	fake_haproxy_start(fake, start);
	return 0;
}

static int tear_down(void **state)
{
	fake_haproxy_free(*state);
	return 0;
}

/* Say a line and take the whole answer. */
static const char *ask(struct fake_haproxy *fake, int conn, const char *line)
{
	static char answer[ANSWER_SIZE];
	bool eof;
	size_t n;

	fake_haproxy_write(fake, start, conn, line, strlen(line));
	fake_haproxy_write(fake, start, conn, "\n", 1);
	n = fake_haproxy_read(fake, conn, answer, sizeof(answer) - 1, &eof);
	answer[n] = '\0';
	return answer;
}

/* "\n" for a newline, in place. */
static void unescape(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++) {
		if (text[0] == '\\' && text[1] == 'n') {
			*to++ = '\n';
			text++;
		} else if (*text != '\n') {
			*to++ = *text;
		}
	}
	*to = '\0';
}

static void answers_as_the_real_one_did(void **state)
{
	char path[512], line[ANSWER_SIZE], said[ANSWER_SIZE] = "";
	const char *top = getenv("top_srcdir");
	int conn = fake_haproxy_connect(*state);
	unsigned compared = 0;
	FILE *in;

	snprintf(path, sizeof(path), "%s/tests/golden/haproxy-runtime.txt",
		 top != NULL ? top : ".");
	in = fopen(path, "r");
	assert_non_null(in);
	while (fgets(line, sizeof(line), in) != NULL) {
		unescape(line + 2);
		if (line[0] == '>') {
			snprintf(said, sizeof(said), "%s",
				 ask(*state, conn, line + 2));
		} else if (line[0] == '<') {
			assert_string_equal(said, line + 2);
			compared++;
		}
	}
	fclose(in);
	assert_int_equal(compared, 52);
}

static void answers_one_line_without_prompt(void **state)
{
	struct fake_haproxy *fake = *state;
	int conn = fake_haproxy_connect(fake);
	char byte;
	bool eof;

	assert_string_equal(ask(fake, conn, "set server be/s1 state maint"),
			    "\n");
	assert_int_equal(fake_haproxy_read(fake, conn, &byte, 1, &eof), 0);
	assert_true(eof);
}

static void leaving_process_goes_on_showing_the_past(void **state)
{
	struct fake_haproxy *fake = *state;
	int old = fake_haproxy_connect(fake), new;

	ask(fake, old, "prompt");
	ask(fake, old, "set server be/s1 state maint");
	fake_haproxy_reload(fake, start);
	new = fake_haproxy_connect(fake);
	ask(fake, new, "prompt");

	assert_non_null(strstr(ask(fake, old, "show info"), "Stopping: 1\n"));
	assert_non_null(strstr(ask(fake, new, "show info"), "Stopping: 0\n"));
	assert_non_null(strstr(ask(fake, old, "show servers state"),
			       "be 1 s1 127.0.0.1 0 1 1 1 "));
	assert_non_null(strstr(ask(fake, new, "show servers state"),
			       "be 1 s1 127.0.0.1 2 0 1 1 "));
	assert_string_equal(ask(fake, old, "set server be/s1 state ready"),
			    "Proxy is disabled.\n\n> ");
	assert_string_equal(ask(fake, old, "shutdown sessions server be/s1"),
			    "Proxy is disabled.\n\n> ");
}

static void answers_nothing_while_it_hangs(void **state)
{
	struct fake_haproxy *fake = *state;
	int conn = fake_haproxy_connect(fake);
	char data[8];
	bool eof;

	fake_haproxy_hang(fake, start, true);
	assert_string_equal(ask(fake, conn, "prompt"), "");
	fake_haproxy_hang(fake, start, false);
	assert_int_equal(fake_haproxy_read(fake, conn, data, 8, &eof), 3);
	assert_false(eof);
}

static void killed_one_closes_and_refuses(void **state)
{
	struct fake_haproxy *fake = *state;
	int conn = fake_haproxy_connect(fake);
	char byte;
	bool eof;

	fake_haproxy_kill(fake);
	assert_int_equal(fake_haproxy_read(fake, conn, &byte, 1, &eof), 0);
	assert_true(eof);
	assert_int_equal(fake_haproxy_connect(fake), -ECONNREFUSED);
	fake_haproxy_start(fake, start);
	assert_true(fake_haproxy_connect(fake) >= 0);
}

static void forbids_changes_below_level_admin(void **state)
{
	struct fake_haproxy *fake = *state;
	int conn = fake_haproxy_connect(fake);

	fake_haproxy_forbid(fake, true);
	ask(fake, conn, "prompt");
	assert_string_equal(ask(fake, conn, "set server be/s1 state maint"),
			    "Permission denied\n\n> ");
	assert_string_equal(ask(fake, conn, "set timeout cli 1h"), "\n> ");
}

static void operator_works_beside_us(void **state)
{
	struct fake_haproxy *fake = *state;

	fake_haproxy_operate(fake, start, "set server be/s1 state drain");
	assert_int_equal(fake_haproxy_server(fake, "be", "s1")->admin, 8);
}

/* As HAProxy shows it: stopped, in no maintenance. */
static void an_agents_word_stops_a_server(void **state)
{
	struct fake_haproxy *fake = *state;
	int conn = fake_haproxy_connect(fake);

	assert_string_equal(ask(fake, conn, "prompt"), "\n> ");
	assert_non_null(strstr(ask(fake, conn, "set server be/s1 agent down"),
			       "not enabled"));
	fake_haproxy_agents(fake, 7481);
	assert_string_equal(ask(fake, conn, "set server be/s1 agent down"),
			    "\n> ");
	assert_non_null(strstr(ask(fake, conn, "show servers state be"),
			       " s1 127.0.0.1 0 0 1 1 "));
	assert_non_null(strstr(ask(fake, conn, "show servers state be"),
			       " 22 0 0 - 20311 - 0 0 - 127.0.0.1 7481\n"));
	assert_string_equal(ask(fake, conn, "set server be/s1 agent up"),
			    "\n> ");
	assert_non_null(strstr(ask(fake, conn, "show servers state be"),
			       " s1 127.0.0.1 2 0 1 1 "));
	ask(fake, conn, "set server be/s1 agent down");
	fake_haproxy_close(fake, conn);
	/* Another process knows nothing of it. */
	fake_haproxy_reload(fake, start);
	assert_false(fake_haproxy_server(fake, "be", "s1")->agent_down);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(answers_as_the_real_one_did),
		TEST(answers_one_line_without_prompt),
		TEST(leaving_process_goes_on_showing_the_past),
		TEST(answers_nothing_while_it_hangs),
		TEST(killed_one_closes_and_refuses),
		TEST(forbids_changes_below_level_admin),
		TEST(operator_works_beside_us),
		TEST(an_agents_word_stops_a_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
