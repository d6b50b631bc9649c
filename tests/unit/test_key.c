/* The key file: written once, read by its owner alone. */

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

#include "controller/io/key.h"

static uid_t pretended_owner; /* of every file; 0: the real one */

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);

int __wrap_fstat(int fd, struct stat *st)
{
	int r = __real_fstat(fd, st);

	if (r == 0 && pretended_owner != 0)
		st->st_uid = pretended_owner;
	return r;
}

/* 32 bytes: 0, 1, 2 ... */
#define GOOD "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

struct world {
	char folder[32], path[48];
	struct err err;
};

static int set_up(void **state)
{
	static struct world w;

	w = (struct world){ .folder = "/tmp/bascule-key-XXXXXX" };
	*state = &w;
	if (mkdtemp(w.folder) == NULL)
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/key", w.folder);
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	remove(w->path);
	return rmdir(w->folder);
}

static void put(struct world *w, const char *bytes, size_t size, mode_t mode)
{
	int fd = open(w->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static int read_it(struct world *w)
{
	struct secret *key = NULL;
	int r = key_read(w->path, &key, &w->err);

	if (r == 0)
		for (unsigned i = 0; i < KEY_BYTES; i++)
			assert_int_equal(key->bytes[i], i);
	else
		assert_null(key);
	secret_free(key);
	return r;
}

static void expect_refused(struct world *w, const char *text, int code,
			   const char *why)
{
	put(w, text, strlen(text), 0600);
	assert_int_equal(read_it(w), code);
	assert_int_equal(w->err.code, code);
	assert_non_null(strstr(w->err.text, w->path));
	if (strstr(w->err.text, why) == NULL)
		fail_msg("%s", w->err.text);
}

static void what_is_generated_can_be_read(void **state)
{
	char text[KEY_TEXT_MAX], other[KEY_TEXT_MAX];
	struct world *w = *state;
	struct secret *key, *again;
	struct stat st;

	assert_int_equal(key_generate(text, &w->err), 0);
	assert_int_equal(key_generate(other, &w->err), 0);
	assert_string_not_equal(text, other);
	assert_int_equal(text[0], '#');
	umask(0);
	assert_int_equal(key_write(w->path, text, false, &w->err), 0);
	assert_int_equal(stat(w->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(key_read(w->path, &key, &w->err), 0);
	assert_int_equal(key->size, KEY_BYTES);
	assert_int_equal(key_read(w->path, &again, &w->err), 0);
	assert_memory_equal(key->bytes, again->bytes, KEY_BYTES);
	secret_free(key);
	secret_free(again);
}

static void a_key_is_replaced_only_when_wanted(void **state)
{
	struct world *w = *state;

	assert_int_equal(key_write(w->path, "# old\n", false, &w->err), 0);
	assert_int_equal(key_write(w->path, GOOD, false, &w->err), -EEXIST);
	assert_int_equal(read_it(w), -EBADMSG);
	assert_int_equal(key_write(w->path, GOOD, true, &w->err), 0);
	assert_int_equal(read_it(w), 0);
}

static void what_is_no_file_is_never_replaced(void **state)
{
	struct world *w = *state;

	assert_int_equal(mkfifo(w->path, 0600), 0);
	assert_int_equal(key_write(w->path, GOOD, true, &w->err), -EEXIST);
	assert_int_equal(key_write(w->path, GOOD, false, &w->err), -EEXIST);
	assert_int_equal(read_it(w), -EBADMSG);
}

static void nothing_is_left_of_a_failed_write(void **state)
{
	struct world *w = *state;
	char path[80];

	snprintf(path, sizeof(path), "%s/no/key", w->folder);
	assert_int_equal(key_write(path, GOOD, false, &w->err), -ENOENT);
	assert_int_equal(key_write(w->path, GOOD, false, &w->err), 0);
	assert_int_equal(key_write(w->path, GOOD, false, &w->err), -EEXIST);
	/* tear_down() finds the folder otherwise empty. */
}

static void comments_and_space_do_not_matter(void **state)
{
	static const char *const texts[] = {
		GOOD,
		GOOD "\n",
		GOOD "\r\n",
		"# a comment\n\n   # another\n \t" GOOD " \t\n\n# the end",
	};
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		put(w, texts[i], strlen(texts[i]), 0600);
		assert_int_equal(read_it(w), 0);
	}
	put(w, GOOD, strlen(GOOD), 0400);
	assert_int_equal(read_it(w), 0);
}

static void a_file_that_others_can_use_is_refused(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0660, 0602, 0610, 0777 };
	struct world *w = *state;

	for (unsigned i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		put(w, GOOD, strlen(GOOD), modes[i]);
		assert_int_equal(read_it(w), -EPERM);
		assert_non_null(strstr(w->err.text, "chmod 600 "));
	}
}

static void a_file_of_another_user_is_refused(void **state)
{
	struct world *w = *state;
	int r;

	put(w, GOOD, strlen(GOOD), 0600);
	pretended_owner = geteuid() + 1;
	r = read_it(w);
	pretended_owner = 0;
	assert_int_equal(r, -EPERM);
	assert_non_null(strstr(w->err.text, "chown it"));
}

static void every_wrong_text_is_refused(void **state)
{
	struct world *w = *state;
	char text[8192];

	expect_refused(w, "", -EBADMSG, "no key in it");
	expect_refused(w, "# only\n\n", -EBADMSG, "no key in it");
	expect_refused(w, "AAEC\n", -EBADMSG, "has 3 bytes and must have 32");
	expect_refused(w, "AA" GOOD, -EBADMSG, "not base64");
	expect_refused(w, "AAAA" GOOD, -EBADMSG, "35 bytes");
	expect_refused(w, GOOD "\n" GOOD "\n", -EBADMSG, "more than one line");
	expect_refused(w, GOOD " " GOOD, -EBADMSG, "more than one word");
	expect_refused(w, "key = " GOOD, -EBADMSG, "more than one word");
	expect_refused(w,
		       "-AECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", -EBADMSG,
		       "not base64");
	memset(text, '#', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	expect_refused(w, text, -EBADMSG, "longer than any key");
	text[4096] = '\0';
	expect_refused(w, text, -EBADMSG, "longer than any key");
	put(w, GOOD "\0", sizeof(GOOD), 0600);
	assert_int_equal(read_it(w), -EBADMSG);
}

static void no_prefix_of_a_key_is_a_key(void **state)
{
	struct world *w = *state;

	for (size_t n = 0; n < strlen(GOOD); n++) {
		put(w, GOOD, n, 0600);
		assert_int_equal(read_it(w), -EBADMSG);
	}
}

static void a_missing_file_names_the_remedy(void **state)
{
	struct world *w = *state;

	assert_int_equal(read_it(w), -ENOENT);
	assert_non_null(strstr(w->err.text, "bascule keygen"));
	assert_int_equal(key_read(w->folder, &(struct secret *){ 0 }, &w->err),
			 -EBADMSG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_generated_can_be_read),
		TEST(a_key_is_replaced_only_when_wanted),
		TEST(what_is_no_file_is_never_replaced),
		TEST(nothing_is_left_of_a_failed_write),
		TEST(comments_and_space_do_not_matter),
		TEST(a_file_that_others_can_use_is_refused),
		TEST(a_file_of_another_user_is_refused),
		TEST(every_wrong_text_is_refused),
		TEST(no_prefix_of_a_key_is_a_key),
		TEST(a_missing_file_names_the_remedy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
