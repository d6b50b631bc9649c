/* MariaDB and MySQL: the statements of each order, by the answers. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "databases/mysql.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct database_order what;
static struct mysql_order order;

static enum mysql_next begin(enum database_order_kind kind)
{
	what = (struct database_order){ .kind = kind, .epoch = 3 };
	order.what = &what;
	return mysql_order_begin(&order);
}

static int set_up(void **state)
{
	(void)state;
	order = (struct mysql_order){ .host = "10.0.0.2",
				      .port = 3306,
				      .user = "repl",
				      .password = "o'neil" };
	return 0;
}

static void row(const char *const *words, size_t count)
{
	const char *names[16], *values[16];
	struct row it = { .names = names, .values = values };
	size_t i;

	for (i = 0; i + 1 < count; i += 2) {
		names[it.count] = words[i];
		values[it.count++] = words[i + 1];
	}
	mysql_order_row(&order, &it);
}

/* SHOW SLAVE STATUS of a replica, with what matters. */
static void replica(const char *io, const char *io_errno, const char *sql_errno)
{
	const char *const words[] = {
		"Master_Host",       "10.0.0.1",
		"Slave_IO_Running",  io,
		"Slave_SQL_Running", "Yes",
		"Last_IO_Errno",     io_errno,
		"Last_SQL_Errno",    sql_errno,
		"Last_IO_Error",     "io error",
		"Last_SQL_Error",    "sql error",
		"Using_Gtid",        "Slave_Pos",
		"Gtid_IO_Pos",       "0-1-12",
	};

	row(words, COUNT(words));
}

#define ROW(...)                                                               \
	row((const char *const[]){ __VA_ARGS__ },                              \
	    COUNT(((const char *const[]){ __VA_ARGS__ })))

static void says(enum mysql_next next, const char *sql)
{
	assert_int_equal(next, MYSQL_SAY);
	assert_string_equal(order.sql, sql);
}

static void says_start(enum mysql_next next, const char *sql)
{
	assert_int_equal(next, MYSQL_SAY);
	assert_memory_equal(order.sql, sql, strlen(sql));
}

static void a_promotion_applies_what_was_received_first(void **state)
{
	(void)state;
	says_start(begin(DATABASE_PROMOTE), "SET SESSION lock_wait_timeout");
	says(mysql_order_done(&order), "SHOW SLAVE STATUS");
	replica("Connecting", "2003", "0");
	says(mysql_order_done(&order), "STOP SLAVE IO_THREAD");
	says(mysql_order_done(&order), "SHOW SLAVE STATUS");
	replica("No", "0", "0");
	says(mysql_order_done(&order), "START SLAVE SQL_THREAD");
	says(mysql_order_done(&order),
	     "SELECT MASTER_GTID_WAIT('0-1-12', 0.5) AS waited");
	ROW("waited", "0");
	says(mysql_order_done(&order), "STOP SLAVE");
	says(mysql_order_done(&order), "RESET SLAVE ALL");
	says(mysql_order_done(&order), "SET GLOBAL read_only = 0");
	assert_int_equal(mysql_order_done(&order), MYSQL_DONE);
}

static void a_promotion_waits_and_gives_up_when_nothing_is_applied(void **state)
{
	(void)state;
	begin(DATABASE_PROMOTE);
	mysql_order_done(&order);
	replica("No", "0", "0");
	mysql_order_done(&order);
	mysql_order_done(&order);
	replica("No", "0", "0");
	mysql_order_done(&order);
	says_start(mysql_order_done(&order), "SELECT MASTER_GTID_WAIT");
	ROW("waited", "-1");
	says(mysql_order_done(&order), "SHOW SLAVE STATUS");
	replica("No", "0", "1062");
	assert_int_equal(mysql_order_done(&order), MYSQL_FAILED);
	assert_string_equal(order.why,
			    "it cannot apply what it has: sql error");
}

static void who_is_primary_already_is_only_made_writable(void **state)
{
	(void)state;
	begin(DATABASE_PROMOTE);
	mysql_order_done(&order);
	says(mysql_order_done(&order), "SET GLOBAL read_only = 0");
	assert_int_equal(mysql_order_done(&order), MYSQL_DONE);
}

static void without_loss_commits_wait_before_writes_are_taken(void **state)
{
	(void)state;
	order.no_loss = true;
	says(begin(DATABASE_PROMOTE),
	     "SET SESSION lock_wait_timeout = 1, sql_mode = '', "
	     "GLOBAL rpl_semi_sync_slave_kill_conn_timeout = 1");
	mysql_order_done(&order);
	says(mysql_order_done(&order),
	     "SET GLOBAL rpl_semi_sync_master_enabled = 1");
	says(mysql_order_done(&order), "SET GLOBAL read_only = 0");
	/* A replica has nobody to wait for. */
	begin(DATABASE_FOLLOW);
	mysql_order_done(&order);
	says(mysql_order_done(&order),
	     "SET GLOBAL rpl_semi_sync_master_enabled = 0");
	says(mysql_order_done(&order), "SHOW SLAVE STATUS");
}

