/* The settings of databases and of their groups. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "controller/core/instant.h"
#include "tests/unit/config_text.h"

#define HAPROXY "haproxy = ( { socket = \"/s\"; master_socket = \"/m\"; } );\n"

/* Line 2: one group "g" of two Redis servers, @inside its failover block and
 * @beside before its targets. */
#define GROUP_OF(type, beside, inside)                                         \
	HAPROXY "services = ( { name = \"g\"; check = { type = \"" type        \
		"\"; }; " beside " failover = { " inside " };\n"               \
		"targets = ( { name = \"a\"; address = \"10.0.0.1:6379\"; "    \
		"priority = 7; node = \"n1\"; }, { name = \"b\"; "             \
		"address = \"10.0.0.2:6379\"; } ); } );\n"
#define GROUP(inside) GROUP_OF("redis", "backend = \"be\";", inside)

static void takes_a_group_and_its_defaults(void **state)
{
	struct settings *set = config_right(GROUP(""));
	const struct failover_settings *fail = set->services[0].failover;

	(void)state;
	assert_non_null(fail);
	assert_int_equal(fail->mode, FAILOVER_AUTOMATIC);
	assert_int_equal(fail->durability, DURABILITY_AVAILABILITY);
	assert_int_equal(fail->on_quorum_loss, QUORUM_LOSS_WITHDRAW);
	assert_int_equal(fail->max_lag_bytes, 1 << 20);
	assert_int_equal(fail->cooldown_us, 60 * SECOND);
	assert_int_equal(fail->promote_timeout_us, 30 * SECOND);
	assert_int_equal(fail->hook_timeout_us, 10 * SECOND);
	assert_int_equal(fail->canary_us, 0);
	assert_int_equal(set->services[0].check.timeout_min_us, 20 * MS);
	assert_null(fail->readers);
	assert_int_equal(fail->line, 2);
	assert_int_equal(set->targets[0].priority, 7);
	assert_string_equal(set->targets[0].node, "n1");
	assert_int_equal(set->targets[1].priority, 100);
	assert_null(set->targets[1].node);
	assert_true(set->services[0].check.tether);
	settings_free(set);
}

static void takes_what_a_group_may_have(void **state)
{
	struct settings *set = config_right(
		GROUP("mode = \"manual\"; durability = \"no-loss\"; "
		      "on_quorum_loss = \"withdraw\"; max_lag = \"64KiB\"; "
		      "cooldown = \"0s\"; promote_timeout = \"5s\"; "
		      "fence = \"/bin/true\"; rejoin = "
		      "\"unit:bascule-rejoin.service\"; "
		      "hook_timeout = \"3s\"; "
		      "canary = \"1s\";"));
	const struct failover_settings *fail = set->services[0].failover;

	(void)state;
	assert_int_equal(fail->mode, FAILOVER_MANUAL);
	assert_int_equal(fail->durability, DURABILITY_NO_LOSS);
	assert_int_equal(fail->max_lag_bytes, 64 * 1024);
	assert_int_equal(fail->promote_timeout_us, 5 * SECOND);
	assert_string_equal(fail->fence, "/bin/true");
	assert_string_equal(fail->rejoin, "unit:bascule-rejoin.service");
	assert_int_equal(fail->canary_us, SECOND);
	/* A disk is waited for as long as may be. */
	assert_int_equal(set->services[0].check.timeout_min_us,
			 set->services[0].check.timeout_us);
	settings_free(set);
}

static void holds_without_a_quorum_where_nothing_can_be_lost(void **state)
{
	static const char *const right[] = {
		GROUP("on_quorum_loss = \"hold\"; mode = \"manual\";"),
		GROUP("on_quorum_loss = \"hold\"; mode = \"observe\";"),
		GROUP_OF("postgresql", "backend = \"be\";",
			 "on_quorum_loss = \"hold\"; durability = "
			 "\"no-loss\";"),
	};
	struct settings *set;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
		set = config_right(right[i]);
		assert_int_equal(set->services[0].failover->on_quorum_loss,
				 QUORUM_LOSS_HOLD);
		settings_free(set);
	}
}

