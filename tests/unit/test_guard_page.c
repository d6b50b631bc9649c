/* The guard's page: never half written, and never trusted. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/daemon/guard_page.h"
#include "controller/io/loop.h"

#define READS  20000
#define DEATHS 50

struct world {
	char folder[64];
	int fd;
	struct guard_page_map *map;
};

static int set_up(void **state)
{
	static struct world w;
	const struct guard_sheet sheet = { .term = 1 };
	struct err err;

	strcpy(w.folder, "/tmp/bascule-page-XXXXXX");
	if (mkdtemp(w.folder) == NULL)
		return -1;
	*state = &w;
	w.fd = guard_page_open(w.folder, &err);
	return w.fd < 0 ? -1 : guard_page_map(w.fd, &sheet, &w.map, &err);
}

static int tear_down(void **state)
{
	struct world *w = *state;
	char path[128];

	guard_page_unmap(w->map);
	close(w->fd);
	snprintf(path, sizeof(path), "%s/" GUARD_PAGE_NAME, w->folder);
	unlink(path);
	return rmdir(w->folder);
}

static void what_is_written_is_read(void **state)
{
	struct guard_sheet in = { .lease_end_us = 5,
				  .routing_end_us = INSTANT_NONE.us,
				  .term = 7,
				  .boot = 9,
				  .digest = 10,
				  .node = 1,
				  .successor = 2,
				  .leader = 1 };
	struct world *w = *state;
	struct guard_sheet out;
	struct guard_page page;

	guard_page_write(w->map, &in);
	guard_page_read(w->map, &out);
	assert_memory_equal(&in, &out, sizeof(in));
	page = guard_page_of(&out);
	assert_int_equal(page.lease_end.us, 5);
	assert_true(instant_is_none(page.routing_end));
	assert_int_equal(page.term, 7);
	assert_int_equal(page.boot, 9);
	assert_int_equal(page.digest, 10);
	assert_int_equal(page.node, 1);
	assert_int_equal(page.successor, 2);
	assert_true(page.leader);
}

static void a_successor_reads_it_from_the_file(void **state)
{
	struct guard_sheet in = { .term = 7 }, out;
	struct world *w = *state;

	in.groups[3].id = 1234;
	guard_page_write(w->map, &in);
	assert_int_equal(guard_page_load(w->fd, &out), 0);
	assert_memory_equal(&in, &out, sizeof(in));
}

/* Every byte of a sheet says the same, so that a torn one is seen. */
static void write_for_ever(struct guard_page_map *map)
{
	static struct guard_sheet sheet;
	unsigned char n;

	for (n = 0;; n++) {
		memset(&sheet, n, sizeof(sheet));
		guard_page_write(map, &sheet);
	}
}

static void assert_whole(const struct guard_sheet *sheet)
{
	const unsigned char *bytes = (const void *)sheet;

	assert_memory_equal(bytes, bytes + 1, sizeof(*sheet) - 1);
}

static pid_t begin_writing(struct world *w)
{
	static struct guard_sheet same;
	pid_t pid;

	memset(&same, 1, sizeof(same));
	guard_page_write(w->map, &same);
	pid = fork();
	if (pid == 0)
		write_for_ever(w->map);
	return pid;
}

