/* Orders over a runtime socket: what is sent, how each ends. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/talk.h"

static struct talk talk;

static int set_up(void **state)
{
	(void)state;
	talk_begin(&talk, &talk_settings, true);
	talk_clear(&talk);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	talk_end(&talk);
	return 0;
}

static unsigned admin_of(const char *backend, const char *name)
{
	return fake_haproxy_server(talk.fake, backend, name)->admin;
}

static unsigned occurrences(const char *text, const char *of)
{
	unsigned n = 0;

	for (; (text = strstr(text, of)) != NULL; text++)
		n++;
	return n;
}

static void reads_then_gives_weight_state_and_sessions(void **state)
{
	(void)state;
	talk_order(&talk, 7, "be/s1", SERVER_MAINT, 100, true);
	assert_string_equal(talk.told, "");
	talk_settle(&talk);
	assert_string_equal(talk.sent, "show servers state be\n"
				       "set server be/s1 weight 100%\n"
				       "set server be/s1 state maint\n"
				       "shutdown sessions server be/s1\n");
	assert_string_equal(talk.told, "done 7\n");
	assert_int_equal(fake_haproxy_server(talk.fake, "be", "s1")->ended, 1);
}

static void leaves_what_is_not_ordered(void **state)
{
	(void)state;
	talk_order(&talk, 1, "be/s1", SERVER_DRAIN, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.sent, "show servers state be\n"
				       "set server be/s1 state drain\n");
	talk_clear(&talk);
	talk_order(&talk, 2, "be/s2", SERVER_UNKNOWN, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.sent, "show servers state be\n");
	assert_string_equal(talk.told, "done 2\n");
}

static void many_orders_share_one_read(void **state)
{
	(void)state;
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk_order(&talk, 2, "be/s2", SERVER_MAINT, 0, false);
	talk_order(&talk, 3, "two/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.sent, "show servers state\n"
				       "set server be/s1 state maint\n"
				       "set server be/s2 state maint\n"
				       "set server two/s1 state maint\n");
	assert_string_equal(talk.told, "done 1\ndone 2\ndone 3\n");
}

static void orders_for_one_server_follow_each_other(void **state)
{
	(void)state;
	talk_order(&talk, 1, "be/s1", SERVER_DRAIN, 0, false);
	talk_order(&talk, 2, "be/s1", SERVER_MAINT, 0, false);
	talk_order(&talk, 3, "be/s1", SERVER_READY, 100, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "done 1\ndone 2\ndone 3\n");
	assert_int_equal(admin_of("be", "s1"), 0);
	assert_int_equal(occurrences(talk.sent, "show servers state be\n"), 3);
}

static void acknowledged_order_is_not_told_again(void **state)
{
	(void)state;
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	talk_wait(&talk, 5 * SECOND);
	assert_string_equal(talk.told, "done 1\n");
}

static void little_weight_is_at_least_one(void **state)
{
	(void)state;
	talk_order(&talk, 1, "be/s1", SERVER_UNKNOWN, 10, false);
	talk_settle(&talk);
	assert_non_null(strstr(talk.sent, "set server be/s1 weight 1\n"));
	/* What was ordered is what is seen, though it is 100 % here. */
	talk_wait(&talk, 5 * SECOND);
	assert_string_equal(talk.told, "done 1\n");
}

static void new_process_has_the_weight_that_it_shows(void **state)
{
	(void)state;
	talk_order(&talk, 1, "be/s1", SERVER_UNKNOWN, 10, false);
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
	fake_haproxy_reload(talk.fake, talk.now);
	talk_wait(&talk, 50 * MS);
	assert_string_equal(talk.told, "up fresh\nbe/s1 READY 100\n"
				       "be/s2 READY 100\ntwo/s1 READY 100\n");
}

static void weight_is_of_the_configured_one(void **state)
{
	(void)state;
	fake_haproxy_server(talk.fake, "be", "s2")->configured_weight = 40;
	talk_order(&talk, 1, "be/s2", SERVER_UNKNOWN, 30, false);
	talk_settle(&talk);
	assert_int_equal(fake_haproxy_server(talk.fake, "be", "s2")->weight,
			 12);
}

/* --- other hands --------------------------------------------------------- */

