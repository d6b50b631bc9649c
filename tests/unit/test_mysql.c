/* MariaDB and MySQL: what their answers say. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "checks/mysql.h"
#include "controller/core/instant.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* A row of names and values, one after the other. */
static void take(struct mysql_seen *seen, enum mysql_question question,
		 const char *const *words, size_t count)
{
	const char *names[32], *values[32];
	struct row row = { .names = names, .values = values };
	size_t i;

	assert_true(count / 2 <= COUNT(names));
	for (i = 0; i + 1 < count; i += 2) {
		names[row.count] = words[i];
		values[row.count++] = words[i + 1];
	}
	mysql_take(seen, question, &row);
}

#define TAKE(seen, question, words) take(seen, question, words, COUNT(words))

/* MariaDB 10.11.19 */
static const char *const maria[] = {
	"server_id",  "1",          "read_only",   "0",       "domain",
	"0",          "written",    "0-1-9",       "applied", "0-1-9",
	"wait_point", "AFTER_SYNC", "wait_ms",     "3600000", "waits_alone",
	"1",          "wsrep",      "0",           "started", "1795210040",
	"semi_sync",  "OFF",        "wsrep_ready", "OFF",     "followed",
	"0-1-9",
};
static const char *const maria_source[] = {
	"Slave_IO_State",
	"Waiting for master to send event",
	"Master_Host",
	"127.0.0.1",
	"Master_Port",
	"39301",
	"Slave_IO_Running",
	"Yes",
	"Slave_SQL_Running",
	"Yes",
	"Seconds_Behind_Master",
	"2",
	"Last_IO_Errno",
	"0",
	"Last_IO_Error",
	"",
	"Last_SQL_Errno",
	"0",
	"Last_SQL_Error",
	"",
	"Using_Gtid",
	"Slave_Pos",
	"Gtid_IO_Pos",
	"0-1-12",
};
static const char *const maria_replica[] = { "Server_id", "3",    "Host",
					     "127.0.0.1", "Port", "39303",
					     "Master_id", "1" };

static void set(const char **words, size_t count, const char *name,
		const char *value)
{
	size_t i;

	for (i = 0; i + 1 < count; i += 2)
		if (strcmp(words[i], name) == 0)
			words[i + 1] = value;
}

static void a_primary_is_who_follows_nobody(void **state)
{
	struct mysql_seen seen;

	(void)state;
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, maria);
	TAKE(&seen, MYSQL_OF_ITS_REPLICAS, maria_replica);
	assert_int_equal(seen.facts.role, DATABASE_PRIMARY);
	assert_true(seen.facts.writable);
	assert_false(seen.facts.unready);
	assert_false(seen.facts.durable);
	assert_int_equal(seen.facts.start, 1795210040);
	assert_int_equal(seen.facts.applied.timeline, 0);
	assert_int_equal(seen.facts.applied.offset, 9);
	assert_int_equal(seen.facts.received.offset, 9);
	assert_string_equal(seen.facts.history, "0-1-9");
	assert_string_equal(seen.facts.name, "1");
	assert_int_equal(seen.facts.replica_count, 1);
	assert_string_equal(seen.facts.replicas[0].name, "3");
	assert_int_equal(mysql_judge(&seen, 5).code, RESULT_L7OK);
}

static void a_replica_tells_what_it_has_received(void **state)
{
	struct mysql_seen seen;

	(void)state;
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, maria);
	TAKE(&seen, MYSQL_OF_ITS_SOURCE, maria_source);
	assert_int_equal(seen.facts.role, DATABASE_REPLICA);
	assert_false(seen.facts.writable);
	assert_int_equal(seen.facts.received.offset, 12);
	assert_int_equal(seen.facts.applied.offset, 9);
	assert_string_equal(seen.facts.source_host, "127.0.0.1");
	assert_int_equal(seen.facts.source_port, 39301);
	assert_true(seen.facts.source_up);
	assert_int_equal(seen.facts.lag_us, 2 * SECOND);
	assert_int_equal(mysql_judge(&seen, 5).code, RESULT_L7OK);
}

static void a_replica_that_was_written_to_is_errant(void **state)
{
	static const struct {
		const char *written, *followed;
		bool errant;
	} cases[] = {
		{ "0-1-10", "0-2-9", true },
		{ "0-2-10", "0-2-9", false }, /* replicated just now */
		{ "0-1-9", "0-1-9", false },  /* from when it was primary */
		{ "0-1-9", "0-2-12", false },
		{ "1-1-10,0-2-9", "0-2-9", false }, /* another domain */
		{ "0-1-10", "", true },
		{ "", "", false },
	};
	const char *words[COUNT(maria)];
	struct mysql_seen seen;
	size_t i;

	(void)state;
	memcpy(words, maria, sizeof(words));
	for (i = 0; i < COUNT(cases); i++) {
		set(words, COUNT(words), "written", cases[i].written);
		set(words, COUNT(words), "followed", cases[i].followed);
		mysql_begin(&seen, DIALECT_MARIADB);
		TAKE(&seen, MYSQL_OF_ITSELF, words);
		assert_false(seen.facts.errant);
		TAKE(&seen, MYSQL_OF_ITS_SOURCE, maria_source);
		assert_int_equal(seen.facts.errant, cases[i].errant);
	}
}

