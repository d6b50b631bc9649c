/* The hard state's file, with a disk that fails, hangs, and ends halfway. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/daemon/hard_file.h"

#define ANSWERS_MAX 16
#define STEPS       7 /* calls that one write makes, and one more */

struct answer {
	uint64_t id;
	char error[ERR_TEXT_MAX];
};

struct world {
	char folder[40], path[48], temp[56];
	struct loop *loop;
	struct hard_file *file;
	struct answer answers[ANSWERS_MAX];
	unsigned count;
	uint64_t awaited;
	struct err err;
};

static struct world w;

/* ---- the disk ---- */

static struct {
	sem_t reached, go_on; /* of a call that hangs */
	bool hangs;           /* fsync() of a file does */
	int write_error, sync_error;
	bool short_writes, interrupted;
	int die_at; /* before the call of this number; 0: never */
	int calls;
} disk;

ssize_t __real_write(int fd, const void *buf, size_t size);
ssize_t __wrap_write(int fd, const void *buf, size_t size);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned flags);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);

static void step(void)
{
	if (disk.die_at != 0 && ++disk.calls == disk.die_at)
		kill(getpid(), SIGKILL);
}

ssize_t __wrap_write(int fd, const void *buf, size_t size)
{
	step();
	if (disk.interrupted) {
		disk.interrupted = false;
		errno = EINTR;
		return -1;
	}
	if (disk.write_error != 0) {
		errno = disk.write_error;
		return -1;
	}
	return __real_write(fd, buf, disk.short_writes && size > 1 ? 1 : size);
}

int __wrap_fsync(int fd)
{
	step();
	if (disk.hangs) {
		sem_post(&disk.reached);
		sem_wait(&disk.go_on);
	}
	if (disk.sync_error != 0) {
		errno = disk.sync_error;
		return -1;
	}
	return __real_fsync(fd);
}

