/* The store while the disk fails: nothing acknowledged is lost. */

#include "tests/unit/store_world.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "controller/daemon/store_queue.h"

/* ---- a disk that can be told to misbehave, under SQLite ---- */

/* The log is what a commit writes; the file is where damage lies. */
static struct {
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods log, file;
	const sqlite3_io_methods *real_log, *real_file;
	pthread_mutex_t frozen; /* held: every write waits */
	_Atomic int full;       /* every write fails */
	_Atomic int junk;       /* every page reads as junk */
} disk = { .frozen = PTHREAD_MUTEX_INITIALIZER };

static int disk_write(sqlite3_file *file, const void *data, int n,
		      sqlite3_int64 offset)
{
	pthread_mutex_lock(&disk.frozen);
	pthread_mutex_unlock(&disk.frozen);
	if (disk.full)
		return SQLITE_FULL;
	return disk.real_log->xWrite(file, data, n, offset);
}

static int disk_read(sqlite3_file *file, void *data, int n,
		     sqlite3_int64 offset)
{
	int r = disk.real_file->xRead(file, data, n, offset);

	if (disk.junk)
		memset(data, 0xa5, (size_t)n);
	return r;
}

static int disk_open(sqlite3_vfs *vfs, sqlite3_filename name,
		     sqlite3_file *file, int flags, int *ret_flags)
{
	int r = disk.real->xOpen(vfs, name, file, flags, ret_flags);

	if (r == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0) {
		disk.real_log = file->pMethods;
		disk.log = *file->pMethods;
		disk.log.xWrite = disk_write;
		file->pMethods = &disk.log;
	} else if (r == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0) {
		disk.real_file = file->pMethods;
		disk.file = *file->pMethods;
		disk.file.xRead = disk_read;
		file->pMethods = &disk.file;
	}
	return r;
}

static void disk_install(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "tests";
	disk.vfs.xOpen = disk_open;
	sqlite3_vfs_register(&disk.vfs, 1);
}

/* The child writes and says each acknowledged id through a pipe until it is
 * killed; everything it said must be there. */
static void child_write(struct world *w, int fd)
{
	uint32_t number;

	store_begin(w);
	for (number = 1; number <= STORE_INCIDENTS_MAX; number++) {
		struct store_order order = incident_order(number, true);

		write_order(w, number, &order);
		/* Late, since we stood still: that is no acknowledgement. */
		if (w->failed > 0) {
			w->failed = 0;
			continue;
		}
		if (write(fd, &number, sizeof(number)) != sizeof(number))
			_exit(1);
	}
	/* More is not loaded: whoever kills us stands still. */
	for (;;)
		pause();
}

static uint32_t parent_kill(pid_t pid, int fd, unsigned acks)
{
	uint32_t number = 0, last = 0;

	while (acks-- > 0 && read(fd, &number, sizeof(number)) > 0)
		last = number;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	while (read(fd, &number, sizeof(number)) == sizeof(number))
		last = number;
	return last;
}

static void kill_9_loses_nothing_acknowledged(void **state)
{
	unsigned seed = (unsigned)getpid(), round;
	struct world w;
	uint32_t last;
	int fds[2];
	pid_t pid;

	(void)state;
	print_message("# seed %u\n", seed);
	for (round = 0; round < 20; round++) {
		world_init(&w);
		assert_int_equal(pipe(fds), 0);
		pid = fork();
		if (pid == 0) {
			close(fds[0]);
			child_write(&w, fds[1]);
		}
		close(fds[1]);
		last = parent_kill(pid, fds[0],
				   1 + (unsigned)rand_r(&seed) % 200);
		close(fds[0]);
		assert_true(last > 0);
		store_begin(&w);
		assert_true(store_load(w.store, (struct instant){ 1 }, WALL)
				    ->incident_count >= last);
		assert_true(store_state(w.store).ok);
		world_done(&w);
	}
}

static void full_disk_is_said_and_written_later(void **state)
{
	struct store_order order = incident_order(1, true);
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	disk.full = 1;
	write_order(&w, 1, &order);
	assert_int_equal(w.failed, 1);
	assert_non_null(strstr(w.text, "the disk is full"));
	UNTIL(&w, w.changes == 1);
	assert_false(w.ok);
	assert_false(store_state(w.store).ok);
	assert_int_equal(store_state(w.store).queue, 1);
	/* It goes on answering at once. */
	order.incident.number = 2;
	write_order(&w, 2, &order);
	assert_int_equal(w.failed, 2);
	disk.full = 0;
	UNTIL(&w, w.changes == 2);
	assert_true(w.ok);
	assert_int_equal(store_state(w.store).queue, 0);
	store_again(&w);
	assert_int_equal(store_load(w.store, (struct instant){ 1 }, WALL)
				 ->incident_count,
			 2);
	world_done(&w);
}