static void a_replica_without_its_primary_is_a_concern(void **state)
{
	const char *words[COUNT(maria_source)];
	struct mysql_seen seen;

	(void)state;
	memcpy(words, maria_source, sizeof(words));
	set(words, COUNT(words), "Slave_IO_Running", "Connecting");
	set(words, COUNT(words), "Seconds_Behind_Master", NULL);
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, maria);
	TAKE(&seen, MYSQL_OF_ITS_SOURCE, words);
	assert_false(seen.facts.source_up);
	assert_int_equal(seen.facts.lag_us, -1);
	assert_int_equal(mysql_judge(&seen, 5).code, RESULT_L7OKC);
}

static void a_replica_that_cannot_apply_says_why(void **state)
{
	const char *words[COUNT(maria_source)];
	struct mysql_seen seen;
	struct result res;

	(void)state;
	memcpy(words, maria_source, sizeof(words));
	set(words, COUNT(words), "Slave_SQL_Running", "No");
	set(words, COUNT(words), "Last_SQL_Error", "Duplicate entry '1'");
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, maria);
	TAKE(&seen, MYSQL_OF_ITS_SOURCE, words);
	res = mysql_judge(&seen, 5);
	assert_int_equal(res.code, RESULT_L7OKC);
	assert_string_equal(res.text,
			    "replica, applies nothing: Duplicate entry '1'");
}

static void a_primary_that_refuses_writes_is_a_concern(void **state)
{
	const char *words[COUNT(maria)];
	struct mysql_seen seen;

	(void)state;
	memcpy(words, maria, sizeof(words));
	set(words, COUNT(words), "read_only", "1");
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, words);
	assert_false(seen.facts.writable);
	assert_int_equal(mysql_judge(&seen, 5).code, RESULT_L7OKC);
}

static void galera_that_is_not_ready_does_not_serve(void **state)
{
	const char *words[COUNT(maria)];
	struct mysql_seen seen;

	(void)state;
	memcpy(words, maria, sizeof(words));
	set(words, COUNT(words), "wsrep", "1");
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, words);
	assert_true(seen.facts.unready);
	assert_int_equal(mysql_judge(&seen, 5).code, RESULT_L7STS);
	set(words, COUNT(words), "wsrep_ready", "ON");
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, words);
	assert_false(seen.facts.unready);
}

/* The replicas that are listed count as synchronous, all of them: a commit
 * waits for one, and it is not told which. */
static void semi_synchronous_is_durable_only_without_a_way_out(void **state)
{
	static const char *const ways_out[][2] = {
		{ "semi_sync", "OFF" },
		{ "wait_point", "AFTER_COMMIT" },
		{ "wait_ms", "10000" },
		{ "waits_alone", "0" },
	};
	const char *words[COUNT(maria)];
	struct mysql_seen seen;
	size_t i;

	(void)state;
	memcpy(words, maria, sizeof(words));
	set(words, COUNT(words), "semi_sync", "ON");
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, words);
	TAKE(&seen, MYSQL_OF_ITS_REPLICAS, maria_replica);
	assert_true(seen.facts.durable);
	assert_int_equal(seen.facts.quorum, 1);
	assert_true(seen.facts.replicas[0].synchronous);
	for (i = 0; i < COUNT(ways_out); i++) {
		memcpy(words, maria, sizeof(words));
		set(words, COUNT(words), "semi_sync", "ON");
		set(words, COUNT(words), ways_out[i][0], ways_out[i][1]);
		mysql_begin(&seen, DIALECT_MARIADB);
		TAKE(&seen, MYSQL_OF_ITSELF, words);
		assert_false(seen.facts.durable);
		assert_int_equal(seen.facts.quorum, 0);
	}
}

static void the_domain_is_the_servers_own_or_the_first(void **state)
{
	const char *words[COUNT(maria)];
	struct mysql_seen seen;

	(void)state;
	memcpy(words, maria, sizeof(words));
	set(words, COUNT(words), "applied", "5-2-77,0-1-9");
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, words);
	assert_int_equal(seen.facts.applied.offset, 9);
	set(words, COUNT(words), "domain", "3");
	mysql_begin(&seen, DIALECT_MARIADB);
	TAKE(&seen, MYSQL_OF_ITSELF, words);
	assert_int_equal(seen.facts.applied.timeline, 5);
	assert_int_equal(seen.facts.applied.offset, 77);
}