static void drain_spares_an_unseen_maintenance(void **state)
{
	(void)state;
	fake_haproxy_operate(talk.fake, talk.now,
			     "set server be/s1 state maint");
	talk_order(&talk, 1, "be/s1", SERVER_DRAIN, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "be/s1 MAINT 100\nfailed 1 changed by "
				       "other hands: it is maint now\n");
	assert_int_equal(admin_of("be", "s1"), 1);
}

/* Ours on top of his would look like ours: whose it is must be known. */
static void maint_on_an_unseen_maintenance_fails(void **state)
{
	(void)state;
	fake_haproxy_operate(talk.fake, talk.now,
			     "set server be/s1 state maint");
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, true);
	talk_settle(&talk);
	assert_int_equal(occurrences(talk.told, "failed 1 "), 1);
	assert_int_equal(fake_haproxy_server(talk.fake, "be", "s1")->ended, 0);
}

static void one_refused_order_does_not_hold_up_the_batch(void **state)
{
	(void)state;
	fake_haproxy_operate(talk.fake, talk.now,
			     "set server be/s1 state maint");
	fake_haproxy_server(talk.fake, "two", "s1")->absent = true;
	talk_order(&talk, 1, "be/s1", SERVER_READY, 0, false);
	talk_order(&talk, 2, "two/s1", SERVER_MAINT, 0, false);
	talk_order(&talk, 3, "be/s2", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "be/s1 MAINT 100\n"
				       "failed 1 changed by other hands: "
				       "it is maint now\n"
				       "two/s1 ABSENT 100\n"
				       "failed 2 no such server\ndone 3\n");
}

static void order_after_the_change_was_told_is_carried_out(void **state)
{
	(void)state;
	fake_haproxy_operate(talk.fake, talk.now,
			     "set server be/s1 state drain");
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "done 1\n");
}

static void backend_that_is_gone_fails_its_orders(void **state)
{
	(void)state;
	fake_haproxy_server(talk.fake, "two", "s1")->absent = true;
	talk_order(&talk, 1, "two/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "two/s1 ABSENT 100\n"
				       "failed 1 no such server\n");
}

/* --- errors and losses --------------------------------------------------- */

static void refusal_is_told_in_haproxys_words(void **state)
{
	(void)state;
	fake_haproxy_forbid(talk.fake, true);
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 50, true);
	talk_settle(&talk);
	assert_string_equal(talk.told, "failed 1 Permission denied: the "
				       "socket lacks `level admin`\n");
	talk_clear(&talk);
	fake_haproxy_forbid(talk.fake, false);
	talk_order(&talk, 2, "be/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "done 2\n");
}

/* The giver holds the server's maintenance for its own, which it is. */
static void half_of_an_order_is_not_told_as_a_change(void **state)
{
	static const char table[] = "1\n# be_id\n"
				    "2 be 1 s1 ::1 2 0 1 1 0 1 0 2\n\n> ";
	static const char after[] = "1\n# be_id\n"
				    "2 be 1 s1 ::1 0 1 1 1 0 1 0 2\n\n> ";

	(void)state;
	talk_end(&talk);
	talk_begin(&talk, &talk_settings, false);
	talk_settle(&talk);
	talk_hear(&talk, "\n> \n> Pid: 7\n\n> ");
	talk_hear(&talk, table);
	talk_clear(&talk);
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, true);
	talk_settle(&talk);
	talk_hear(&talk, table);
	talk_hear(&talk, "\n> No idea.\n\n> ");
	assert_string_equal(talk.told, "failed 1 No idea.\n");
	talk_order(&talk, 2, "be/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	talk_hear(&talk, after);
	talk_hear(&talk, "\n> ");
	assert_string_equal(talk.told, "failed 1 No idea.\ndone 2\n");
}

/* As with HAProxy's own slowstart. */
static void static_backend_takes_no_part_in_a_slow_start(void **state)
{
	struct fake_server *s1 = fake_haproxy_server(talk.fake, "be", "s1");

	(void)state;
	s1->static_weight = true;
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	talk_order(&talk, 2, "be/s1", SERVER_READY, 10, false);
	talk_wait(&talk, 2 * SECOND);
	assert_int_equal(s1->admin, 0);
	assert_string_equal(talk.told, "done 1\ndone 2\n");
	talk_order(&talk, 3, "be/s1", SERVER_UNKNOWN, 100, false);
	talk_wait(&talk, 2 * SECOND);
	assert_string_equal(talk.told, "done 1\ndone 2\ndone 3\n");
}

