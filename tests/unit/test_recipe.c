/* The release recipe: what is written is read, what is damaged is refused. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/core/instant.h"
#include "controller/daemon/recipe.h"

#define HEAD "# bascule release 1\n"
#define NEEDED                                                                 \
	"BASCULE_NODE=node1\nBASCULE_TERM=7\nBASCULE_EPOCH=3\n"                \
	"BASCULE_REASON=elected by two\nRELEASE_TIMEOUT_MS=5000\n"
#define TAIL "# end\n"

static const struct recipe full = {
	.node = "node1",
	.reason = "elected by two",
	.term = UINT64_MAX,
	.epoch = 3,
	.timeout_us = 5 * SECOND,
	.interface = "eth0",
	.addresses = "192.0.2.1/24 2001:db8::1/64",
	.track_file = "/run/bascule/keepalived.weight",
	.cancel = "up.service",
	.demote = "unit:down.service",
};

static int parse(const char *text, struct recipe *ret_recipe)
{
	struct err err = { 0 };
	int r = recipe_parse(text, strlen(text), ret_recipe, &err);

	if (r < 0)
		assert_true(strlen(err.text) > 0);
	return r;
}

static void what_is_printed_is_read(void **state)
{
	struct recipe recipe = { .strange = true };
	char text[RECIPE_MAX];
	int size;

	(void)state;
	size = recipe_print(&full, text, sizeof(text));
	assert_int_equal(size, strlen(text));
	assert_int_equal(parse(text, &recipe), 0);
	assert_memory_equal(&recipe, &full, sizeof(full));
}

static void what_is_not_there_is_not_printed(void **state)
{
	struct recipe recipe = full;
	char text[RECIPE_MAX];

	(void)state;
	recipe.term = 7;
	recipe.cancel[0] = recipe.demote[0] = '\0';
	recipe.interface[0] = recipe.addresses[0] = '\0';
	recipe.track_file[0] = '\0';
	recipe_print(&recipe, text, sizeof(text));
	assert_string_equal(text, HEAD NEEDED TAIL);
}

static void every_prefix_is_refused(void **state)
{
	struct recipe recipe;
	char text[RECIPE_MAX];
	int size, i;

	(void)state;
	size = recipe_print(&full, text, sizeof(text));
	for (i = 0; i < size; i++)
		assert_int_equal(recipe_parse(text, (size_t)i, &recipe, NULL),
				 -EBADMSG);
}

/* Or it is read as a recipe that can be printed and read again. */
static void every_flipped_bit_is_refused_or_harmless(void **state)
{
	char text[RECIPE_MAX], again[RECIPE_MAX];
	struct recipe recipe, second;
	int size, n, bit;

	(void)state;
	size = recipe_print(&full, text, sizeof(text));
	for (bit = 0; bit < size * 8; bit++) {
		text[bit / 8] ^= (char)(1 << bit % 8);
		if (recipe_parse(text, (size_t)size, &recipe, NULL) == 0) {
			n = recipe_print(&recipe, again, sizeof(again));
			assert_true(n > 0);
			assert_int_equal(
				recipe_parse(again, (size_t)n, &second, NULL),
				0);
			second.strange = recipe.strange;
			assert_memory_equal(&second, &recipe, sizeof(recipe));
		}
		text[bit / 8] ^= (char)(1 << bit % 8);
	}
}

static void damage_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		TAIL,
		HEAD,
		HEAD TAIL,
		"# bascule release 2\n" NEEDED TAIL,
		HEAD NEEDED TAIL "more",
		HEAD NEEDED "BASCULE_TERM=8\n" TAIL,
		HEAD NEEDED "RELEASE_DEMOTE=/a\nRELEASE_DEMOTE=/b\n" TAIL,
		HEAD NEEDED "=value\n" TAIL,
		HEAD NEEDED "no key\n" TAIL,
		HEAD NEEDED "\n" TAIL,
		HEAD NEEDED "RELEASE_DEMOTE=/a\tb\n" TAIL,
		HEAD NEEDED "RELEASE_DEMOTE=/a\x7f\n" TAIL,
		HEAD NEEDED "RELEASE_DEMOTE=/unfinished" TAIL,
		HEAD "BASCULE_NODE=node1\nBASCULE_TERM=7\n" TAIL,
	};
	struct recipe recipe = full;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(parse(rows[i], &recipe), -EBADMSG);
	assert_memory_equal(&recipe, &full, sizeof(full));
}