static void frozen_disk_holds_up_nobody(void **state)
{
	struct store_order order = incident_order(1, true);
	struct instant asked;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	store_waits.order_us = 100 * MS;
	store_waits.ask_us = 300 * MS;
	store_waits.hung_us = 200 * MS;
	pthread_mutex_lock(&disk.frozen);
	asked = loop_clock();
	write_order(&w, 1, &order);
	assert_int_equal(w.failed, 1);
	assert_non_null(strstr(w.text, "did not answer within 0.1 s"));
	assert_true(instant_diff_us(asked, loop_clock()) < MINUTE);
	UNTIL(&w, w.changes == 1);
	assert_non_null(
		strstr(store_state(w.store).why, "has not answered for"));
	assert_false(store_state(w.store).ok);
	ask(&w, (struct store_question){ .kind = STORE_EVENTS, .limit = 1 });
	assert_non_null(strstr(w.error, "in time"));
	store_waits = store_usual;
	pthread_mutex_unlock(&disk.frozen);
	UNTIL(&w, w.changes == 2);
	assert_int_equal(w.done, 0); /* it was answered already */
	ask(&w, (struct store_question){ .kind = STORE_INCIDENTS, .limit = 1 });
	assert_non_null(strstr(w.json, "\"number\":1"));
	world_done(&w);
}

static void too_many_events_are_dropped_and_counted(void **state)
{
	struct world w;
	int64_t i;

	(void)state;
	world_init(&w);
	store_begin(&w);
	pthread_mutex_lock(&disk.frozen);
	for (i = 0; i < 10000; i++)
		write_event(&w, i);
	assert_int_equal(store_state(w.store).dropped, 10000 - 8192);
	pthread_mutex_unlock(&disk.frozen);
	store_again(&w);
	assert_int_equal(store_last_event(w.store), 8191);
	world_done(&w);
}

static void a_frozen_disk_does_not_hold_up_the_end(void **state)
{
	struct store_order order = incident_order(1, true);
	struct instant asked;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	pthread_mutex_lock(&disk.frozen);
	store_write(w.store, 1, &order);
	store_waits.close_us = 100 * MS;
	asked = loop_clock();
	store_close(w.store);
	assert_true(instant_diff_us(asked, loop_clock()) < MINUTE);
	assert_string_equal(w.text, "the disk does not answer: what was"
				    " queued is lost");
	pthread_mutex_unlock(&disk.frozen);
	w.store = NULL;
	world_done(&w);
}

static void a_row_at_fault_does_not_hold_up_the_others(void **state)
{
	struct store_order order = incident_order(1, true);
	struct world w;
	uint32_t number;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &order);
	exec_sql(&w, "CREATE TRIGGER refuse BEFORE INSERT ON incidents"
		     " WHEN new.number = 13 BEGIN"
		     " SELECT RAISE(ABORT, 'no thirteenth'); END");
	for (number = 12; number <= 14; number++) {
		order.incident.number = number;
		store_write(w.store, number, &order);
	}
	UNTIL(&w, w.done + w.failed == 4);
	assert_int_equal(w.failed, 1);
	assert_int_equal(w.said, 1);
	assert_true(store_state(w.store).ok);
	assert_int_equal(store_state(w.store).queue, 0);
	ask(&w,
	    (struct store_question){ .kind = STORE_INCIDENTS, .limit = 10 });
	assert_non_null(strstr(w.json, "\"number\":12"));
	assert_null(strstr(w.json, "\"number\":13"));
	assert_non_null(strstr(w.json, "\"number\":14"));
	world_done(&w);
}

static void damage_met_while_writing_is_mended(void **state)
{
	struct store_order order = incident_order(1, true);
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &order);
	/* Another hand on the file: its pages are read anew. */
	exec_sql(&w, "PRAGMA wal_checkpoint(TRUNCATE);"
		     "CREATE TABLE other (x); INSERT INTO other VALUES (1);"
		     "PRAGMA wal_checkpoint(TRUNCATE);");
	disk.junk = 1;
	order.incident.number = 2;
	store_write(w.store, 2, &order);
	UNTIL(&w, w.failed == 1);
	disk.junk = 0;
	UNTIL(&w, w.said > 0);
	assert_non_null(strstr(w.text, " rows saved"));
	order.incident.number = 3;
	write_order(&w, 3, &order);
	assert_int_equal(w.done_id, 3);
	UNTIL(&w, store_state(w.store).ok);
	ask(&w,
	    (struct store_question){ .kind = STORE_INCIDENTS, .limit = 10 });
	assert_non_null(strstr(w.json, "\"number\":1,"));
	assert_non_null(strstr(w.json, "\"number\":2,"));
	assert_non_null(strstr(w.json, "\"number\":3,"));
	world_done(&w);
}