static void readers_are_a_service_of_the_same_targets(void **state)
{
	struct settings *set =
		config_right(GROUP("readers = \"ro\"; readers_min_up = 1;"));
	const struct service_settings *svc = &set->services[1];

	(void)state;
	assert_int_equal(set->service_count, 2);
	assert_int_equal(set->target_count, 4);
	assert_string_equal(svc->name, "g/readers");
	assert_string_equal(svc->backend, "ro");
	assert_int_equal(svc->readers_of, 1);
	assert_int_equal(svc->min_up, 1);
	assert_null(svc->failover);
	assert_int_equal(svc->first_target, 2);
	assert_string_equal(set->targets[3].name, "b");
	assert_int_equal(set->targets[3].service, 1);
	assert_int_equal(set->services[0].readers_of, 0);
	settings_free(set);
}

static void refuses_a_group_that_cannot_work(void **state)
{
	static const struct mistake mistakes[] = {
		{ GROUP_OF("http", "backend = \"be\";", ""),
		  "x.conf:2: failover of \"g\" has no database: give check a "
		  "type of \"postgresql\", \"mysql\" or \"redis\"\n" },
		{ "services = ( { name = \"g\"; check = { type = \"redis\"; "
		  "}; failover = {}; targets = ( { name = \"a\"; "
		  "address = \"10.0.0.1:6379\"; } ); } );\n",
		  "x.conf:1: failover of \"g\" has nothing to route: add "
		  "backend = \"...\", or mode = \"observe\"\n"
		  "x.conf:1: failover of \"g\" has 1 targets: give 2 to "
		  "16\n" },
		{ GROUP("on_quorum_loss = \"hold\";"),
		  "x.conf:2: on_quorum_loss = \"hold\" would let two primaries "
		  "acknowledge writes: add durability = \"no-loss\" or mode = "
		  "\"manual\", or let it withdraw\n" },
		{ GROUP("readers = \"be\";"),
		  "x.conf:2: readers = \"be\" is a backend of \"g\" already: "
		  "give readers one of their own\n" },
		{ GROUP("readers_min_up = 1;"),
		  "x.conf:2: readers_min_up does nothing without readers: add "
		  "readers = \"...\", or remove it\n" },
		{ GROUP("readers = \"ro\"; readers_min_up = 2;"),
		  "x.conf:2: readers_min_up = 2 but there are 1 replicas: "
		  "give at most that\n" },
		{ GROUP("replication_user = \"r\";"),
		  "x.conf:2: replication_user has no "
		  "replication_password_file: add it\n" },
		{ GROUP("fence = \"/nonexistent/fence\";"),
		  "x.conf:2: fence \"/nonexistent/fence\": No such file or "
		  "directory: check the path\n" },
		{ GROUP("max_lag = 5;"),
		  "x.conf:2: max_lag = 5 has no unit: write max_lag = "
		  "\"5MiB\" or \"5B\"\n" },
		{ GROUP("max_lag = \"5\";"),
		  "x.conf:2: max_lag: \"5\" has no unit: write \"5MiB\" or "
		  "\"5B\"\n" },
		{ GROUP("max_lag = \"5MB\";"),
		  "x.conf:2: max_lag: \"5MB\" is no size: write a whole "
		  "number and B, KiB, MiB, GiB or TiB, such as \"1MiB\"\n" },
		{ GROUP("max_lag = \"2048TiB\";"),
		  "x.conf:2: max_lag = \"2048TiB\" is out of range: give at "
		  "most \"1024TiB\"\n" },
		{ GROUP("max_lag = \"99999999999999999999B\";"),
		  "x.conf:2: max_lag: \"99999999999999999999B\" is larger "
		  "than anything: write less\n" },
		{ GROUP("mod = \"manual\";"),
		  "x.conf:2: unknown setting mod: did you mean mode?\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void warns_of_what_means_something_in_a_group_only(void **state)
{
	(void)state;
	config_wrong("services = ( { name = \"s\"; targets = ( { name = "
		     "\"t\"; address = \"10.0.0.1:80\"; priority = 5; node = "
		     "\"n\"; } ); } );\n",
		     "x.conf:1: warning: priority does nothing without "
		     "failover of \"s\": remove it\n"
		     "x.conf:1: warning: node does nothing without failover "
		     "of \"s\": remove it\n");
}

static void refuses_a_database_check_that_contradicts_itself(void **state)
{
	static const struct mistake mistakes[] = {
		{ CHECK("type = \"redis\"; database = \"app\";"),
		  "x.conf:1: database \"app\" is no number: Redis counts its "
		  "databases from \"0\"\n" },
		{ CHECK("type = \"redis\"; user = \"app\";"),
		  "x.conf:1: user has no password_file: Redis lets nobody log "
		  "in without a password, add it\n" },
		{ CHECK("type = \"mysql\"; server_name = \"db\";"),
		  "x.conf:1: server_name does nothing without TLS: add tls = "
		  "\"verified\", or remove it\n" },
		{ CHECK("type = \"postgresql\"; verify = false;"),
		  "x.conf:1: verify means nothing to a check of type "
		  "\"postgresql\": remove it, or use type \"https\" or "
		  "\"tls\"\n" },
		{ CHECK("user = \"app\";"),
		  "x.conf:1: user means nothing to a check of type \"http\": "
		  "remove it, or use type \"postgresql\" or \"mysql\" or "
		  "\"redis\"\n" },
		{ "services = ( { name = \"s\"; check = { type = "
		  "\"postgresql\"; }; targets = ( { name = \"t\"; address = "
		  "\"10.0.0.1\"; } ); } );\n",
		  "x.conf:1: address \"10.0.0.1\" has no port: add one, such "
		  "as \"10.0.0.1:5432\"\n" },
		{ NULL, NULL },
	};

	(void)state;
	config_all_wrong(mistakes);
}

static void says_what_redis_cannot_promise(void **state)
{
	(void)state;
	config_wrong(GROUP("durability = \"no-loss\";"),
		     "x.conf:2: warning: Redis acknowledges writes before a "
		     "replica has them: with \"no-loss\" nothing is promoted "
		     "when its primary fails\n");
}

static void warns_of_leaving_workers_that_cannot_be_reached(void **state)
{
	(void)state;
	config_wrong("haproxy = ( { name = \"lb\"; socket = \"/s\"; } );\n"
		     "services = ( { name = \"g\"; backend = \"be\"; check = "
		     "{ type = \"redis\"; }; failover = {}; targets = ( { "
		     "name = \"t\"; address = \"10.0.0.1:1\"; }, { name = "
		     "\"u\"; address = \"10.0.0.2:1\"; } ); } );\n",
		     "x.conf:2: warning: haproxy \"lb\" has no master_socket: "
		     "workers that leave after its reload keep their "
		     "sessions to a former primary: add it (haproxy -S)\n");
}

static void refuses_more_groups_than_the_document_holds(void **state)
{
	char text[8192] = HAPROXY "services = (\n";
	size_t used;
	unsigned i;

	(void)state;
	for (i = 0; i < 17; i++) {
		used = strlen(text);
		snprintf(text + used, sizeof(text) - used,
			 "%s{ name = \"g%u\"; check = { type = \"redis\"; }; "
			 "backend = \"be%u\"; failover = {}; targets = ( { "
			 "name = \"a\"; address = \"10.0.%u.1:6379\"; }, { "
			 "name = \"b\"; address = \"10.0.%u.2:6379\"; } ); }",
			 i > 0 ? ",\n" : "", i, i, i, i);
	}
	strcat(text, ");\n");
	config_wrong(text, "x.conf:19: \"g16\" is one group of databases too "
			   "many: 16 are the limit\n");
}

static void a_password_is_nobody_elses(void **state)
{
	char path[] = "/tmp/bascule-pass-XXXXXX", text[512], said[512];
	int fd = mkstemp(path);
	struct settings *set;

	(void)state;
	assert_true(fd >= 0);
	close(fd);
	snprintf(text, sizeof(text),
		 CHECK("type = \"redis\"; password_file = \"%s\";"), path);
	assert_int_equal(chmod(path, 0640), 0);
	set = config_right(text);
	assert_string_equal(set->services[0].check.password_file, path);
	settings_free(set);
	assert_int_equal(chmod(path, 0644), 0);
	snprintf(said, sizeof(said),
		 "x.conf:1: password_file \"%s\" can be read by everybody: "
		 "take that away with chmod o-r\n",
		 path);
	config_wrong(text, said);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_group_and_its_defaults),
		cmocka_unit_test(takes_what_a_group_may_have),
		cmocka_unit_test(readers_are_a_service_of_the_same_targets),
		cmocka_unit_test(
			holds_without_a_quorum_where_nothing_can_be_lost),
		cmocka_unit_test(refuses_a_group_that_cannot_work),
		cmocka_unit_test(warns_of_what_means_something_in_a_group_only),
		cmocka_unit_test(
			refuses_a_database_check_that_contradicts_itself),
		cmocka_unit_test(a_password_is_nobody_elses),
		cmocka_unit_test(says_what_redis_cannot_promise),
		cmocka_unit_test(
			warns_of_leaving_workers_that_cannot_be_reached),
		cmocka_unit_test(refuses_more_groups_than_the_document_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