static void who_replicates_without_gtids_is_not_promoted(void **state)
{
	(void)state;
	begin(DATABASE_PROMOTE);
	mysql_order_done(&order);
	ROW("Master_Host", "10.0.0.1", "Using_Gtid", "No");
	assert_int_equal(mysql_order_done(&order), MYSQL_FAILED);
}

static void rights_that_are_missing_are_said(void **state)
{
	(void)state;
	begin(DATABASE_PROMOTE);
	mysql_order_done(&order);
	replica("Yes", "0", "0");
	mysql_order_done(&order);
	assert_int_equal(mysql_order_refused(&order, 1227,
					     "Access denied; you need REPLICA"),
			 MYSQL_FAILED);
	assert_string_equal(order.why, "1227: Access denied; you need REPLICA");
}

static void follow(void)
{
	says_start(begin(DATABASE_FOLLOW), "SET SESSION lock_wait_timeout");
	says(mysql_order_done(&order), "SET GLOBAL read_only = 1");
	says(mysql_order_done(&order), "SHOW SLAVE STATUS");
}

static const char change[] =
	"CHANGE MASTER TO MASTER_CONNECT_RETRY = 1, "
	"MASTER_HOST = '10.0.0.2', MASTER_USER = 'repl', "
	"MASTER_PASSWORD = 'o\\'neil', MASTER_PORT = 3306, "
	"MASTER_USE_GTID = slave_pos";

static void an_old_primary_follows_from_what_it_has_written(void **state)
{
	(void)state;
	follow();
	says(mysql_order_done(&order), "STOP SLAVE");
	says(mysql_order_done(&order),
	     "SET GLOBAL gtid_slave_pos = @@gtid_current_pos");
	says(mysql_order_done(&order), change);
	says(mysql_order_done(&order), "START SLAVE");
	says(mysql_order_done(&order), "SHOW SLAVE STATUS");
	replica("Connecting", "0", "0");
	assert_int_equal(mysql_order_done(&order), MYSQL_LATER);
	says(mysql_order_again(&order), "SHOW SLAVE STATUS");
	replica("Yes", "0", "0");
	assert_int_equal(mysql_order_done(&order), MYSQL_DONE);
}

static void a_replica_is_pointed_to_another_primary(void **state)
{
	(void)state;
	follow();
	replica("Connecting", "2003", "0");
	says(mysql_order_done(&order), "STOP SLAVE");
	says(mysql_order_done(&order), change);
}

static void who_has_diverged_does_not_follow(void **state)
{
	(void)state;
	follow();
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	replica("No", "1236", "0");
	assert_int_equal(mysql_order_done(&order), MYSQL_PARTED);
	assert_non_null(strstr(order.why, "writes that its new primary lacks"));
	assert_non_null(strstr(order.why, "rejoin hook"));
}

static void who_was_written_to_does_not_follow(void **state)
{
	(void)state;
	follow();
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	replica("Yes", "0", "1950");
	assert_int_equal(mysql_order_done(&order), MYSQL_PARTED);
	assert_non_null(strstr(order.why, "written to itself"));
}

static void an_old_primary_needs_to_know_how_to_log_in(void **state)
{
	(void)state;
	order.user = order.password = NULL;
	follow();
	assert_int_equal(mysql_order_done(&order), MYSQL_FAILED);
	assert_non_null(strstr(order.why, "replication_user"));
}

static void a_password_is_not_repeated_by_an_error(void **state)
{
	(void)state;
	follow();
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	assert_int_equal(
		mysql_order_refused(&order, 1064, "syntax near 'o\\'neil'"),
		MYSQL_FAILED);
	assert_null(strstr(order.why, "neil"));
}

static void a_fence_ends_sessions_before_and_after(void **state)
{
	(void)state;
	begin(DATABASE_FENCE);
	says_start(mysql_order_done(&order), "BEGIN NOT ATOMIC");
	says(mysql_order_done(&order), "SET GLOBAL read_only = 1");
	/* Somebody has come back and holds a lock. */
	says_start(mysql_order_refused(&order, 1205, "Lock wait timeout"),
		   "BEGIN NOT ATOMIC");
	says(mysql_order_done(&order), "SET GLOBAL read_only = 1");
	says_start(mysql_order_done(&order), "BEGIN NOT ATOMIC");
	assert_int_equal(mysql_order_done(&order), MYSQL_DONE);
}

