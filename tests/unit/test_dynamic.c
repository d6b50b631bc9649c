/* Servers added at runtime: the commands, the answers, the removals. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "haproxy/dynamic.h"
#include "haproxy/removals.h"
#include "tests/unit/talk.h"

static struct service_settings services[] = {
	{ .name = "be", .backend = "be", .add_servers = true },
	{ .name = "two", .backend = "two", .add_servers = true },
};
static struct target_settings targets[] = {
	{ .name = "s1", .host = "127.0.0.1", .port = 20311, .service = 0 },
	{ .name = "s2", .host = "127.0.0.1", .port = 20312, .service = 0 },
	{ .name = "s1", .host = "0:0::1", .port = 20313, .service = 1 },
	{ .name = "n1", .host = "db.example", .port = 5, .service = 1 },
	{ .name = "x", .host = "127.0.0.1", .port = 0, .service = 1 },
};
static struct settings set = {
	.services = services,
	.service_count = 2,
	.targets = targets,
	.target_count = 5,
};

enum { S1, S2, TWO_S1, NAMED, PORTLESS };

static struct talk talk;
static const char *resolved; /* what "db.example" is */

static bool on_find(void *arg, unsigned target,
		    char ret_address[DYNAMIC_ADDRESS_MAX])
{
	(void)arg;
	assert_int_equal(target, NAMED);
	if (resolved == NULL)
		return false;
	snprintf(ret_address, DYNAMIC_ADDRESS_MAX, "%s", resolved);
	return true;
}

static const struct dynamic_places places = { on_find, NULL };

static int set_up(void **state)
{
	(void)state;
	services[0].target_count = 2;
	services[1].first_target = TWO_S1;
	services[1].target_count = 3;
	services[0].server_params = NULL;
	resolved = NULL;
	talk_begin(&talk, &set, true);
	runtime_find(talk.runtime, &places);
	talk_clear(&talk);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	talk_end(&talk);
	return 0;
}

/* --- the language -------------------------------------------------------- */

static void the_commands(void **state)
{
	char command[DYNAMIC_COMMAND_MAX];
	const struct servers *srv = talk.servers;

	(void)state;
	assert_null(dynamic_add(srv, &places, S1, command));
	assert_string_equal(command, "add server be/s1 127.0.0.1:20311");
	services[0].server_params = "weight 30 maxconn 7";
	assert_null(dynamic_add(srv, &places, S2, command));
	assert_string_equal(command, "add server be/s2 127.0.0.1:20312 "
				     "weight 30 maxconn 7");
	assert_null(dynamic_add(srv, &places, TWO_S1, command));
	assert_string_equal(command, "add server two/s1 [::1]:20313");
	assert_null(dynamic_move(srv, &places, TWO_S1, command));
	assert_string_equal(command, "set server two/s1 addr ::1 port 20313");
	assert_string_equal(dynamic_add(srv, &places, PORTLESS, command),
			    "its target has no port");
}

static void names_wait_for_their_address(void **state)
{
	char command[DYNAMIC_COMMAND_MAX];

	(void)state;
	assert_string_equal(dynamic_add(talk.servers, &places, NAMED, command),
			    "its target's address is not known");
	resolved = "10.0.0.7";
	assert_null(dynamic_add(talk.servers, &places, NAMED, command));
	assert_string_equal(command, "add server two/n1 10.0.0.7:5");
}

