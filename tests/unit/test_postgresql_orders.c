/* PostgreSQL: orders as statements. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "databases/postgresql.h"

static struct postgresql_talk talk;
static struct postgresql_step step;

static void begin(enum database_order_kind kind)
{
	const struct database_order order = { .kind = kind,
					      .epoch = 7,
					      .position = { 1, 5000 } };

	talk = (struct postgresql_talk){ .terms = { .name = "c",
						    .source_host = "10.0.0.2",
						    .source_port = 5433 } };
	postgresql_begin(&talk, &order, &step);
}

/* An answer of one row of up to three cells. */
static void answer(const char *a, const char *b, const char *c)
{
	const char *const cells[] = { a, b, c };
	const struct postgresql_reply reply = {
		.done = true, .rows = 1, .columns = 3, .cells = cells
	};

	postgresql_next(&talk, &reply, &step);
}

static void refuse(const char *state, const char *why)
{
	const struct postgresql_reply reply = { .state = state, .why = why };

	postgresql_next(&talk, &reply, &step);
}

static void says(const char *sql)
{
	assert_int_equal(step.kind, POSTGRESQL_ASK);
	assert_non_null(strstr(step.sql, sql));
}

static void a_promotion_is_told_once_and_then_waited_for(void **state)
{
	(void)state;
	begin(DATABASE_PROMOTE);
	says("pg_is_in_recovery");
	answer("t", "off", NULL);
	says("pg_promote(false)");
	answer("t", NULL, NULL);
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	postgresql_resume(&talk, &step);
	answer("t", "off", NULL);
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	postgresql_resume(&talk, &step);
	answer("f", "off", NULL);
	assert_int_equal(step.kind, POSTGRESQL_DONE);
}

static void
one_that_ends_while_it_is_promoted_may_have_a_full_disk(void **state)
{
	static const char *const states[] = { "", "57P03" };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		begin(DATABASE_PROMOTE);
		answer("t", "off", NULL);
		answer("t", NULL, NULL);
		postgresql_resume(&talk, &step);
		refuse(states[i], "gone");
		assert_int_equal(step.kind, POSTGRESQL_FAILED);
		assert_non_null(strstr(step.why, "disk full?"));
		assert_non_null(strstr(step.why, "gone"));
	}
	/* It ended before, or says itself what is wrong. */
	begin(DATABASE_PROMOTE);
	refuse("", "gone");
	assert_string_equal(step.why, "gone");
	begin(DATABASE_PROMOTE);
	answer("t", "off", NULL);
	refuse("42501", "permission denied");
	assert_string_equal(step.why, "permission denied");
}

static void what_was_promoted_while_fenced_is_let_go(void **state)
{
	(void)state;
	begin(DATABASE_PROMOTE);
	answer("f", "on", NULL);
	says("alter system reset default_transaction_read_only");
	answer(NULL, NULL, NULL);
	says("pg_reload_conf");
	answer("t", NULL, NULL);
	postgresql_resume(&talk, &step);
	answer("f", "off", NULL);
	assert_int_equal(step.kind, POSTGRESQL_DONE);
}

static void a_fence_is_over_when_nobody_writes(void **state)
{
	(void)state;
	begin(DATABASE_FENCE);
	answer("f", "off", NULL);
	says("set default_transaction_read_only = on");
	answer(NULL, NULL, NULL);
	says("pg_reload_conf");
	answer("t", NULL, NULL);
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	postgresql_resume(&talk, &step);
	/* Sessions end only when new ones can no longer write. */
	answer("f", "off", NULL);
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	postgresql_resume(&talk, &step);
	answer("f", "on", "1795188282.5");
	says("pg_terminate_backend");
	says("<= to_timestamp(1795188282.5)");
	answer("3", NULL, NULL);
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	postgresql_resume(&talk, &step);
	/* Those that came since cannot write. */
	answer("f", "on", "1795188282.6");
	says("<= to_timestamp(1795188282.5)");
	answer("0", NULL, NULL);
	assert_int_equal(step.kind, POSTGRESQL_DONE);
}

static void a_replica_needs_no_fence(void **state)
{
	(void)state;
	begin(DATABASE_FENCE);
	answer("t", "off", NULL);
	assert_int_equal(step.kind, POSTGRESQL_DONE);
}