static void a_fence_without_the_right_to_kill_stops_writes(void **state)
{
	(void)state;
	begin(DATABASE_FENCE);
	mysql_order_done(&order);
	says(mysql_order_refused(&order, 1095, "not owner"),
	     "SET GLOBAL read_only = 1");
	mysql_order_done(&order);
	assert_int_equal(mysql_order_refused(&order, 1095, "not owner"),
			 MYSQL_FAILED);
}

static void mysql_is_told_of_each_session(void **state)
{
	(void)state;
	order.dialect = DIALECT_MYSQL;
	begin(DATABASE_FENCE);
	says_start(mysql_order_done(&order), "SELECT MIN(ID) AS victim");
	ROW("victim", "42");
	says(mysql_order_done(&order), "KILL 42");
	says_start(mysql_order_done(&order), "SELECT MIN(ID) AS victim");
	ROW("victim", "43");
	says(mysql_order_done(&order), "KILL 43");
	says_start(mysql_order_refused(&order, 1094, "Unknown thread id: 43"),
		   "SELECT MIN(ID) AS victim");
	ROW("victim", NULL);
	says(mysql_order_done(&order), "SET GLOBAL super_read_only = 1");
}

static void a_replica_is_not_unfenced(void **state)
{
	(void)state;
	begin(DATABASE_UNFENCE);
	mysql_order_done(&order);
	replica("Yes", "0", "0");
	assert_int_equal(mysql_order_done(&order), MYSQL_FAILED);
	assert_string_equal(order.why, "it is a replica of 10.0.0.1");
}

static void catching_up_looks_until_it_is_there(void **state)
{
	(void)state;
	begin(DATABASE_CATCH_UP);
	what.position = (struct database_position){ .offset = 12 };
	ROW("applied", "0-1-11");
	assert_int_equal(mysql_order_done(&order), MYSQL_LATER);
	mysql_order_again(&order);
	ROW("applied", "0-1-12");
	assert_int_equal(mysql_order_done(&order), MYSQL_DONE);
}

static void a_canary_is_not_replicated(void **state)
{
	(void)state;
	begin(DATABASE_CANARY);
	ROW("read_only", "0");
	says(mysql_order_done(&order), "SET SESSION sql_log_bin = 0");
	says(mysql_order_done(&order),
	     "CREATE DATABASE IF NOT EXISTS `bascule`");
	says_start(mysql_order_refused(&order, 1044, "denied"),
		   "CREATE TABLE IF NOT EXISTS `bascule`.canary");
	says_start(mysql_order_done(&order),
		   "INSERT INTO `bascule`.canary VALUES (1, 3, NOW(6))");
	assert_int_equal(mysql_order_done(&order), MYSQL_DONE);
}

static void a_canary_that_cannot_be_written_fails(void **state)
{
	(void)state;
	begin(DATABASE_CANARY);
	ROW("read_only", "1");
	assert_int_equal(mysql_order_done(&order), MYSQL_FAILED);
	begin(DATABASE_CANARY);
	ROW("read_only", "0");
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	mysql_order_done(&order);
	assert_int_equal(mysql_order_refused(&order, 1021, "Disk full"),
			 MYSQL_FAILED);
	assert_string_equal(order.why, "it takes no writes: Disk full");
}

static void a_canary_that_may_not_be_written_is_left_out(void **state)
{
	(void)state;
	begin(DATABASE_CANARY);
	ROW("read_only", "0");
	mysql_order_done(&order);
	assert_int_equal(mysql_order_refused(&order, 1227, "denied"),
			 MYSQL_DONE);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_promotion_applies_what_was_received_first),
		TEST(a_promotion_waits_and_gives_up_when_nothing_is_applied),
		TEST(who_is_primary_already_is_only_made_writable),
		TEST(without_loss_commits_wait_before_writes_are_taken),
		TEST(who_replicates_without_gtids_is_not_promoted),
		TEST(rights_that_are_missing_are_said),
		TEST(an_old_primary_follows_from_what_it_has_written),
		TEST(a_replica_is_pointed_to_another_primary),
		TEST(who_has_diverged_does_not_follow),
		TEST(who_was_written_to_does_not_follow),
		TEST(an_old_primary_needs_to_know_how_to_log_in),
		TEST(a_password_is_not_repeated_by_an_error),
		TEST(a_fence_ends_sessions_before_and_after),
		TEST(a_fence_without_the_right_to_kill_stops_writes),
		TEST(mysql_is_told_of_each_session),
		TEST(a_replica_is_not_unfenced),
		TEST(catching_up_looks_until_it_is_there),
		TEST(a_canary_is_not_replicated),
		TEST(a_canary_that_cannot_be_written_fails),
		TEST(a_canary_that_may_not_be_written_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