static void the_answers(void **state)
{
	(void)state;
	assert_true(dynamic_added("New server registered."));
	assert_false(dynamic_added(""));
	assert_false(dynamic_added("Already exists a server with the same "
				   "name in backend."));
	assert_true(dynamic_moved("IP changed from '127.0.0.1' to "
				  "'127.0.0.9' by 'stats socket command'"));
	assert_true(dynamic_moved("no need to change the addr, port changed "
				  "from '1' to '2' by 'stats socket command'"));
	assert_false(dynamic_moved("no need to change the addr, can't change "
				   "<port> to port map because it is "
				   "incompatible"));
	assert_false(dynamic_moved("Invalid addr 'bogus'"));
	assert_false(dynamic_moved(""));
	assert_int_equal(dynamic_deleted("Server deleted."), DYNAMIC_GONE);
	assert_int_equal(dynamic_deleted("No such server."), DYNAMIC_GONE);
	assert_int_equal(dynamic_deleted("No such backend."), DYNAMIC_GONE);
	assert_int_equal(dynamic_deleted("Server still has connections "
					 "attached to it, cannot remove it."),
			 DYNAMIC_BUSY);
	assert_int_equal(dynamic_deleted("Only servers in maintenance mode can "
					 "be deleted."),
			 DYNAMIC_BUSY);
	assert_int_equal(dynamic_deleted("Permission denied"), DYNAMIC_REFUSED);
	assert_int_equal(dynamic_deleted(""), DYNAMIC_REFUSED);
}

static bool misplaced(unsigned target, const char *text)
{
	struct server_line line;
	char copy[256];

	snprintf(copy, sizeof(copy), "%s", text);
	assert_true(server_line_read(copy, &line));
	return dynamic_misplaced(talk.servers, &places, target, &line);
}

static void what_is_elsewhere(void **state)
{
	(void)state;
	assert_false(misplaced(S1, "3 be 1 s1 127.0.0.1 2 0 1 1 3 1 0 2 0 0 0 "
				   "0 - 20311 - 0 0 - - 0"));
	assert_true(misplaced(S1, "3 be 1 s1 127.0.0.2 2 0 1 1 3 1 0 2 0 0 0 "
				  "0 - 20311 - 0 0 - - 0"));
	assert_true(misplaced(S1, "3 be 1 s1 127.0.0.1 2 0 1 1 3 1 0 2 0 0 0 "
				  "0 - 20312 - 0 0 - - 0"));
	assert_false(misplaced(S1, "3 be 1 s1 127.0.0.2 2 0 1 1"));
	/* However it is written. */
	assert_false(misplaced(TWO_S1, "4 two 1 s1 ::1 2 0 1 1 3 1 0 2 0 0 0 "
				       "0 - 20313 - 0 0 - - 0"));
	/* As long as nobody knows, it may be anywhere. */
	assert_false(misplaced(NAMED, "4 two 1 n1 10.0.0.6 2 0 1 1 3 1 0 2 0 "
				      "0 0 0 - 5 - 0 0 - - 0"));
	resolved = "10.0.0.7";
	assert_true(misplaced(NAMED, "4 two 1 n1 10.0.0.6 2 0 1 1 3 1 0 2 0 0 "
				     "0 0 - 5 - 0 0 - - 0"));
	services[0].add_servers = false;
	assert_false(misplaced(S1, "3 be 1 s1 127.0.0.2 2 0 1 1 3 1 0 2 0 0 0 "
				   "0 - 20311 - 0 0 - - 0"));
	services[0].add_servers = true;
}

/* --- orders -------------------------------------------------------------- */

static struct fake_server *server(const char *backend, const char *name)
{
	return fake_haproxy_server(talk.fake, backend, name);
}

static void lacks(const char *backend, const char *name)
{
	server(backend, name)->absent = true;
	talk_wait(&talk, 1 * SECOND);
	talk_clear(&talk);
}

static void add(uint64_t id, unsigned target)
{
	const struct server_order order = { .target = target, .add = true };

	runtime_order(talk.runtime, talk.now, id, &order);
	talk_settle(&talk);
}

static void adds_what_is_missing(void **state)
{
	(void)state;
	lacks("be", "s1");
	add(1, S1);
	assert_string_equal(talk.told, "done 1\n");
	assert_non_null(strstr(talk.sent, "add server be/s1 127.0.0.1:20311"
					  "\n"));
	assert_true(fake_haproxy_has(server("be", "s1")));
	assert_int_equal(server("be", "s1")->admin, 1);
	/* What was acknowledged is not told again. */
	talk_clear(&talk);
	talk_wait(&talk, 3 * SECOND);
	assert_string_equal(talk.told, "");
	talk_order(&talk, 2, "be/s1", SERVER_READY, 100, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "done 2\n");
	assert_int_equal(server("be", "s1")->admin, 0);
}