int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to,
		     unsigned flags)
{
	step();
	return __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __wrap_unlink(const char *path)
{
	step();
	return __real_unlink(path);
}

/* ---- the world ---- */

static void on_answer(void *arg, uint64_t id, const char *error)
{
	struct world *world = arg;
	struct answer *answer = &world->answers[world->count++];

	assert_true(world->count <= ANSWERS_MAX);
	answer->id = id;
	snprintf(answer->error, sizeof(answer->error), "%s",
		 error != NULL ? error : "");
	if (id == world->awaited)
		loop_stop(world->loop);
}

static int set_up(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	memset(&disk, 0, sizeof(disk));
	sem_init(&disk.reached, 0, 0);
	sem_init(&disk.go_on, 0, 0);
	strcpy(w.folder, "/tmp/bascule-hard-XXXXXX");
	if (mkdtemp(w.folder) == NULL || loop_new(&w.loop, &w.err) < 0)
		return -1;
	snprintf(w.path, sizeof(w.path), "%s/hard", w.folder);
	snprintf(w.temp, sizeof(w.temp), "%s.new", w.path);
	return hard_file_open(&w.file, w.loop, w.path, on_answer, &w, &w.err);
}

static int tear_down(void **state)
{
	(void)state;
	hard_file_close(w.file, 10 * SECOND);
	loop_free(w.loop);
	remove(w.path);
	return rmdir(w.folder); /* fails if anything else is left */
}

static void put(uint64_t id, const char *text)
{
	hard_file_write(w.file, id, text, strlen(text));
}

/* Run until @id is answered.  Returns why it failed, or "". */
static const char *await(uint64_t id)
{
	w.awaited = id;
	loop_run(w.loop);
	return w.answers[w.count - 1].error;
}

static void expect_content(const char *text)
{
	uint8_t buf[64];
	size_t size;

	assert_int_equal(
		hard_file_read(w.path, buf, sizeof(buf), &size, &w.err), 0);
	assert_int_equal(size, strlen(text));
	assert_memory_equal(buf, text, size);
}

static void expect_read(int code)
{
	uint8_t buf[4];
	size_t size = 77;

	w.err = (struct err){ 0 };
	assert_int_equal(
		hard_file_read(w.path, buf, sizeof(buf), &size, &w.err), code);
	assert_int_equal(w.err.code, code);
	assert_non_null(strstr(w.err.text, w.path));
	assert_int_equal(size, 77);
}

static void put_raw(const char *text)
{
	FILE *out = fopen(w.path, "w");

	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

/* ---- the tests ---- */

static void missing_damaged_and_unreadable_are_told_apart(void **state)
{
	(void)state;
	expect_read(-ENOENT);
	put_raw("");
	expect_read(-EUCLEAN);
	put_raw("12345");
	expect_read(-EUCLEAN);
	put_raw("1234");
	expect_content("1234");
	remove(w.path);
	assert_int_equal(mkdir(w.path, 0700), 0);
	expect_read(-EUCLEAN);
	rmdir(w.path);
	assert_int_equal(symlink("hard", w.path), 0);
	expect_read(-ELOOP);
}

static void what_is_answered_is_there(void **state)
{
	struct stat st;

	(void)state;
	put(1, "one");
	assert_string_equal(await(1), "");
	assert_int_equal(w.count, 1);
	assert_int_equal(w.answers[0].id, 1);
	expect_content("one");
	put(2, "two, longer");
	assert_string_equal(await(2), "");
	expect_content("two, longer");
	put(3, "3");
	assert_string_equal(await(3), "");
	expect_content("3");
	assert_int_equal(stat(w.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(w.temp, &st), -1);
}

static void of_those_that_wait_only_the_newest_is_written(void **state)
{
	(void)state;
	disk.hangs = true;
	put(1, "one");
	sem_wait(&disk.reached);
	put(2, "two");
	put(3, "three");
	disk.hangs = false;
	sem_post(&disk.go_on);
	assert_string_equal(await(3), "");
	/* The first one's answer may have come by itself, or with this. */
	assert_true(w.count == 1 || (w.count == 2 && w.answers[0].id == 1));
	expect_content("three");
}

static void a_hanging_disk_holds_up_nobody(void **state)
{
	(void)state;
	disk.hangs = true;
	put(1, "one");
	sem_wait(&disk.reached);
	assert_false(hard_file_close(w.file, 10 * MS));
	w.file = NULL;
	assert_int_equal(w.count, 0);
	disk.hangs = false;
	sem_post(&disk.go_on);
	/* The thread goes on by itself; its file appears and nobody hears. */
	while (access(w.path, F_OK) != 0)
		sched_yield();
	ev_run(loop_ev(w.loop), EVRUN_NOWAIT);
	assert_int_equal(w.count, 0);
}

static void closing_waits_for_what_was_asked(void **state)
{
	(void)state;
	put(1, "one");
	assert_true(hard_file_close(w.file, 10 * SECOND));
	w.file = NULL;
	assert_int_equal(w.count, 0);
	expect_content("one");
}

static void closing_tells_that_the_last_write_failed(void **state)
{
	(void)state;
	disk.sync_error = EIO;
	put(1, "one");
	assert_false(hard_file_close(w.file, 10 * SECOND));
	w.file = NULL;
}

static void a_full_disk_keeps_the_old_state(void **state)
{
	(void)state;
	put(1, "one");
	assert_string_equal(await(1), "");
	disk.write_error = ENOSPC;
	put(2, "two");
	await(2);
	assert_non_null(strstr(w.answers[1].error, "No space left"));
	assert_non_null(strstr(w.answers[1].error, w.path));
	assert_int_equal(access(w.temp, F_OK), -1);
	expect_content("one");
	disk.write_error = 0;
	put(3, "three");
	assert_string_equal(await(3), "");
	expect_content("three");
}

static void what_is_not_synced_is_not_stored(void **state)
{
	(void)state;
	put(1, "one");
	assert_string_equal(await(1), "");
	disk.sync_error = EIO;
	put(2, "two");
	assert_non_null(strstr(await(2), "Input/output error"));
	expect_content("one");
}

static void a_missing_folder_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(rmdir(w.folder), 0);
	put(1, "one");
	assert_non_null(strstr(await(1), "No such file"));
	assert_int_equal(mkdir(w.folder, 0700), 0);
	put(2, "two");
	assert_string_equal(await(2), "");
	expect_content("two");
}

static void writes_in_pieces_are_whole(void **state)
{
	(void)state;
	disk.short_writes = disk.interrupted = true;
	put(1, "in pieces");
	assert_string_equal(await(1), "");
	expect_content("in pieces");
}

/* A child writes, and is killed right before its call number @at. */
static bool child_dies_at(int at)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct hard_file *file;

		disk.die_at = at;
		if (hard_file_open(&file, w.loop, w.path, on_answer, &w, NULL) <
		    0)
			_exit(2);
		hard_file_write(file, 1, "new", 3);
		_exit(hard_file_close(file, 10 * SECOND) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	return WIFSIGNALED(status);
}

static void a_kill_leaves_the_old_state_or_the_new_one(void **state)
{
	unsigned died = 0, kept = 0;
	uint8_t buf[64];
	size_t size;

	(void)state;
	for (int at = 1; at <= STEPS; at++) {
		put_raw("old");
		died += child_dies_at(at);
		assert_int_equal(
			hard_file_read(w.path, buf, sizeof(buf), &size, &w.err),
			0);
		assert_int_equal(size, 3);
		assert_true(memcmp(buf, "old", 3) == 0 ||
			    memcmp(buf, "new", 3) == 0);
		kept += memcmp(buf, "old", 3) == 0;
	}
	/* unlink, write, fsync, rename; fsync of the folder. */
	assert_int_equal(died, 5);
	assert_int_equal(kept, 4);
	/* What a killed writer left is in nobody's way. */
	put(1, "after");
	assert_string_equal(await(1), "");
	expect_content("after");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(missing_damaged_and_unreadable_are_told_apart),
		TEST(what_is_answered_is_there),
		TEST(of_those_that_wait_only_the_newest_is_written),
		TEST(a_hanging_disk_holds_up_nobody),
		TEST(closing_waits_for_what_was_asked),
		TEST(closing_tells_that_the_last_write_failed),
		TEST(a_full_disk_keeps_the_old_state),
		TEST(what_is_not_synced_is_not_stored),
		TEST(a_missing_folder_is_an_error),
		TEST(writes_in_pieces_are_whole),
		TEST(a_kill_leaves_the_old_state_or_the_new_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
