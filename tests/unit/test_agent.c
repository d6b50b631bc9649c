/* HAProxy's agent check: what it asks, what it is told. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "haproxy/agent.h"

static void assert_asks(const char *question, const char *backend,
			const char *server)
{
	char line[AGENT_QUESTION_MAX];
	const char *b, *s;

	snprintf(line, sizeof(line), "%s", question);
	assert_true(agent_question(line, &b, &s));
	assert_string_equal(b, backend);
	assert_string_equal(s, server);
}

static void a_question_names_a_server(void **state)
{
	(void)state;
	assert_asks("be/s1", "be", "s1");
	assert_asks("be_api/api1\r", "be_api", "api1");
	assert_asks("a.b-c:d/1", "a.b-c:d", "1");
}

static void anything_else_is_no_question(void **state)
{
	static const char *const lines[] = { "",      "/",       "be",
					     "be/",   "/s1",     "be/s1/x",
					     "be//s", "be/s\rx", "\r" };
	char line[AGENT_QUESTION_MAX];
	const char *b, *s;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		snprintf(line, sizeof(line), "%s", lines[i]);
		assert_false(agent_question(line, &b, &s));
	}
}

static void assert_answers(enum agent_word word, const char *why,
			   const char *answer)
{
	char text[AGENT_ANSWER_MAX];

	assert_int_equal(agent_answer(word, why, text), strlen(answer));
	assert_string_equal(text, answer);
}

static void answers_up_or_down_or_nothing(void **state)
{
	(void)state;
	assert_answers(AGENT_UP, "", "up\n");
	assert_answers(AGENT_DOWN, "checks failed",
		       "down #bascule: checks failed\n");
	assert_answers(AGENT_SILENT, "", "");
}

static void a_long_reason_is_cut(void **state)
{
	char why[400], text[AGENT_ANSWER_MAX];
	size_t size;

	(void)state;
	memset(why, 'x', sizeof(why) - 1);
	why[sizeof(why) - 1] = '\0';
	size = agent_answer(AGENT_DOWN, why, text);
	assert_in_range(size, 60, AGENT_ANSWER_MAX - 1);
	assert_int_equal(text[size - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_names_a_server),
		cmocka_unit_test(anything_else_is_no_question),
		cmocka_unit_test(answers_up_or_down_or_nothing),
		cmocka_unit_test(a_long_reason_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