static void an_order_may_follow_at_once(void **state)
{
	const struct server_order order = { .target = S1, .add = true };

	(void)state;
	lacks("be", "s1");
	runtime_order(talk.runtime, talk.now, 1, &order);
	talk_order(&talk, 2, "be/s1", SERVER_READY, 100, false);
	talk_settle(&talk);
	assert_string_equal(talk.told, "done 1\ndone 2\n");
	assert_int_equal(server("be", "s1")->admin, 0);
}

static void tells_and_moves_what_is_elsewhere(void **state)
{
	(void)state;
	snprintf(server("be", "s1")->address, 64, "127.0.0.9");
	server("be", "s1")->moved_port = 9;
	talk_wait(&talk, 1 * SECOND);
	assert_string_equal(talk.told, "be/s1 READY 100 misplaced\n");
	talk_clear(&talk);
	add(1, S1);
	assert_string_equal(talk.told, "done 1\n");
	assert_string_equal(server("be", "s1")->address, "127.0.0.1");
	assert_int_equal(server("be", "s1")->moved_port, 20311);
	assert_int_equal(server("be", "s1")->admin, 0);
	talk_clear(&talk);
	talk_wait(&talk, 3 * SECOND);
	assert_string_equal(talk.told, "");
}

static void says_why_it_cannot(void **state)
{
	(void)state;
	lacks("be", "s1");
	lacks("two", "n1");
	server("be", "s2")->static_weight = true;
	add(1, S1);
	add(2, NAMED);
	assert_string_equal(talk.told,
			    "failed 1 Backend must use a dynamic load "
			    "balancing to support dynamic servers.\n"
			    "failed 2 its target's address is not known\n");
	talk_clear(&talk);
	server("be", "s2")->static_weight = false;
	fake_haproxy_forbid(talk.fake, true);
	add(3, S1);
	assert_string_equal(talk.told, "failed 3 Permission denied: the socket "
				       "lacks `level admin`\n");
}

static void a_reload_of_haproxy_forgets_it(void **state)
{
	(void)state;
	lacks("be", "s1");
	add(1, S1);
	talk_clear(&talk);
	fake_haproxy_reload(talk.fake, talk.now);
	talk_wait(&talk, 200 * MS);
	assert_non_null(strstr(talk.told, "up fresh\n"));
	assert_non_null(strstr(talk.told, "be/s1 ABSENT"));
	talk_clear(&talk);
	add(2, S1);
	assert_string_equal(talk.told, "done 2\n");
}

/* --- removals ------------------------------------------------------------ */

static char ended[512];

static void on_removed(void *arg, unsigned haproxy,
		       const struct removal *removal, const char *failed)
{
	size_t used = strlen(ended);

	(void)arg;
	assert_int_equal(haproxy, 0);
	snprintf(ended + used, sizeof(ended) - used, "%s/%s %s\n",
		 removal->backend, removal->name,
		 failed != NULL ? failed : "gone");
}

static void leave(int64_t grace_us)
{
	const struct removal list[] = {
		{ "be", "s1", grace_us },
		{ "be", "s2", grace_us },
	};

	ended[0] = '\0';
	runtime_remove(talk.runtime, removals_new(list, 2), on_removed, NULL);
	talk_settle(&talk);
}

static void removes_servers_one_after_the_other(void **state)
{
	(void)state;
	leave(0);
	assert_string_equal(ended, "be/s1 gone\nbe/s2 gone\n");
	assert_string_equal(talk.sent,
			    "set server be/s1 state maint\n"
			    "shutdown sessions server be/s1\ndel server be/s1\n"
			    "set server be/s2 state maint\n"
			    "shutdown sessions server be/s2\n"
			    "del server be/s2\n");
	assert_false(fake_haproxy_has(server("be", "s1")));
	talk_clear(&talk);
	ended[0] = '\0';
	talk_wait(&talk, 90 * SECOND);
	assert_null(strstr(talk.sent, "del server"));
	assert_string_equal(ended, "");
}