static void gtids_are_read_whatever_they_are(void **state)
{
	(void)state;
	assert_int_equal(mysql_sequence("0-1-9", 0), 9);
	assert_int_equal(mysql_sequence("5-2-11, 0-1-9", 0), 9);
	assert_int_equal(mysql_sequence("", 0), 0);
	assert_int_equal(mysql_sequence("0-1", 0), 0);
	assert_int_equal(mysql_sequence("rubbish,,-", 0), 0);
	assert_int_equal(mysql_sequence("0-1-9,", 7), 0);
}

static void a_set_counts_what_each_source_wrote_last(void **state)
{
	static const char one[] = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5";
	static const char two[] = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3:7,"
				  "\n4e11fa47-71ca-11e1-9e33-c80aa9429562:9";

	(void)state;
	assert_int_equal(mysql_set_position(one, ""), 5);
	assert_int_equal(mysql_set_position(two, ""), 16);
	assert_int_equal(mysql_set_position(one, two), 16);
	assert_int_equal(mysql_set_position("", ""), 0);
	assert_int_equal(mysql_set_position("x", ":"), 0);
	assert_int_equal(mysql_set_position("x:tag:1-4", ""), 4);
}

/* MySQL 8.0.36, as its manual and its users show it. */
static void the_dialect_of_mysql_says_the_same(void **state)
{
	static const char *const itself[] = {
		"server_id",  "7",
		"read_only",  "1",
		"applied",    "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5",
		"started",    "1795210040",
		"semi_sync",  NULL,
		"wait_point", NULL,
	};
	static const char *const source[] = {
		"Source_Host",
		"db1",
		"Source_Port",
		"3306",
		"Replica_IO_Running",
		"Yes",
		"Replica_SQL_Running",
		"Yes",
		"Seconds_Behind_Source",
		"0",
		"Retrieved_Gtid_Set",
		"3e11fa47-71ca-11e1-9e33-c80aa9429562:4-8",
		"Executed_Gtid_Set",
		"3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5",
		"Auto_Position",
		"1",
	};
	struct mysql_seen seen;

	(void)state;
	mysql_begin(&seen, DIALECT_MYSQL);
	TAKE(&seen, MYSQL_OF_ITSELF, itself);
	TAKE(&seen, MYSQL_OF_ITS_SOURCE, source);
	assert_int_equal(seen.facts.role, DATABASE_REPLICA);
	assert_int_equal(seen.facts.applied.offset, 5);
	assert_int_equal(seen.facts.received.offset, 8);
	assert_string_equal(seen.facts.source_host, "db1");
	assert_string_equal(seen.facts.name, "7");
	assert_int_equal(mysql_judge(&seen, 1).code, RESULT_L7OK);
}

static void what_a_person_must_mend_withdraws_nobody(void **state)
{
	static const unsigned codes[] = { 1040, 1044, 1045, 1129, 1130, 1142,
					  1203, 1226, 1227, 1698, 4151 };
	struct result res;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(codes); i++)
		assert_int_equal(mysql_judge_refusal(codes[i], "x", 1).code,
				 RESULT_L7OKC);
	res = mysql_judge_refusal(1045, "Access denied for user 'x'", 1);
	assert_string_equal(res.text,
			    "login refused: Access denied for user 'x'");
	assert_int_equal(res.status, 1045);
	assert_int_equal(mysql_judge_refusal(1053, "shutdown", 1).code,
			 RESULT_L7STS);
}

static void literals_are_quoted(void **state)
{
	char buf[16];

	(void)state;
	assert_true(mysql_literal("a'b\\c", buf, sizeof(buf)));
	assert_string_equal(buf, "'a\\'b\\\\c'");
	assert_true(mysql_literal("", buf, sizeof(buf)));
	assert_string_equal(buf, "''");
	assert_false(mysql_literal("0123456789abcdef", buf, sizeof(buf)));
}

static void nothing_said_is_no_answer(void **state)
{
	struct mysql_seen seen;

	(void)state;
	mysql_begin(&seen, DIALECT_MARIADB);
	assert_int_equal(mysql_judge(&seen, 1).code, RESULT_L7RSP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_is_who_follows_nobody),
		cmocka_unit_test(a_replica_tells_what_it_has_received),
		cmocka_unit_test(a_replica_that_was_written_to_is_errant),
		cmocka_unit_test(a_replica_without_its_primary_is_a_concern),
		cmocka_unit_test(a_replica_that_cannot_apply_says_why),
		cmocka_unit_test(a_primary_that_refuses_writes_is_a_concern),
		cmocka_unit_test(galera_that_is_not_ready_does_not_serve),
		cmocka_unit_test(
			semi_synchronous_is_durable_only_without_a_way_out),
		cmocka_unit_test(the_domain_is_the_servers_own_or_the_first),
		cmocka_unit_test(gtids_are_read_whatever_they_are),
		cmocka_unit_test(a_set_counts_what_each_source_wrote_last),
		cmocka_unit_test(the_dialect_of_mysql_says_the_same),
		cmocka_unit_test(what_a_person_must_mend_withdraws_nobody),
		cmocka_unit_test(literals_are_quoted),
		cmocka_unit_test(nothing_said_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
