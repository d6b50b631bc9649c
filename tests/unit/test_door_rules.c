/* The door as text for nftables; what the kernel does by it is
 * tests/e2e/test_database_door.py's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/io/door_rules.h"

static struct door_text text;

static void the_table_bears_the_name_of_the_node(void **state)
{
	(void)state;
	door_text_begin(&text, "db-1.example");
	assert_string_equal(text.table, "inet bascule_door_db_1_example");
	door_text_begin(&text, "n; flush ruleset");
	assert_string_equal(text.table, "inet bascule_door_n__flush_ruleset");
}

static void to_renew_fails_when_it_is_shut(void **state)
{
	(void)state;
	door_text_begin(&text, "n");
	door_text_open(&text, 6379, 850400, false);
	assert_string_equal(text.text,
			    "delete element inet bascule_door_n open { 6379 }\n"
			    "add element inet bascule_door_n open { 6379 "
			    "timeout 850ms }\n");
}

static void to_open_anew_does_not(void **state)
{
	(void)state;
	door_text_begin(&text, "n");
	door_text_open(&text, 6379, 850400, true);
	assert_string_equal(text.text,
			    "add element inet bascule_door_n open { 6379 }\n"
			    "delete element inet bascule_door_n open { 6379 }\n"
			    "add element inet bascule_door_n open { 6379 "
			    "timeout 850ms }\n");
}

/* One without a timeout would stay open for ever. */
static void less_than_a_millisecond_is_shut(void **state)
{
	(void)state;
	door_text_begin(&text, "n");
	door_text_open(&text, 6379, 999, true);
	assert_null(strstr(text.text, "timeout"));
	assert_non_null(strstr(text.text, "delete element"));
	door_text_begin(&text, "n");
	door_text_shut(&text, 6379);
	assert_string_equal(
		text.text,
		"add element inet bascule_door_n open { 6379 }\n"
		"delete element inet bascule_door_n open { 6379 }\n");
}

static void all_of_it_has_room(void **state)
{
	unsigned i;

	(void)state;
	door_text_begin(&text, "a-name-of-sixty-three-bytes-which-is-the-"
			       "longest-that-there-may-be");
	door_text_rules(&text, UINT32_MAX);
	door_text_guard_none(&text);
	for (i = 0; i < 32; i++) {
		door_text_open(&text, (uint16_t)(65500 + i), 86400000000, true);
		door_text_guard(&text, (uint16_t)(65500 + i));
	}
	assert_true(text.used < sizeof(text.text) - 1);
	assert_int_equal(text.text[text.used - 1], '\n');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_bears_the_name_of_the_node),
		cmocka_unit_test(to_renew_fails_when_it_is_shut),
		cmocka_unit_test(to_open_anew_does_not),
		cmocka_unit_test(less_than_a_millisecond_is_shut),
		cmocka_unit_test(all_of_it_has_room),
	};

	return cmocka_run_group_tests_name("door_rules", tests, NULL, NULL);
}
