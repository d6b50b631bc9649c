/* Redis: orders as rows of commands. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "databases/redis.h"

#define REPLICA "# Replication\r\nrole:slave\r\nslave_repl_offset:%s\r\n"

static struct database_order what;
static struct redis_order talk;
static enum redis_next next;

static void begin(enum database_order_kind kind)
{
	what = (struct database_order){ .kind = kind,
					.epoch = 7,
					.position = { 0, 5000 } };
	talk = (struct redis_order){ .what = &what,
				     .host = "10.0.0.2",
				     .port = 6380 };
	next = redis_order_begin(&talk);
}

static void says(const char *line)
{
	char said[512] = "";
	int i;

	assert_int_equal(next, REDIS_SAY);
	for (i = 0; i < talk.argc; i++)
		snprintf(said + strlen(said), sizeof(said) - strlen(said),
			 "%s%s", i > 0 ? " " : "", talk.argv[i]);
	assert_string_equal(said, line);
}

static void hears(const char *text)
{
	const struct redis_answer answer = { .text = text };

	next = redis_order_heard(&talk, &answer);
}

static void hears_error(const char *text)
{
	const struct redis_answer answer = { .error = true, .text = text };

	next = redis_order_heard(&talk, &answer);
}

static void a_promotion_is_proved_by_the_role(void **state)
{
	(void)state;
	begin(DATABASE_PROMOTE);
	says("CONFIG GET min-replicas-max-lag");
	hears("10");
	says("CONFIG GET min-replicas-to-write");
	hears("0");
	says("REPLICAOF NO ONE");
	hears("OK");
	says("INFO replication");
	hears("role:master\r\n");
	assert_int_equal(next, REDIS_DONE);

	begin(DATABASE_PROMOTE);
	hears("10");
	hears("0");
	hears("OK");
	hears("role:slave\r\n");
	assert_int_equal(next, REDIS_FAILED);
	assert_non_null(strstr(talk.why, "still a replica"));
}

static void a_fence_is_what_any_node_can_undo(void **state)
{
	(void)state;
	begin(DATABASE_FENCE);
	hears("0");
	says("CONFIG SET min-replicas-max-lag 1000000000");
	hears("OK");
	says("CONFIG GET min-replicas-to-write");
	hears("2");
	says("CONFIG SET min-replicas-to-write 2000000002");
	hears("OK");
	says("CLIENT KILL TYPE normal");
	hears("");
	assert_int_equal(next, REDIS_DONE);
	/* Again: nothing is added to it, but sessions end again. */
	begin(DATABASE_FENCE);
	hears("1000000000");
	says("CONFIG GET min-replicas-to-write");
	hears("2000000002");
	says("CLIENT KILL TYPE normal");
	/* By a node that has never heard of it. */
	begin(DATABASE_UNFENCE);
	says("CONFIG GET min-replicas-to-write");
	hears("2000000002");
	says("CONFIG SET min-replicas-to-write 2");
	hears("OK");
	says("CONFIG GET min-replicas-max-lag");
	hears("1000000000");
	says("CONFIG SET min-replicas-max-lag 0");
	hears("OK");
	assert_int_equal(next, REDIS_DONE);
	/* What is not fenced is left as it is. */
	begin(DATABASE_UNFENCE);
	hears("2");
	says("CONFIG GET min-replicas-max-lag");
	hears("10");
	assert_int_equal(next, REDIS_DONE);
}

static void a_fence_that_is_not_allowed_is_none(void **state)
{
	(void)state;
	begin(DATABASE_FENCE);
	hears_error("NOPERM this user has no permissions");
	assert_int_equal(next, REDIS_FAILED);
	assert_string_equal(talk.why,
			    "CONFIG: NOPERM this user has no permissions");
}

static void who_is_to_follow_is_a_replica_before_its_fence_is_gone(void **state)
{
	(void)state;
	begin(DATABASE_FOLLOW);
	says("REPLICAOF 10.0.0.2 6380");
	hears("OK");
	says("INFO replication");
	hears("role:slave\r\n");
	says("CONFIG GET min-replicas-to-write");
	hears("2000000000");
	says("CONFIG SET min-replicas-to-write 0");
	hears("OK");
	hears("10");
	assert_int_equal(next, REDIS_DONE);
}

static void who_is_to_follow_logs_in_as_it_is_told(void **state)
{
	(void)state;
	begin(DATABASE_FOLLOW);
	talk.user = "repl";
	talk.password = "secret";
	next = redis_order_begin(&talk);
	says("CONFIG SET masteruser repl");
	hears("OK");
	says("CONFIG SET masterauth secret");
	hears("OK");
	says("REPLICAOF 10.0.0.2 6380");
	begin(DATABASE_FOLLOW);
	talk.password = "secret";
	next = redis_order_begin(&talk);
	says("CONFIG SET masterauth secret");
}

static void without_the_right_to_ask_there_is_no_fence_to_undo(void **state)
{
	(void)state;
	begin(DATABASE_PROMOTE);
	hears_error("NOPERM");
	says("CONFIG GET min-replicas-to-write");
	hears_error("NOPERM");
	says("REPLICAOF NO ONE");
	hears_error("NOPERM");
	assert_int_equal(next, REDIS_FAILED);
}

static void a_position_is_waited_for(void **state)
{
	char text[128];

	(void)state;
	begin(DATABASE_CATCH_UP);
	says("INFO replication");
	snprintf(text, sizeof(text), REPLICA, "4999");
	hears(text);
	assert_int_equal(next, REDIS_LATER);
	snprintf(text, sizeof(text), REPLICA, "-1");
	hears(text);
	assert_int_equal(next, REDIS_LATER);
	snprintf(text, sizeof(text), REPLICA, "5000");
	hears(text);
	assert_int_equal(next, REDIS_DONE);
	begin(DATABASE_CATCH_UP);
	hears("role:master\r\nmaster_repl_offset:9000\r\n");
	assert_int_equal(next, REDIS_FAILED);
}

static void a_canary_tells_the_epoch(void **state)
{
	(void)state;
	begin(DATABASE_CANARY);
	says("SET bascule:canary 7");
	hears("OK");
	assert_int_equal(next, REDIS_DONE);
	begin(DATABASE_CANARY);
	hears_error("READONLY You can't write against a read only replica.");
	assert_int_equal(next, REDIS_FAILED);
	/* Its replicas come once it is routed. */
	begin(DATABASE_CANARY);
	hears_error("NOREPLICAS Not enough good replicas to write.");
	assert_int_equal(next, REDIS_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_promotion_is_proved_by_the_role),
		cmocka_unit_test(a_fence_is_what_any_node_can_undo),
		cmocka_unit_test(a_fence_that_is_not_allowed_is_none),
		cmocka_unit_test(
			who_is_to_follow_is_a_replica_before_its_fence_is_gone),
		cmocka_unit_test(who_is_to_follow_logs_in_as_it_is_told),
		cmocka_unit_test(
			without_the_right_to_ask_there_is_no_fence_to_undo),
		cmocka_unit_test(a_position_is_waited_for),
		cmocka_unit_test(a_canary_tells_the_epoch),
	};

	return cmocka_run_group_tests_name("redis orders", tests, NULL, NULL);
}