static void order_to_a_leaving_process_fails_and_finds_the_new_one(void **state)
{
	(void)state;
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
	fake_haproxy_reload(talk.fake, talk.now);
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "failed 1 Proxy is disabled.\n"
				       "up fresh\nbe/s1 READY 100\n"
				       "be/s2 READY 100\ntwo/s1 READY 100\n");
}

static void orders_under_way_fail_once_when_the_link_is_lost(void **state)
{
	(void)state;
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
	fake_haproxy_hang(talk.fake, talk.now, true);
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk_order(&talk, 2, "be/s2", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	talk_order(&talk, 3, "two/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	fake_haproxy_kill(talk.fake);
	talk_settle(&talk);
	talk_wait(&talk, 10 * SECOND);
	assert_string_equal(talk.told, "failed 1 connection closed\n"
				       "failed 2 connection closed\n"
				       "down cannot connect\n"
				       "failed 3 cannot connect\n");
}

static void hanging_haproxy_fails_what_is_under_way(void **state)
{
	(void)state;
	fake_haproxy_hang(talk.fake, talk.now, true);
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	talk_wait(&talk, 1 * SECOND);
	assert_string_equal(talk.told,
			    "down hangs: no answer within 1000 ms\n"
			    "failed 1 hangs: no answer within 1000 ms\n");
}

static void order_without_a_link_fails_at_the_next_tick(void **state)
{
	(void)state;
	fake_haproxy_kill(talk.fake);
	talk_settle(&talk);
	talk_wait(&talk, 2 * SECOND);
	talk_clear(&talk);
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	assert_string_equal(talk.told, "");
	assert_true(instant_is_none(runtime_deadline(talk.runtime)));
	talk_wait(&talk, 0);
	assert_string_equal(talk.told, "failed 1 not connected\n");
}

static void new_connection_voids_what_waited_for_it(void **state)
{
	(void)state;
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
	fake_haproxy_kill(talk.fake);
	talk_settle(&talk);
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	fake_haproxy_start(talk.fake, talk.now);
	talk_wait(&talk, RUNTIME_QUICK_US);
	assert_string_equal(talk.told, "failed 1 the connection is a new one\n"
				       "up fresh\nbe/s1 READY 100\n"
				       "be/s2 READY 100\ntwo/s1 READY 100\n");
}

static void took_counts_from_the_order(void **state)
{
	(void)state;
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk.now = instant_add(talk.now, 3 * MS);
	talk_settle(&talk);
	assert_int_equal(talk.took_us, 3 * MS);
}

/* --- our own reload ------------------------------------------------------ */

static struct target_settings other_targets[] = {
	{ .name = "s3", .host = "127.0.0.1", .port = 20319, .service = 0 },
	{ .name = "s2", .host = "127.0.0.1", .port = 20312, .service = 0 },
	{ .name = "s1", .host = "::1", .port = 20313, .service = 1 },
};
static struct settings other;

static void move(void)
{
	struct runtime_views *views;
	struct servers *servers;

	other = talk_settings;
	other.service_count = 2;
	other.targets = other_targets;
	other.target_count = 3;
	servers = servers_new(&other);
	views = runtime_views_new(servers);
	runtime_move(talk.runtime, views, 0, talk.now);
	runtime_views_free(views);
	servers_free(talk.servers);
	talk.servers = servers;
	talk.set = &other;
}

static void reload_tells_every_server_anew(void **state)
{
	(void)state;
	talk_order(&talk, 1, "be/s2", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	talk_clear(&talk);
	move();
	talk_wait(&talk, 0);
	assert_string_equal(talk.told, "be/s2 MAINT 100\ntwo/s1 READY 100\n"
				       "be/s3 ABSENT 100\n");
}

static void reload_keeps_orders_under_way(void **state)
{
	(void)state;
	talk.deaf = true;
	talk_order(&talk, 1, "be/s2", SERVER_MAINT, 0, false);
	talk_order(&talk, 2, "be/s1", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	talk_order(&talk, 3, "two/s1", SERVER_DRAIN, 0, false);
	move();
	talk.deaf = false;
	talk_settle(&talk);
	assert_int_equal(occurrences(talk.told, "done 1\n"), 1);
	assert_int_equal(occurrences(talk.told, "failed 2 no longer in the "
						"configuration\n"),
			 1);
	assert_int_equal(occurrences(talk.told, "done 3\n"), 1);
	assert_int_equal(admin_of("be", "s2"), 1);
	assert_int_equal(admin_of("be", "s1"), 0);
	assert_int_equal(admin_of("two", "s1"), 8);
}

/* Half of the table was heard under the old settings. */
static void reload_amid_a_table_makes_nobody_absent(void **state)
{
	(void)state;
	talk_end(&talk);
	talk_begin(&talk, &talk_settings, false);
	talk_settle(&talk);
	talk_hear(&talk, "\n> \n> Pid: 7\n\n> 1\n# be_id\n"
			 "2 be 3 s3 ::1 2 0 1 1 0 1 0 2\n");
	talk_clear(&talk);
	move();
	talk_hear(&talk, "2 be 2 s2 ::1 2 0 1 1 0 1 0 2\n\n> ");
	assert_string_equal(talk.told, "be/s2 READY 100\n");
	assert_non_null(strstr(talk.sent, "show servers state\n"));
	talk_clear(&talk);
	talk_hear(&talk, "1\n# be_id\n2 be 3 s3 ::1 2 0 1 1 0 1 0 2\n\n> ");
	assert_string_equal(talk.told, "be/s3 READY 100\nbe/s2 ABSENT 100\n"
				       "two/s1 ABSENT 100\n");
}

static void reload_between_write_and_answer_loses_nothing(void **state)
{
	char data[16384];
	bool eof;
	size_t n;

	(void)state;
	talk.deaf = true;
	talk_order(&talk, 1, "be/s1", SERVER_MAINT, 0, false);
	talk_order(&talk, 2, "be/s2", SERVER_MAINT, 0, false);
	talk_settle(&talk);
	/* The table is heard, the commands go out, and then we reload. */
	n = fake_haproxy_read(talk.fake, talk.conn, data, sizeof(data), &eof);
	runtime_input(talk.runtime, talk.now, data, n);
	talk_settle(&talk);
	move();
	talk.deaf = false;
	talk_settle(&talk);
	assert_int_equal(occurrences(talk.told, "done 1\n"), 1);
	assert_int_equal(occurrences(talk.told, "done 2\n"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(reads_then_gives_weight_state_and_sessions),
		TEST(leaves_what_is_not_ordered),
		TEST(many_orders_share_one_read),
		TEST(orders_for_one_server_follow_each_other),
		TEST(acknowledged_order_is_not_told_again),
		TEST(little_weight_is_at_least_one),
		TEST(new_process_has_the_weight_that_it_shows),
		TEST(weight_is_of_the_configured_one),
		TEST(drain_spares_an_unseen_maintenance),
		TEST(maint_on_an_unseen_maintenance_fails),
		TEST(one_refused_order_does_not_hold_up_the_batch),
		TEST(order_after_the_change_was_told_is_carried_out),
		TEST(backend_that_is_gone_fails_its_orders),
		TEST(refusal_is_told_in_haproxys_words),
		TEST(half_of_an_order_is_not_told_as_a_change),
		TEST(static_backend_takes_no_part_in_a_slow_start),
		TEST(order_to_a_leaving_process_fails_and_finds_the_new_one),
		TEST(orders_under_way_fail_once_when_the_link_is_lost),
		TEST(hanging_haproxy_fails_what_is_under_way),
		TEST(order_without_a_link_fails_at_the_next_tick),
		TEST(new_connection_voids_what_waited_for_it),
		TEST(took_counts_from_the_order),
		TEST(reload_tells_every_server_anew),
		TEST(reload_keeps_orders_under_way),
		TEST(reload_amid_a_table_makes_nobody_absent),
		TEST(reload_between_write_and_answer_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
