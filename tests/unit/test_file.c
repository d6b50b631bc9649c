/* Small files that last as long as the machine runs, and whose they must be. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "controller/io/file.h"

static bool is_anothers; /* every file */

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

int __wrap_fstat(int fd, struct stat *st)
{
	int r = __real_fstat(fd, st);

	st->st_uid += is_anothers;
	return r;
}

struct world {
	char folder[32], path[48], fresh[48];
};

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){ .folder = "/tmp/bascule-file-XXXXXX" };
	*state = &w;
	is_anothers = false;
	if (mkdtemp(w.folder) == NULL)
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/f", w.folder);
	snprintf(w.fresh, sizeof(w.fresh), "%s/f.new", w.folder);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	is_anothers = false;
	remove(w->path);
	remove(w->fresh);
	return rmdir(w->folder);
}

static void put(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int write_text(const struct world *w, const char *text)
{
	return file_write_volatile(w->path, w->fresh, text, strlen(text));
}

static void holds(const struct world *w, const char *wanted)
{
	char text[32];

	assert_int_equal(file_read_own(w->path, text, sizeof(text)),
			 strlen(wanted));
	assert_string_equal(text, wanted);
}

static void is_new_and_whole_and_of_its_mode(void **state)
{
	const struct world *w = *state;
	mode_t mask = umask(0);
	struct stat st;

	assert_int_equal(write_text(w, "one"), 0);
	umask(mask);
	holds(w, "one");
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(access(w->fresh, F_OK), -1);
}

static void takes_the_place_of_what_was_there(void **state)
{
	const struct world *w = *state;

	put(w->path, "long before");
	put(w->fresh, "left by one that was killed");
	assert_int_equal(write_text(w, "new"), 0);
	holds(w, "new");
	assert_int_equal(write_text(w, ""), 0);
	holds(w, "");
}

static void does_not_write_through_a_link(void **state)
{
	const struct world *w = *state;

	put(w->path, "mine");
	assert_int_equal(symlink("f", w->fresh), 0);
	assert_int_equal(write_text(w, "theirs"), -ELOOP);
	holds(w, "mine");
}

static void says_why_it_could_not_be_written(void **state)
{
	const struct world *w = *state;

	assert_int_equal(file_write_volatile("/nowhere/f", "/nowhere/n", "", 0),
			 -ENOENT);
	assert_int_equal(mkdir(w->path, 0700), 0);
	assert_int_equal(write_text(w, "text"), -EISDIR);
}

static void is_read_only_where_none_but_its_user_writes(void **state)
{
	const struct world *w = *state;
	char text[32];

	put(w->path, "text");
	holds(w, "text");
	assert_int_equal(chmod(w->path, 0602), 0);
	assert_int_equal(file_read_own(w->path, text, sizeof(text)), -EPERM);
	assert_int_equal(chmod(w->path, 0600), 0);
	is_anothers = true;
	assert_int_equal(file_read_own(w->path, text, sizeof(text)), -EPERM);
	is_anothers = false;
	holds(w, "text");
}

static void is_read_only_where_it_is_a_file(void **state)
{
	const struct world *w = *state;
	char text[32];

	assert_int_equal(file_read_own(w->path, text, sizeof(text)), -ENOENT);
	assert_int_equal(mkfifo(w->path, 0600), 0);
	assert_int_equal(file_read_own(w->path, text, sizeof(text)), -EPERM);
	put(w->fresh, "text");
	assert_int_equal(unlink(w->path), 0);
	assert_int_equal(symlink("f.new", w->path), 0);
	assert_int_equal(file_read_own(w->path, text, sizeof(text)), -ELOOP);
}

static void is_read_whole_or_not_at_all(void **state)
{
	const struct world *w = *state;
	char text[5];

	put(w->path, "text");
	assert_int_equal(file_read_own(w->path, text, 4), -EFBIG);
	assert_int_equal(file_read_own(w->path, text, 5), 4);
	assert_string_equal(text, "text");
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(is_new_and_whole_and_of_its_mode),
		TEST(takes_the_place_of_what_was_there),
		TEST(does_not_write_through_a_link),
		TEST(says_why_it_could_not_be_written),
		TEST(is_read_only_where_none_but_its_user_writes),
		TEST(is_read_only_where_it_is_a_file),
		TEST(is_read_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