static void end_writing(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_reader_never_sees_half_a_sheet(void **state)
{
	pid_t pid = begin_writing(*state);
	struct world *w = *state;
	struct guard_sheet sheet;
	int i;

	for (i = 0; i < READS; i++) {
		guard_page_read(w->map, &sheet);
		if (memcmp(&sheet, (char *)&sheet + 1, sizeof(sheet) - 1) != 0)
			break;
	}
	end_writing(pid);
	assert_int_equal(i, READS);
}

static void a_writer_killed_while_it_writes_leaves_a_whole_one(void **state)
{
	struct world *w = *state;
	struct guard_sheet sheet;
	int i, n;

	for (i = 0; i < DEATHS; i++) {
		pid_t pid = begin_writing(w);

		for (n = 0; n < 50 + i; n++)
			guard_page_read(w->map, &sheet);
		end_writing(pid);
		guard_page_read(w->map, &sheet);
		assert_whole(&sheet);
	}
}

static void an_empty_file_is_no_page(void **state)
{
	struct world *w = *state;
	struct guard_sheet sheet;

	assert_int_equal(ftruncate(w->fd, 0), 0);
	assert_int_equal(guard_page_load(w->fd, &sheet), -ENODATA);
}

static void a_cut_file_is_refused(void **state)
{
	struct world *w = *state;
	struct guard_sheet sheet;
	off_t size = lseek(w->fd, 0, SEEK_END);

	for (off_t cut = size - 1; cut > 0; cut -= 97) {
		assert_int_equal(ftruncate(w->fd, cut), 0);
		assert_int_equal(guard_page_load(w->fd, &sheet), -EBADMSG);
	}
}

static void another_versions_file_is_refused(void **state)
{
	struct world *w = *state;
	struct guard_sheet sheet;
	char byte;

	for (off_t at = 0; at < 24; at++) {
		assert_int_equal(pread(w->fd, &byte, 1, at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(w->fd, &byte, 1, at), 1);
		assert_int_equal(guard_page_load(w->fd, &sheet), -EBADMSG);
		byte ^= 1;
		assert_int_equal(pwrite(w->fd, &byte, 1, at), 1);
	}
	assert_int_equal(guard_page_load(w->fd, &sheet), 0);
}

/* kill(-1) would end everything that we may end. */
static void a_sheet_that_makes_no_sense_is_refused(void **state)
{
	struct guard_sheet rows[5] = { 0 };
	struct world *w = *state;
	struct guard_sheet sheet;
	size_t i;

	rows[0].groups[0].id = -1;
	rows[1].groups[GUARD_GROUPS_MAX - 1].id = INT32_MIN;
	rows[2].leader = 2;
	rows[3].daemon.id = -5;
	rows[4].guard.id = -1;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		guard_page_write(w->map, &rows[i]);
		assert_int_equal(guard_page_load(w->fd, &sheet), -EBADMSG);
	}
}

static void one_lock_for_all_who_share_the_file(void **state)
{
	struct world *w = *state;
	struct err err;
	int other = guard_page_open(w->folder, &err);

	assert_int_equal(guard_page_lock(w->fd, loop_clock()), 0);
	assert_int_equal(guard_page_lock(w->fd, loop_clock()), 0);
	assert_int_equal(guard_page_lock(other, loop_clock()), -EBUSY);
	guard_page_unmap(w->map);
	w->map = NULL;
	close(w->fd);
	assert_int_equal(guard_page_lock(other, loop_clock()), 0);
	w->fd = other;
}

/* Neither 0 nor 1 is a group, and a number that is somebody else's by now is
 * left alone. */
static void a_group_is_ended_only_when_it_is_that_one(void **state)
{
	struct process_group group;
	int status;
	pid_t pid;

	(void)state;
	for (int32_t id = -2; id < 2; id++) {
		group = (struct process_group){ .id = id };
		assert_true(group_end(&group, loop_clock()));
	}
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		for (;;)
			pause();
	}
	setpgid(pid, pid);
	group = group_of(pid);
	assert_int_equal(group.id, pid);
	assert_true(group_leader_lives(&group));
	group.born++;
	assert_false(group_leader_lives(&group));
	assert_true(group_end(&group, loop_clock()));
	assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
	group.born--;
	assert_true(group_end(&group, instant_add(loop_clock(), 10 * SECOND)));
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_true(group_end(&group, loop_clock()));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_successor_reads_it_from_the_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_reader_never_sees_half_a_sheet, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_writer_killed_while_it_writes_leaves_a_whole_one,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_empty_file_is_no_page,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cut_file_is_refused, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			another_versions_file_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_sheet_that_makes_no_sense_is_refused, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			one_lock_for_all_who_share_the_file, set_up, tear_down),
		cmocka_unit_test(a_group_is_ended_only_when_it_is_that_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
