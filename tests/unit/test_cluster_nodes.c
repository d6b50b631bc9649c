/* Which nodes the cluster had: one at a time may come or go. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/daemon/cluster_nodes.h"

static char folder[64], path[80];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/bascule-test-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/cluster.nodes", folder);
	return 0;
}

static int drop_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static bool settled;

/* With the nodes whose letters are in @names; @there: a primary is, then. */
static int run(const char *names, bool voter, bool there, struct err *err)
{
	struct node_settings nodes[SETTINGS_NODES_MAX] = { 0 };
	struct cluster_settings set = { .nodes = nodes };
	char texts[SETTINGS_NODES_MAX][2] = { 0 };
	int r;

	for (; *names != '\0'; names++) {
		texts[set.node_count][0] = *names;
		nodes[set.node_count].name = texts[set.node_count];
		set.node_count++;
	}
	*err = (struct err){ 0 };
	r = cluster_nodes_check(path, &set, voter, &settled, err);
	if (r == 0 && there && !settled)
		r = cluster_nodes_settle(path, &set);
	return r;
}

static int settle(const char *names, bool voter, struct err *err)
{
	return run(names, voter, true, err);
}

static void one_at_a_time_may_come_or_go(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(settle("abc", true, &err), 0);
	assert_int_equal(settle("cab", true, &err), 0);
	assert_int_equal(settle("abcd", true, &err), 0);
	assert_int_equal(settle("abcde", true, &err), 0);
	assert_int_equal(settle("acde", true, &err), 0);
	assert_int_equal(settle("acd", true, &err), 0);
}

static void more_than_one_is_refused_until_the_file_is_removed(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(settle("abcde", true, &err), 0);
	assert_int_equal(settle("abc", true, &err), -EPERM);
	assert_non_null(strstr(err.text, "0 new and 2 gone"));
	assert_non_null(strstr(err.text, path));
	/* Another one in its place is one more and one less. */
	assert_int_equal(settle("abcdf", true, &err), -EPERM);
	assert_non_null(strstr(err.text, "1 new and 1 gone"));
	assert_int_equal(settle("abcdefg", true, &err), -EPERM);
	assert_int_equal(settle("abcde", true, &err), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(settle("abc", true, &err), 0);
}

static void the_next_change_waits_for_a_primary(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(run("abc", true, false, &err), 0);
	assert_true(settled);
	assert_int_equal(run("abcd", true, false, &err), 0);
	assert_false(settled);
	assert_int_equal(run("abcde", true, false, &err), -EPERM);
	assert_non_null(strstr(err.text, "2 new and 0 gone"));
	assert_int_equal(run("abcd", true, false, &err), 0);
	assert_false(settled);
	/* What ran in between may have voted as well. */
	assert_int_equal(run("ab", true, false, &err), -EPERM);
	assert_non_null(strstr(err.text, "0 new and 2 gone"));
	assert_int_equal(run("abc", true, false, &err), 0);
	assert_true(settled);
	assert_int_equal(run("ab", true, false, &err), 0);
	assert_int_equal(run("abc", true, false, &err), 0);
	assert_int_equal(run("abcd", true, true, &err), 0);
	assert_int_equal(run("abcde", true, false, &err), 0);
}

static void who_cannot_have_voted_may_change_all(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(settle("abc", true, &err), 0);
	assert_int_equal(settle("axy", false, &err), 0);
	assert_int_equal(settle("axy", true, &err), 0);
}

static void what_cannot_be_read_is_an_error(void **state)
{
	struct err err;

	(void)state;
	strcpy(path, folder);
	assert_int_equal(settle("abc", true, &err), -EISDIR);
	assert_true(err.text[0] != '\0');
}

#define CASE(name)                                                             \
	cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(one_at_a_time_may_come_or_go),
		CASE(more_than_one_is_refused_until_the_file_is_removed),
		CASE(the_next_change_waits_for_a_primary),
		CASE(who_cannot_have_voted_may_change_all),
		CASE(what_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