static void damaged_file_is_moved_aside(void **state)
{
	struct store_order order = incident_order(1, true);
	char path[100];
	struct world w;
	FILE *file;

	(void)state;
	world_init(&w);
	snprintf(path, sizeof(path), "%s/bascule.db", w.sample.dir);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs("this is not a database, and it is long enough to be read as "
	      "one: a header has a hundred bytes, so here are some more",
	      file);
	fclose(file);
	store_begin(&w);
	UNTIL(&w, w.said == 1);
	assert_non_null(strstr(w.text, "bascule.db was damaged: moved to"));
	assert_int_equal(access(strstr(w.text, "moved to") ? path : "", F_OK),
			 0);
	/* Which numbers were given is not known any more. */
	assert_int_equal(
		store_load(w.store, (struct instant){ 1 }, WALL)->last_incident,
		WALL / SECOND);
	write_order(&w, 1, &order);
	assert_int_equal(w.done, 1);
	assert_true(store_state(w.store).ok);
	world_done(&w);
}

static void the_last_withdrawal_of_a_target_is_kept(void **state)
{
	struct store_order order = {
		.kind = STORE_FALL,
		.fall = { API2, 4000, 4, { 7000 }, WALL - 60 * SECOND }
	};
	const struct stored *st;
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	store_load(w.store, loop_now(w.loop), WALL);
	write_order(&w, 1, &order);
	store_again(&w);
	st = store_load(w.store, (struct instant){ 10000 }, WALL);
	assert_int_equal(st->fall_count, 1);
	assert_int_equal(st->falls[0].target, API2);
	assert_int_equal(st->falls[0].penalty, 4000);
	assert_int_equal(st->falls[0].count, 4);
	assert_int_equal(st->falls[0].at.us, 7000);
	/* Another boot has another clock; nonsense is held to what can be. */
	exec_sql(&w, "UPDATE falls SET boot_id = 'x', penalty = -1,"
		     " count = 99999999999");
	store_again(&w);
	st = store_load(w.store, (struct instant){ 10000 }, WALL);
	assert_int_equal(st->falls[0].at.us, 10000 - 60 * SECOND);
	assert_int_equal(st->falls[0].penalty, 0);
	assert_int_equal(st->falls[0].count, UINT32_MAX);
	/* A file of an earlier version has none. */
	exec_sql(&w, "DROP TABLE falls");
	store_again(&w);
	st = store_load(w.store, (struct instant){ 10000 }, WALL);
	assert_int_equal(st->fall_count, 0);
	write_order(&w, 2, &order);
	store_again(&w);
	st = store_load(w.store, (struct instant){ 10000 }, WALL);
	assert_int_equal(st->fall_count, 1);
	world_done(&w);
}

/* Break a page of the events: what else is in the file must be saved. */
static void what_a_damaged_file_still_holds_is_saved(void **state)
{
	struct store_order order = incident_order(1, true);
	struct store_order fall = { .kind = STORE_FALL,
				    .fall = { .penalty = 1000, .count = 1 } };
	const struct stored *st;
	char path[100], junk[4096 * 8];
	struct stat stat_buf;
	struct world w;
	int64_t i;
	int fd;

	(void)state;
	world_init(&w);
	store_begin(&w);
	write_order(&w, 1, &order);
	write_order(&w, 2, &fall);
	for (i = 1; i <= 5000; i++)
		write_event(&w, i);
	store_close(w.store);
	snprintf(path, sizeof(path), "%s/bascule.db", w.sample.dir);
	memset(junk, 0xa5, sizeof(junk));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &stat_buf), 0);
	assert_int_equal(pwrite(fd, junk, sizeof(junk),
				stat_buf.st_size / 4096 / 2 * 4096),
			 sizeof(junk));
	close(fd);
	store_begin(&w);
	st = store_load(w.store, (struct instant){ 1 }, WALL);
	assert_int_equal(st->incident_count, 1);
	assert_int_equal(st->fall_count, 1);
	UNTIL(&w, w.said == 1);
	assert_non_null(strstr(w.text, " rows saved"));
	assert_null(strstr(w.text, " 0 rows saved"));
	world_done(&w);
}

static void missing_folder_is_waited_for(void **state)
{
	struct store_order order = incident_order(1, true);
	char dir[100];
	struct world w;

	(void)state;
	world_init(&w);
	snprintf(dir, sizeof(dir), "%s/a/b", w.sample.dir);
	w.sample.set.state_dir = dir;
	store_begin(&w);
	UNTIL(&w, w.changes == 1);
	assert_false(w.ok);
	assert_non_null(strstr(w.text, "unable to open database file"));
	/* Numbers stay unique although the old ones cannot be read. */
	assert_int_equal(
		store_load(w.store, (struct instant){ 1 }, WALL)->last_incident,
		WALL / SECOND);
	write_order(&w, 1, &order);
	assert_int_equal(w.failed, 1);
	*strrchr(dir, '/') = '\0';
	assert_int_equal(mkdir(dir, 0755), 0);
	UNTIL(&w, w.changes == 2);
	assert_true(w.ok);
	ask(&w, (struct store_question){ .kind = STORE_INCIDENTS, .limit = 1 });
	assert_non_null(strstr(w.json, "\"number\":1"));
	world_done(&w);
}

