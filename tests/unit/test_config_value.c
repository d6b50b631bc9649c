/* Values and the table of keys. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "controller/config/keys.h"
#include "controller/config/store.h"
#include "controller/config/value.h"
#include "controller/core/instant.h"

static void durations_have_units(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} rows[] = {
		{ "0s", 0 },
		{ "250ms", 250 * MS },
		{ "2s", 2 * SECOND },
		{ "5m", 5 * MINUTE },
		{ "1h", HOUR },
		{ "7d", 7 * DAY },
		{ "90m", 90 * MINUTE },
		{ "3650d", 3650 * DAY },
	};
	int64_t us = -1;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(value_duration(rows[i].text, &us, NULL), 0);
		assert_int_equal(us, rows[i].us);
	}
}

static void durations_without_sense_are_refused(void **state)
{
	static const char *const texts[] = {
		"",     "5",    "s",   "5 s",           " 5s",
		"5s ",  "-5s",  "+5s", "1.5s",          "5us",
		"5min", "1h5m", "5S",  "106751991167d", "99999999999999999999s",
	};
	int64_t us = 42;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(value_duration(texts[i], &us, NULL), -EINVAL);
	assert_int_equal(us, 42);
}

static void sizes_have_units_and_print_in_their_largest(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{ "0B", 0 },
		{ "1023B", 1023 },
		{ "64KiB", 64 * 1024 },
		{ "1MiB", 1 << 20 },
		{ "3GiB", UINT64_C(3) << 30 },
		{ "16TiB", UINT64_C(16) << 40 },
	};
	char buffer[VALUE_TEXT_MAX];
	uint64_t bytes = 1;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(value_size(rows[i].text, &bytes, NULL), 0);
		assert_int_equal(bytes, rows[i].bytes);
		assert_string_equal(value_size_text(bytes, buffer),
				    rows[i].text);
	}
}

static void sizes_without_sense_are_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"5",
		"MiB",
		"5 MiB",
		"5MiB ",
		"-5B",
		"1.5B",
		"1MB",
		"1M",
		"1mib",
		"1MiB1KiB",
		"16777216TiB",
		"18446744073709551616B",
	};
	uint64_t bytes = 42;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(value_size(texts[i], &bytes, NULL), -EINVAL);
	assert_int_equal(bytes, 42);
}

static void durations_print_in_their_largest_unit(void **state)
{
	static const char *const texts[] = {
		"0s", "1ms", "999ms", "1s", "90s", "2m", "1h", "25h", "7d",
	};
	char buffer[VALUE_TEXT_MAX];
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(value_duration(texts[i], &us, NULL), 0);
		assert_string_equal(value_duration_text(us, buffer), texts[i]);
	}
}

static void statuses_are_numbers_and_ranges(void **state)
{
	struct status_range ranges[3];
	size_t count;

	(void)state;
	assert_int_equal(value_status("200-299, 401,500", NULL, &count, NULL),
			 0);
	assert_int_equal(count, 3);
	assert_int_equal(value_status("200-299, 401,500", ranges, &count, NULL),
			 0);
	assert_int_equal(ranges[0].first, 200);
	assert_int_equal(ranges[0].last, 299);
	assert_int_equal(ranges[1].first, 401);
	assert_int_equal(ranges[1].last, 401);
	assert_int_equal(ranges[2].first, 500);
}

static void statuses_without_sense_are_refused(void **state)
{
	static const char *const texts[] = {
		"",     "20",      "2000", "600",  "099",     "200-",
		"-200", "299-200", "200,", ",200", "200 201", "2xx",
	};
	size_t i, count = 42;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(value_status(texts[i], NULL, &count, NULL),
				 -EINVAL);
	assert_int_equal(count, 42);
}

static void addresses_have_hosts_and_ports(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
		bool numeric;
	} rows[] = {
		{ "10.0.0.1:80", "10.0.0.1", 80, true },
		{ "10.0.0.1", "10.0.0.1", 0, true },
		{ "[::1]:65535", "::1", 65535, true },
		{ "[2001:db8::1]", "2001:db8::1", 0, true },
		{ "api-1.example:1", "api-1.example", 1, false },
		{ "localhost:80", "localhost", 80, false },
		{ "1a.example:80", "1a.example", 80, false },
	};
	struct address address;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(value_address(rows[i].text, &address, NULL),
				 0);
		assert_int_equal(address.host_length, strlen(rows[i].host));
		assert_memory_equal(address.host, rows[i].host,
				    address.host_length);
		assert_int_equal(address.port, rows[i].port);
		assert_int_equal(address.numeric, rows[i].numeric);
	}
}

static void addresses_without_sense_are_refused(void **state)
{
	static const char *const texts[] = {
		"",          ":80",           "[]:80",
		"[::1",      "[10.0.0.1]:80", "::1",
		"::1:80",    "10.0.0:80",     "10.0.0.256:80",
		"a b:80",    "a..b:80",       "-a:80",
		"a:",        "a:0",           "a:65536",
		"a:080808",  "a:80x",         "a:+80",
		"[::1]x:80", "http://a:80",   "a:80/",
		"[::1]80",   ".:80",
	};
	struct address address = { .port = 42 };
	char longest[300];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (value_address(texts[i], &address, NULL) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
	memset(longest, 'a', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(value_address(longest, &address, NULL), -EINVAL);
	assert_int_equal(address.port, 42);
}

static void names_are_plain(void **state)
{
	char name[SETTINGS_NAME_MAX + 2];

	(void)state;
	assert_int_equal(value_name("a", NULL), 0);
	assert_int_equal(value_name("0A.b_c-d", NULL), 0);
	assert_int_equal(value_name("", NULL), -EINVAL);
	assert_int_equal(value_name(".a", NULL), -EINVAL);
	assert_int_equal(value_name("a b", NULL), -EINVAL);
	assert_int_equal(value_name("a/b", NULL), -EINVAL);
	assert_int_equal(value_name("\xc3\xa4", NULL), -EINVAL);
	memset(name, 'a', sizeof(name));
	name[SETTINGS_NAME_MAX] = '\0';
	assert_int_equal(value_name(name, NULL), 0);
	name[SETTINGS_NAME_MAX] = 'a';
	name[SETTINGS_NAME_MAX + 1] = '\0';
	assert_int_equal(value_name(name, NULL), -EINVAL);
}

/* Call @see for each key of each block. */
static void keys_walk(void (*see)(const struct block *block,
				  const struct key *key))
{
	const struct block *const *block;
	const struct key *key;

	for (block = key_blocks; *block != NULL; block++)
		for (key = (*block)->keys; key->name != NULL; key++)
			see(*block, key);
}