static void a_fence_is_taken_away(void **state)
{
	(void)state;
	begin(DATABASE_UNFENCE);
	answer("f", "on", NULL);
	says("reset default_transaction_read_only");
	answer(NULL, NULL, NULL);
	says("pg_reload_conf");
	answer("t", NULL, NULL);
	postgresql_resume(&talk, &step);
	answer("f", "off", NULL);
	assert_int_equal(step.kind, POSTGRESQL_DONE);
}

static void catching_up_is_waited_for(void **state)
{
	(void)state;
	begin(DATABASE_CATCH_UP);
	answer("t", "4990", NULL);
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	assert_string_equal(step.why, "it lacks 10 bytes of what was written");
	postgresql_resume(&talk, &step);
	answer("t", "5000", NULL);
	assert_int_equal(step.kind, POSTGRESQL_DONE);
	begin(DATABASE_CATCH_UP);
	answer("f", NULL, NULL);
	assert_int_equal(step.kind, POSTGRESQL_FAILED);
}

static void the_canary_makes_its_table(void **state)
{
	(void)state;
	begin(DATABASE_CANARY);
	says("synchronous_commit = local");
	answer(NULL, NULL, NULL);
	says("insert into bascule_canary values (1, 7");
	refuse("42P01", "relation does not exist");
	says("create table if not exists bascule_canary");
	answer(NULL, NULL, NULL);
	says("insert");
	answer(NULL, NULL, NULL);
	assert_int_equal(step.kind, POSTGRESQL_DONE);
}

static void a_canary_that_cannot_write_says_why(void **state)
{
	(void)state;
	begin(DATABASE_CANARY);
	answer(NULL, NULL, NULL);
	refuse("25006", "cannot execute INSERT in a read-only transaction");
	assert_int_equal(step.kind, POSTGRESQL_FAILED);
	assert_string_equal(step.why,
			    "it takes no writes: cannot execute INSERT in a "
			    "read-only transaction");
}

static void a_replica_is_pointed_elsewhere(void **state)
{
	(void)state;
	begin(DATABASE_FOLLOW);
	answer("t", "host=10.0.0.1 port=5432 user=repl application_name=c",
	       "it's");
	assert_int_equal(step.kind, POSTGRESQL_ASK_SOURCE);
	assert_non_null(strstr(step.sql,
			       "pg_create_physical_replication_slot('it''s')"));
	answer(NULL, NULL, NULL);
	says("primary_conninfo = 'user=repl application_name=c "
	     "host=''10.0.0.2'' port=''5433'''");
	answer(NULL, NULL, NULL);
	says("pg_reload_conf");
	answer("t", NULL, NULL);
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	postgresql_resume(&talk, &step);
	says("pg_stat_wal_receiver");
	answer("streaming", "10.0.0.1", "5432");
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	postgresql_resume(&talk, &step);
	answer("streaming", "10.0.0.2", "5433");
	assert_int_equal(step.kind, POSTGRESQL_DONE);
}

/* Pointed in vain for long: the histories are compared. */
static void stand(const char *timeline, const char *offset)
{
	unsigned i;

	begin(DATABASE_FOLLOW);
	answer("t", "host=10.0.0.1", "");
	answer(NULL, NULL, NULL);
	answer("t", NULL, NULL);
	for (i = 0; i < POSTGRESQL_LOOKS; i++) {
		postgresql_resume(&talk, &step);
		answer(NULL, NULL, NULL);
		assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	}
	postgresql_resume(&talk, &step);
	answer(NULL, NULL, NULL);
	says("pg_ls_waldir");
	answer(timeline, offset, NULL);
	assert_int_equal(step.kind, POSTGRESQL_ASK_SOURCE);
	assert_string_equal(step.sql, "IDENTIFY_SYSTEM");
}

static const char history[] = "1\t0/1000\tno recovery target specified\n"
			      "\n2\t1/0\tno recovery target specified\n";

static void a_replica_with_more_than_the_primary_has_parted(void **state)
{
	(void)state;
	stand("00000001", "4097");
	answer("71", "3", "1/2000");
	assert_string_equal(step.sql, "TIMELINE_HISTORY 3");
	answer("00000003.history", history, NULL);
	assert_int_equal(step.kind, POSTGRESQL_PARTED);
	assert_non_null(strstr(step.why, "lacks 1 bytes"));
	/* On the last one before, on none of them, on a later one. */
	stand("00000002", "4294967297");
	answer("71", "3", "1/2000");
	answer("00000003.history", history, NULL);
	assert_int_equal(step.kind, POSTGRESQL_PARTED);
	stand("00000004", "1");
	answer("71", "3", "1/2000");
	assert_int_equal(step.kind, POSTGRESQL_PARTED);
	stand("00000001", "1");
	answer("71", "3", "1/2000");
	answer("00000003.history", "2\t1/0\tno target\n", NULL);
	assert_int_equal(step.kind, POSTGRESQL_PARTED);
	/* On the same, further than it ever was. */
	stand("00000003", "8193");
	answer("71", "3", "0/2000");
	assert_int_equal(step.kind, POSTGRESQL_PARTED);
}