static void sessions_have_their_time(void **state)
{
	(void)state;
	server("be", "s1")->busy = true;
	leave(1 * SECOND);
	assert_string_equal(ended, "be/s2 gone\n");
	assert_int_equal(server("be", "s1")->admin, 1);
	talk_wait(&talk, 900 * MS);
	assert_true(server("be", "s1")->busy);
	talk_wait(&talk, 200 * MS);
	assert_string_equal(ended, "be/s2 gone\nbe/s1 gone\n");
	assert_int_equal(server("be", "s1")->ended, 1);
}

static void sessions_that_end_by_themselves_are_not_waited_for(void **state)
{
	(void)state;
	server("be", "s1")->busy = true;
	leave(1 * HOUR);
	talk_wait(&talk, 1 * SECOND);
	server("be", "s1")->busy = false;
	talk_wait(&talk, 100 * MS);
	assert_string_equal(ended, "be/s2 gone\nbe/s1 gone\n");
	assert_int_equal(server("be", "s1")->ended, 0);
}

static void a_refusal_is_said_once_and_asked_again(void **state)
{
	(void)state;
	fake_haproxy_forbid(talk.fake, true);
	leave(0);
	assert_string_equal(ended, "be/s1 Permission denied\n"
				   "be/s2 Permission denied\n");
	talk_wait(&talk, 70 * SECOND);
	assert_string_equal(ended, "be/s1 Permission denied\n"
				   "be/s2 Permission denied\n");
	fake_haproxy_forbid(talk.fake, false);
	ended[0] = '\0';
	talk_wait(&talk, 60 * SECOND);
	assert_string_equal(ended, "be/s1 gone\nbe/s2 gone\n");
}

static void with_their_process_they_are_gone(void **state)
{
	(void)state;
	server("be", "s1")->busy = true;
	leave(1 * HOUR);
	ended[0] = '\0';
	fake_haproxy_reload(talk.fake, talk.now);
	talk_clear(&talk);
	talk_wait(&talk, 2 * SECOND);
	assert_string_equal(ended, "be/s1 gone\n");
	/* The new process has it by its configuration. */
	assert_true(fake_haproxy_has(server("be", "s1")));
	assert_null(strstr(talk.sent, "del server"));
}

static void a_lost_link_delays_them(void **state)
{
	(void)state;
	fake_haproxy_hang(talk.fake, talk.now, true);
	leave(0);
	talk_wait(&talk, 3 * SECOND);
	assert_string_equal(ended, "");
	fake_haproxy_hang(talk.fake, talk.now, false);
	talk_wait(&talk, 10 * SECOND);
	assert_string_equal(ended, "be/s1 gone\nbe/s2 gone\n");
}

static void another_list_replaces_them(void **state)
{
	(void)state;
	server("be", "s1")->busy = true;
	leave(1 * HOUR);
	runtime_remove(talk.runtime, NULL, NULL, NULL);
	server("be", "s1")->busy = false;
	talk_wait(&talk, 2 * SECOND);
	assert_true(fake_haproxy_has(server("be", "s1")));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_commands),
		TEST(names_wait_for_their_address),
		TEST(the_answers),
		TEST(what_is_elsewhere),
		TEST(adds_what_is_missing),
		TEST(an_order_may_follow_at_once),
		TEST(tells_and_moves_what_is_elsewhere),
		TEST(says_why_it_cannot),
		TEST(a_reload_of_haproxy_forgets_it),
		TEST(removes_servers_one_after_the_other),
		TEST(sessions_have_their_time),
		TEST(sessions_that_end_by_themselves_are_not_waited_for),
		TEST(a_refusal_is_said_once_and_asked_again),
		TEST(with_their_process_they_are_gone),
		TEST(a_lost_link_delays_them),
		TEST(another_list_replaces_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
