/* The replica's faults. */

#include "drill/replica/fault.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct fault fault_of(const char *form)
{
	struct fault fault = { 0 };

	assert_int_equal(fault_parse(form, &fault, NULL), 0);
	return fault;
}

static void prints_every_fault_as_it_reads_it(void **state)
{
	static const char *const forms[] = {
		"kind=none&scope=all",
		"kind=status&code=503&scope=health",
		"kind=slow&ms=300&scope=all",
		"kind=mute&scope=health",
		"kind=flap&code=500&up_ms=700&down_ms=300&scope=all",
		"kind=unhealthy&scope=all",
		"kind=garbage&scope=all",
		"kind=half&scope=all",
		"kind=endless-headers&scope=health",
		"kind=huge&scope=all",
		"kind=bytes&ms=10&scope=all",
		"kind=refuse&scope=all",
		"kind=full&scope=all",
	};
	char text[FAULT_TEXT_MAX];
	struct fault fault;

	(void)state;
	assert_int_equal(sizeof(forms) / sizeof(forms[0]), FAULT_KINDS);
	for (int i = 0; i < FAULT_KINDS; i++) {
		fault = fault_of(forms[i]);
		assert_int_equal(fault.kind, i);
		fault_print(&fault, text);
		assert_string_equal(text, forms[i]);
	}
}

static void bears_spaces_and_empty_words(void **state)
{
	struct fault fault = fault_of("&kind=slow ms=20&&port=7001\r\n");

	(void)state;
	assert_int_equal(fault.kind, FAULT_SLOW);
	assert_int_equal(fault.delay_us, 20 * MS);
	assert_int_equal(fault.port, 7001);
	assert_false(fault.health_only);
}

static void lets_the_last_word_win(void **state)
{
	struct fault fault = fault_of("kind=none&kind=mute");

	(void)state;
	assert_int_equal(fault.kind, FAULT_MUTE);
}

static void says_what_is_wrong_with_a_form(void **state)
{
	static const struct {
		const char *form, *says;
	} bad[] = {
		{ "", "kind= is missing" },
		{ "scope=all", "kind= is missing" },
		{ "kind=tired", "\"tired\" is none of none, status, slow" },
		{ "kind", "\"kind\" has no value" },
		{ "kind=mute&for=1s", "\"for\" is none of kind, code" },
		{ "kind=slow", "kind slow needs ms=" },
		{ "kind=slow&ms=0", "ms: \"0\" is not a number from 1" },
		{ "kind=slow&ms=1s", "ms: \"1s\"" },
		{ "kind=bytes", "kind bytes needs ms=" },
		{ "kind=flap&up_ms=1", "kind flap needs up_ms= and down_ms=" },
		{ "kind=flap&up_ms=0&down_ms=1", "up_ms: \"0\"" },
		{ "kind=status&code=99", "code: \"99\"" },
		{ "kind=mute&code=503", "kind mute does not take code" },
		{ "kind=mute&ms=3", "kind mute does not take ms" },
		{ "kind=mute&up_ms=3", "kind mute does not take up_ms" },
		{ "kind=mute&scope=some", "\"some\" is neither health nor" },
		{ "kind=mute&port=0", "port: \"0\"" },
		{ "kind=refuse&scope=health", "cannot have scope=health" },
		{ "kind=full&scope=health", "cannot have scope=health" },
	};
	struct fault fault = { .kind = FAULT_HUGE };
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(fault_parse(bad[i].form, &fault, &err),
				 -EINVAL);
		assert_non_null(strstr(err.text, bad[i].says));
		assert_int_equal(fault.kind, FAULT_HUGE);
	}
}

static void refuses_a_form_without_end(void **state)
{
	struct fault fault;
	char form[1000];

	(void)state;
	memset(form, '&', sizeof(form) - 1);
	form[sizeof(form) - 1] = '\0';
	assert_int_equal(fault_parse(form, &fault, NULL), -EINVAL);
}

static void hits_health_alone_when_told_so(void **state)
{
	struct fault fault = fault_of("kind=mute&scope=health");
	const struct instant now = { 0 };

	(void)state;
	assert_int_equal(fault_at(&fault, true, now), FAULT_MUTE);
	assert_int_equal(fault_at(&fault, false, now), FAULT_NONE);
}

static void flaps_beginning_with_down(void **state)
{
	struct fault fault = fault_of("kind=flap&up_ms=700&down_ms=300");
	static const struct {
		int64_t at_us;
		enum fault_kind kind;
	} cases[] = {
		{ 0, FAULT_STATUS },         { 300 * MS - 1, FAULT_STATUS },
		{ 300 * MS, FAULT_NONE },    { 1000 * MS - 1, FAULT_NONE },
		{ 1000 * MS, FAULT_STATUS }, { 5299 * MS, FAULT_STATUS },
		{ 5301 * MS, FAULT_NONE },
	};

	(void)state;
	fault.since = (struct instant){ 77 };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			fault_at(&fault, false,
				 instant_add(fault.since, cases[i].at_us)),
			cases[i].kind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_every_fault_as_it_reads_it),
		cmocka_unit_test(bears_spaces_and_empty_words),
		cmocka_unit_test(lets_the_last_word_win),
		cmocka_unit_test(says_what_is_wrong_with_a_form),
		cmocka_unit_test(refuses_a_form_without_end),
		cmocka_unit_test(hits_health_alone_when_told_so),
		cmocka_unit_test(flaps_beginning_with_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