static void a_replica_below_the_promoted_position_is_waited_for(void **state)
{
	(void)state;
	stand("00000001", "4096");
	answer("71", "3", "1/2000");
	answer("00000003.history", history, NULL);
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	stand("00000003", "8192");
	answer("71", "3", "0/2000");
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	/* Once; where that may not be asked, too. */
	stand("00000001", "4097");
	refuse("42501", "must be a superuser or replication role");
	assert_int_equal(step.kind, POSTGRESQL_PAUSE);
	postgresql_resume(&talk, &step);
	says("pg_stat_wal_receiver");
	answer("streaming", "10.0.0.2", "5433");
	assert_int_equal(step.kind, POSTGRESQL_DONE);
}

static void a_primary_cannot_be_pointed(void **state)
{
	(void)state;
	begin(DATABASE_FOLLOW);
	answer("f", "", "");
	assert_int_equal(step.kind, POSTGRESQL_PARTED);
	assert_non_null(strstr(step.why, "rejoin hook"));
}

static void a_refusal_ends_an_order(void **state)
{
	(void)state;
	begin(DATABASE_FENCE);
	answer("f", "off", NULL);
	refuse("42501", "permission denied to set parameter");
	assert_int_equal(step.kind, POSTGRESQL_FAILED);
	assert_string_equal(step.why, "permission denied to set parameter");
}

static void connection_strings_keep_what_is_not_exchanged(void **state)
{
	struct postgresql_terms terms = { .name = "c",
					  .source_host = "::1",
					  .source_port = 1 };
	char buf[120];

	(void)state;
	assert_true(postgresql_conninfo("", &terms, buf, sizeof(buf)));
	assert_string_equal(buf, "host='::1' port='1' application_name='c'");
	assert_true(postgresql_conninfo(
		" sslmode = require  password='a \\'b' hostaddr=1 ", &terms,
		buf, sizeof(buf)));
	assert_string_equal(buf, "sslmode=require password='a \\'b' "
				 "host='::1' port='1' application_name='c'");
	terms.user = "r";
	terms.password = "x'\\y";
	assert_true(postgresql_conninfo("user=q passfile=f application_name=d",
					&terms, buf, sizeof(buf)));
	assert_string_equal(buf, "application_name=d host='::1' port='1' "
				 "user='r' password='x\\'\\\\y'");
}

static void connection_strings_of_another_form_are_refused(void **state)
{
	const struct postgresql_terms terms = { .name = "c",
						.source_host = "::1",
						.source_port = 1 };
	char buf[40];

	(void)state;
	assert_false(postgresql_conninfo("postgresql://h", &terms, buf,
					 sizeof(buf)));
	assert_false(postgresql_conninfo("user='x", &terms, buf, sizeof(buf)));
	assert_false(postgresql_conninfo("sslmode=require", &terms, buf,
					 sizeof(buf)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_promotion_is_told_once_and_then_waited_for),
		cmocka_unit_test(
			one_that_ends_while_it_is_promoted_may_have_a_full_disk),
		cmocka_unit_test(what_was_promoted_while_fenced_is_let_go),
		cmocka_unit_test(a_fence_is_over_when_nobody_writes),
		cmocka_unit_test(a_replica_needs_no_fence),
		cmocka_unit_test(a_fence_is_taken_away),
		cmocka_unit_test(catching_up_is_waited_for),
		cmocka_unit_test(the_canary_makes_its_table),
		cmocka_unit_test(a_canary_that_cannot_write_says_why),
		cmocka_unit_test(a_replica_is_pointed_elsewhere),
		cmocka_unit_test(
			a_replica_with_more_than_the_primary_has_parted),
		cmocka_unit_test(
			a_replica_below_the_promoted_position_is_waited_for),
		cmocka_unit_test(a_primary_cannot_be_pointed),
		cmocka_unit_test(a_refusal_ends_an_order),
		cmocka_unit_test(connection_strings_keep_what_is_not_exchanged),
		cmocka_unit_test(
			connection_strings_of_another_form_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