static void see_default(const struct block *block, const struct key *key)
{
	union {
		struct settings settings;
		struct haproxy_settings haproxy;
		struct service_settings service;
		struct check_settings check;
		struct target_settings target;
		struct cluster_settings cluster;
		struct node_settings node;
	} dest = { 0 };
	struct arena *arena = arena_new();
	struct err err = { 0 };

	(void)block;
	assert_non_null(arena);
	if (key->dflt != NULL && key->type != KEY_COUNT &&
	    key->type != KEY_BOOLEAN && key->type != KEY_PPM &&
	    store_text(arena, key, key->dflt, &dest, &err) < 0)
		fail_msg("%s: %s", key->name, err.text);
	/* asserts that it is in range */
	assert_int_equal(store_default(arena, key, &dest), 0);
	if (key->type == KEY_DURATION || key->type == KEY_COUNT)
		assert_true(key->max > key->min);
	arena_free(arena);
}

static void every_default_is_in_its_range(void **state)
{
	(void)state;
	keys_walk(see_default);
}

static void see_help(const struct block *block, const struct key *key)
{
	if (key->help == NULL || *key->help == '\0')
		fail_msg("%s.%s has no help", block->name, key->name);
	if (key->type == KEY_COUNT && key->unit == NULL)
		fail_msg("%s.%s has no unit", block->name, key->name);
	assert_ptr_equal(key_find(block, key->name), key);
}

static void every_key_is_explained_and_stands_once(void **state)
{
	(void)state;
	keys_walk(see_help);
}

static void the_nearest_name_is_near(void **state)
{
	(void)state;
	assert_string_equal(key_nearest(&keys_check, "intrval"), "interval");
	assert_string_equal(key_nearest(&keys_check, "fast-interval"),
			    "fast_interval");
	assert_string_equal(key_nearest(&keys_check, "FALL"), "fall");
	assert_string_equal(key_nearest(&keys_check, "ries"), "rise");
	assert_null(key_nearest(&keys_check, "xyzzy"));
	assert_null(key_nearest(&keys_check, "q"));
	assert_null(key_nearest(&keys_check, "a_name_longer_than_any_that_"
					     "there_is_in_the_table"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(durations_have_units),
		cmocka_unit_test(durations_without_sense_are_refused),
		cmocka_unit_test(durations_print_in_their_largest_unit),
		cmocka_unit_test(sizes_have_units_and_print_in_their_largest),
		cmocka_unit_test(sizes_without_sense_are_refused),
		cmocka_unit_test(statuses_are_numbers_and_ranges),
		cmocka_unit_test(statuses_without_sense_are_refused),
		cmocka_unit_test(addresses_have_hosts_and_ports),
		cmocka_unit_test(addresses_without_sense_are_refused),
		cmocka_unit_test(names_are_plain),
		cmocka_unit_test(every_default_is_in_its_range),
		cmocka_unit_test(every_key_is_explained_and_stands_once),
		cmocka_unit_test(the_nearest_name_is_near),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
