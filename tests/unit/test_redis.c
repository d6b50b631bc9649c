/* Redis: what a server says of itself, as facts; recorded from 7.0. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "checks/redis.h"

#define REPLID "7e2dc64d6ae7a8763cf6cd6c1cf1167098cb4824"

static const char primary[] =
	"# Replication\r\nrole:master\r\nconnected_slaves:2\r\n"
	"min_slaves_good_slaves:1\r\n"
	"slave0:ip=127.0.0.1,port=31102,state=online,offset=38,lag=1\r\n"
	"slave1:ip=fd00::3,port=31103,state=send_bulk,offset=0,lag=0\r\n"
	"master_failover_state:no-failover\r\n"
	"master_replid:" REPLID "\r\n"
	"master_replid2:0000000000000000000000000000000000000000\r\n"
	"master_repl_offset:52\r\nsecond_repl_offset:-1\r\n"
	"repl_backlog_active:1\r\n";

static const char replica[] =
	"# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\n"
	"master_port:31101\r\nmaster_link_status:up\r\n"
	"master_last_io_seconds_ago:0\r\nmaster_sync_in_progress:0\r\n"
	"slave_read_repl_offset:60\r\nslave_repl_offset:52\r\n"
	"slave_priority:100\r\nslave_read_only:1\r\n"
	"replica_announced:1\r\nconnected_slaves:0\r\n"
	"master_replid:" REPLID "\r\nmaster_repl_offset:52\r\n"
	"second_repl_offset:-1\r\n";

static const char lonely[] =
	"role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:31101\r\n"
	"master_link_status:down\r\nmaster_sync_in_progress:1\r\n"
	"slave_repl_offset:-1\r\nmaster_replid:" REPLID "\r\n";

static struct database_facts facts;

static void take(const char *text)
{
	facts = (struct database_facts){ 0 };
	redis_take_replication(&facts, text);
}

static void a_primary_says_what_it_wrote_and_who_has_it(void **state)
{
	(void)state;
	take(primary);
	assert_int_equal(facts.role, DATABASE_PRIMARY);
	assert_true(facts.writable);
	assert_int_equal(facts.applied.offset, 52);
	assert_int_equal(facts.received.offset, 52);
	assert_int_equal(facts.received.timeline, 0);
	assert_int_equal(facts.replica_count, 2);
	assert_string_equal(facts.replicas[0].name, "127.0.0.1:31102");
	assert_true(facts.replicas[0].streaming);
	assert_int_equal(facts.replicas[0].acknowledged.offset, 38);
	assert_string_equal(facts.replicas[1].name, "fd00::3:31103");
	assert_false(facts.replicas[1].streaming);
	assert_string_equal(facts.history, REPLID ":-1");
	assert_false(facts.durable);
	assert_null(redis_concern(&facts));
}

static void a_replica_says_whom_it_follows_and_how_far(void **state)
{
	uint64_t system;

	(void)state;
	take(primary);
	system = facts.system;
	take(replica);
	assert_int_equal(facts.role, DATABASE_REPLICA);
	assert_false(facts.writable);
	assert_int_equal(facts.applied.offset, 52);
	assert_int_equal(facts.received.offset, 60);
	assert_string_equal(facts.source_host, "127.0.0.1");
	assert_int_equal(facts.source_port, 31101);
	assert_true(facts.source_up);
	/* It has the history of its primary. */
	assert_true(facts.system == system && system != 0);
	assert_null(redis_concern(&facts));
}

static void one_that_takes_in_a_copy_has_nothing_yet(void **state)
{
	(void)state;
	take(lonely);
	assert_int_equal(facts.applied.offset, 0);
	assert_true(facts.unready);
	assert_false(facts.source_up);
	assert_non_null(redis_concern(&facts));
}

static void each_start_is_another_one(void **state)
{
	struct database_facts a = { 0 }, b = { 0 };
	uint16_t port = 0;

	(void)state;
	redis_take_server(&a,
			  "redis_version:7.0.15\r\nrun_id:75ec\r\n"
			  "tcp_port:31101\r\n",
			  &port);
	redis_take_server(&b, "run_id:75ed\r\ntcp_port:31101\r\n", &port);
	assert_int_equal(port, 31101);
	assert_true(a.start != 0 && b.start != 0 && a.start != b.start);
}

static void replicas_that_count_are_told_where_they_matter(void **state)
{
	(void)state;
	assert_int_equal(redis_good_replicas(primary), 1);
	assert_int_equal(redis_good_replicas(replica), -1);
}

static void errors_are_told_apart(void **state)
{
	static const struct {
		const char *text;
		enum result_code code;
	} rows[] = {
		{ "NOAUTH Authentication required.", RESULT_L7OKC },
		{ "WRONGPASS invalid username-password pair or user is "
		  "disabled.",
		  RESULT_L7OKC },
		{ "NOPERM this user has no permissions to run the 'info' "
		  "command",
		  RESULT_L7OKC },
		{ "MASTERDOWN Link with MASTER is down", RESULT_L7OKC },
		{ "READONLY You can't write against a read only replica.",
		  RESULT_L7OKC },
		{ "LOADING Redis is loading the dataset in memory",
		  RESULT_L7STS },
		{ "MISCONF Redis is configured to save RDB snapshots",
		  RESULT_L7STS },
		{ "BUSY Redis is busy running a script", RESULT_L7STS },
		{ "ERR max number of clients reached", RESULT_L7STS },
	};
	struct result res;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		res = redis_judge_error(rows[i].text, 5);
		assert_int_equal(res.code, rows[i].code);
		assert_memory_equal(res.text, rows[i].text, 6);
		assert_int_equal(res.latency_us, 5);
	}
}

/* At the end of memory of its own, so that a reader which goes beyond it is
 * seen by the sanitizer. */
static void an_answer_may_be_cut_anywhere(void **state)
{
	static const char *const texts[] = { primary, replica, lonely };
	uint16_t port;
	size_t i, n;
	char *cut;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		for (n = 0; n <= strlen(texts[i]); n++) {
			cut = strndup(texts[i], n);
			assert_non_null(cut);
			take(cut);
			redis_take_server(&facts, cut, &port);
			redis_good_replicas(cut);
			assert_true(memchr(facts.source_host, '\0',
					   DATABASE_NAME_MAX) != NULL);
			free(cut);
		}
}

static void more_replicas_than_are_listed_are_counted(void **state)
{
	char text[2048] = "role:master\r\nconnected_slaves:12\r\n";
	unsigned i;

	(void)state;
	for (i = 0; i < 12; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "slave%u:ip=10.0.0.%u,port=1,state=online,offset=1,"
			 "lag=0\r\n",
			 i, i);
	take(text);
	assert_int_equal(facts.replica_count, 12);
	assert_string_equal(facts.replicas[7].name, "10.0.0.7:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_primary_says_what_it_wrote_and_who_has_it),
		cmocka_unit_test(a_replica_says_whom_it_follows_and_how_far),
		cmocka_unit_test(one_that_takes_in_a_copy_has_nothing_yet),
		cmocka_unit_test(each_start_is_another_one),
		cmocka_unit_test(
			replicas_that_count_are_told_where_they_matter),
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(an_answer_may_be_cut_anywhere),
		cmocka_unit_test(more_replicas_than_are_listed_are_counted),
	};

	return cmocka_run_group_tests_name("redis", tests, NULL, NULL);
}