static void a_number_is_digits_alone(void **state)
{
	static const char *const rows[] = {
		"",
		"-1",
		"+1",
		" 1",
		"1 ",
		"0x1",
		"1e3",
		"seven",
		"18446744073709551616",
		"99999999999999999999999999",
	};
	struct recipe recipe;
	char text[RECIPE_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text),
			 HEAD "BASCULE_NODE=n\nBASCULE_TERM=%s\n"
			      "BASCULE_EPOCH=3\nBASCULE_REASON=r\n"
			      "RELEASE_TIMEOUT_MS=1\n" TAIL,
			 rows[i]);
		assert_int_equal(parse(text, &recipe), -EBADMSG);
	}
}

static void no_time_limit_is_without_end(void **state)
{
	struct recipe recipe;

	(void)state;
	assert_int_equal(parse(HEAD "BASCULE_NODE=n\nBASCULE_TERM=1\n"
				    "BASCULE_EPOCH=3\nBASCULE_REASON=r\n"
				    "RELEASE_TIMEOUT_MS=86400001\n" TAIL,
			       &recipe),
			 -EBADMSG);
}

static void a_text_that_is_too_long_is_refused(void **state)
{
	char text[RECIPE_MAX], name[RECIPE_HOOK_MAX + 2];
	struct recipe recipe;

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	snprintf(text, sizeof(text), HEAD NEEDED "RELEASE_DEMOTE=%s\n" TAIL,
		 name);
	assert_int_equal(parse(text, &recipe), -EBADMSG);
	snprintf(text, sizeof(text), HEAD NEEDED "RELEASE_DEMOTE=%s\n" TAIL,
		 name + 1);
	assert_int_equal(parse(text, &recipe), 0);
}

static void a_later_versions_key_is_noticed(void **state)
{
	struct recipe recipe;

	(void)state;
	assert_int_equal(parse(HEAD NEEDED "RELEASE_VIP=eth0\n" TAIL, &recipe),
			 0);
	assert_true(recipe.strange);
	assert_int_equal(recipe.term, 7);
	assert_int_equal(parse(HEAD NEEDED TAIL, &recipe), 0);
	assert_false(recipe.strange);
}

static void a_reason_cannot_add_a_line(void **state)
{
	struct recipe recipe = full, again;
	char text[RECIPE_MAX];

	(void)state;
	recipe_set(recipe.reason, sizeof(recipe.reason),
		   "x\nRELEASE_DEMOTE=/bin/evil");
	recipe_print(&recipe, text, sizeof(text));
	assert_int_equal(parse(text, &again), 0);
	assert_string_equal(again.demote, full.demote);
	assert_string_equal(again.reason, "x?RELEASE_DEMOTE=/bin/evil");
}

static int make_folder(void **state)
{
	static char folder[] = "/tmp/bascule-recipe-XXXXXX";

	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	*state = folder;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
	recipe_remove(*state, NULL);
	return rmdir(*state);
}

static void a_folder_keeps_one_recipe(void **state)
{
	struct recipe recipe;
	struct err err = { 0 };

	assert_int_equal(recipe_read(*state, &recipe, &err), -ENOENT);
	assert_int_equal(recipe_remove(*state, &err), 0);
	assert_int_equal(recipe_write(*state, &full, &err), 0);
	assert_int_equal(recipe_write(*state, &full, &err), 0);
	assert_int_equal(recipe_read(*state, &recipe, &err), 0);
	assert_memory_equal(&recipe, &full, sizeof(full));
	assert_int_equal(recipe_remove(*state, &err), 0);
	assert_int_equal(recipe_read(*state, &recipe, &err), -ENOENT);
}

static void a_recipe_that_others_may_write_is_refused(void **state)
{
	struct recipe recipe;
	struct err err = { 0 };
	char path[RECIPE_PATH_MAX];

	snprintf(path, sizeof(path), "%s/" RECIPE_NAME, (char *)*state);
	recipe_write(*state, &full, &err);
	chmod(path, 0666);
	assert_int_equal(recipe_read(*state, &recipe, &err), -EPERM);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(recipe_read(*state, &recipe, &err), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_read),
		cmocka_unit_test(what_is_not_there_is_not_printed),
		cmocka_unit_test(every_prefix_is_refused),
		cmocka_unit_test(every_flipped_bit_is_refused_or_harmless),
		cmocka_unit_test(damage_is_refused),
		cmocka_unit_test(a_number_is_digits_alone),
		cmocka_unit_test(no_time_limit_is_without_end),
		cmocka_unit_test(a_text_that_is_too_long_is_refused),
		cmocka_unit_test(a_later_versions_key_is_noticed),
		cmocka_unit_test(a_reason_cannot_add_a_line),
		cmocka_unit_test_setup_teardown(a_folder_keeps_one_recipe,
						make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(
			a_recipe_that_others_may_write_is_refused, make_folder,
			remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
