/* What of the old settings the new ones keep. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/config/diff.h"
#include "tests/unit/config_text.h"

static void targets_are_found_by_both_names(void **state)
{
	struct settings *old = config_right(
		"services = (\n"
		"{ name = \"a\"; targets = (\n"
		"  { name = \"x\"; address = \"10.0.0.1:80\"; },\n"
		"  { name = \"y\"; address = \"10.0.0.2:80\"; } ); },\n"
		"{ name = \"b\"; targets = (\n"
		"  { name = \"x\"; address = \"10.0.0.3:80\"; } ); } );\n");
	struct settings *new_set = config_right(
		"services = (\n"
		"{ name = \"b\"; targets = (\n"
		"  { name = \"y\"; address = \"10.0.0.4:80\"; },\n"
		"  { name = \"x\"; address = \"10.0.0.3:80\"; } ); },\n"
		"{ name = \"a\"; targets = (\n"
		"  { name = \"y\"; address = \"10.0.0.2:80\"; } ); } );\n");
	unsigned map[3];

	(void)state;
	assert_int_equal(settings_map_targets(new_set, old, map), 0);
	assert_int_equal(map[0], SETTINGS_NONE);
	assert_int_equal(map[1], 2);
	assert_int_equal(map[2], 1);
	assert_true(target_asks_same(new_set, 1, old, 2));
	assert_true(target_asks_same(new_set, 2, old, 1));
	assert_false(target_asks_same(new_set, 0, old, 0));
	settings_free(old);
	settings_free(new_set);
}

/* Whether the target of one service is the same with @a and @b. */
static bool same(const char *a, const char *b)
{
	struct settings *left = config_right(a), *right = config_right(b);
	bool answer = target_asks_same(left, 0, right, 0);

	settings_free(left);
	settings_free(right);
	return answer;
}

static void what_does_not_concern_the_question_changes_nothing(void **state)
{
	(void)state;
	assert_true(same(SERVICE(""), SERVICE("") "history = \"1d\";\n"));
	assert_true(same(SERVICE(""), SERVICE("min_up = 0;")));
	assert_true(same(SERVICE(""), "// a line more\n" SERVICE("")));
	assert_true(same(SERVICE(""), CHECK("interval = \"2s\";")));
	assert_true(same(SERVICE(""), CHECK("fall = 2; rise = 3;")));
}

static void whatever_concerns_the_question_changes_it(void **state)
{
	static const char *const inside[] = {
		CHECK("type = \"tcp\";"),
		CHECK("port = 81;"),
		CHECK("method = \"HEAD\";"),
		CHECK("path = \"/x\";"),
		CHECK("host = \"x\";"),
		CHECK("headers = ( \"A: 1\" );"),
		CHECK("headers = ( \"A: 1\", \"B: 1\" );"),
		CHECK("headers = ( \"A: 2\" );"),
		CHECK("status = 200;"),
		CHECK("status = \"200-399,401\";"),
		CHECK("body = \"x\";"),
		CHECK("body_regex = \"x\";"),
		CHECK("type = \"https\";"),
		CHECK("type = \"https\"; verify = false;"),
		CHECK("type = \"https\"; server_name = \"x\";"),
		CHECK("type = \"https\"; ca_file = \"/etc/passwd\";"),
		CHECK("type = \"https\"; expires_within = \"1d\";"),
		CHECK("type = \"mysql\";"),
		CHECK("type = \"mysql\"; user = \"x\";"),
		CHECK("type = \"mysql\"; database = \"x\";"),
		CHECK("type = \"mysql\"; tls = \"required\";"),
		CHECK("type = \"mysql\"; tls = \"verified\";"),
		CHECK("type = \"exec\"; command = ( \"/bin/true\" );"),
		CHECK("type = \"exec\"; command = ( \"/bin/true\", \"x\" );"),
	};
	size_t count = sizeof(inside) / sizeof(inside[0]), i, j;

	(void)state;
	for (i = 0; i < count; i++) {
		if (same(SERVICE(""), inside[i]))
			fail_msg("missed: %s", inside[i]);
		for (j = 0; j < count; j++)
			if (same(inside[i], inside[j]) != (i == j))
				fail_msg("%s%s", inside[i], inside[j]);
	}
}

static void another_address_is_another_target(void **state)
{
	static const char first[] =
		"services = ( { name = \"s\"; targets = ( { name = \"t\"; "
		"address = \"10.0.0.1:81\"; } ); } );\n";
	static const char second[] =
		"services = ( { name = \"s\"; targets = ( { name = \"t\"; "
		"address = \"10.0.0.2:80\"; } ); } );\n";

	(void)state;
	assert_false(same(SERVICE(""), first));
	assert_false(same(SERVICE(""), second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(targets_are_found_by_both_names),
		cmocka_unit_test(
			what_does_not_concern_the_question_changes_nothing),
		cmocka_unit_test(whatever_concerns_the_question_changes_it),
		cmocka_unit_test(another_address_is_another_target),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