static void newer_schema_is_left_alone(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	store_begin(&w);
	store_close(w.store);
	exec_sql(&w, "PRAGMA user_version = 99");
	store_begin(&w);
	UNTIL(&w, w.changes == 1);
	assert_non_null(strstr(w.text, "newer version of bascule"));
	world_done(&w);
}

/* In a mount namespace of its own, so that the machine sees none of it. */
static int in_own_mounts(void (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		if (unshare(CLONE_NEWNS |
			    (geteuid() == 0 ? 0 : CLONE_NEWUSER)) < 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			_exit(2);
		fn();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The mount is in the way of removing the folder. */
static void mounted_world_done(struct world *w)
{
	char dir[64];

	memcpy(dir, w->sample.dir, sizeof(dir));
	world_done(w);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
}

#define NEED(what)                                                             \
	do {                                                                   \
		if (!(what)) {                                                 \
			fprintf(stderr, "# line %d: %s\n", __LINE__, #what);   \
			_exit(1);                                              \
		}                                                              \
	} while (0)

static void fill_tiny_disk(void)
{
	struct world w;
	int64_t i;

	world_init(&w);
	NEED(mount("tmpfs", w.sample.dir, "tmpfs", 0, "size=256k") == 0);
	store_begin(&w);
	for (i = 1; i <= 8000; i++)
		write_event(&w, i);
	while (w.changes == 0 && !w.late)
		loop_run(w.loop);
	NEED(!w.ok);
	NEED(strstr(w.text, "the disk is full") != NULL);
	/* More room comes: everything is written. */
	NEED(mount("tmpfs", w.sample.dir, "tmpfs", MS_REMOUNT, "size=64m") ==
	     0);
	while (w.changes == 1 && !w.late)
		loop_run(w.loop);
	NEED(w.ok);
	store_again(&w);
	NEED(store_last_event(w.store) == 8000);
	mounted_world_done(&w);
}

static void disk_of_256_kib_fills_and_recovers(void **state)
{
	(void)state;
	assert_int_equal(in_own_mounts(fill_tiny_disk), 0);
}

static void read_only_disk(void)
{
	struct store_order order = incident_order(7, true);
	struct world w;

	world_init(&w);
	NEED(mount("tmpfs", w.sample.dir, "tmpfs", 0, NULL) == 0);
	store_begin(&w);
	write_order(&w, 1, &order);
	store_close(w.store);
	NEED(mount("tmpfs", w.sample.dir, "tmpfs", MS_REMOUNT | MS_RDONLY,
		   NULL) == 0);
	store_begin(&w);
	NEED(!store_state(w.store).ok || w.changes == 0);
	while (w.changes == 0 && !w.late)
		loop_run(w.loop);
	NEED(!w.ok);
	NEED(strstr(w.text, "read-only") != NULL);
	/* What is there can still be read. */
	NEED(store_load(w.store, (struct instant){ 1 }, WALL)->incident_count ==
	     1);
	NEED(mount("tmpfs", w.sample.dir, "tmpfs", MS_REMOUNT, NULL) == 0);
	while (w.changes == 1 && !w.late)
		loop_run(w.loop);
	NEED(w.ok);
	mounted_world_done(&w);
}

static void read_only_disk_is_said_and_still_read(void **state)
{
	(void)state;
	assert_int_equal(in_own_mounts(read_only_disk), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kill_9_loses_nothing_acknowledged),
		cmocka_unit_test(full_disk_is_said_and_written_later),
		cmocka_unit_test(frozen_disk_holds_up_nobody),
		cmocka_unit_test(too_many_events_are_dropped_and_counted),
		cmocka_unit_test(a_frozen_disk_does_not_hold_up_the_end),
		cmocka_unit_test(a_row_at_fault_does_not_hold_up_the_others),
		cmocka_unit_test(damage_met_while_writing_is_mended),
		cmocka_unit_test(damaged_file_is_moved_aside),
		cmocka_unit_test(the_last_withdrawal_of_a_target_is_kept),
		cmocka_unit_test(what_a_damaged_file_still_holds_is_saved),
		cmocka_unit_test(missing_folder_is_waited_for),
		cmocka_unit_test(newer_schema_is_left_alone),
		cmocka_unit_test(disk_of_256_kib_fills_and_recovers),
		cmocka_unit_test(read_only_disk_is_said_and_still_read),
	};

	disk_install();
	return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
